"""Each step is run twice, as after a crash that hid its answer: the same answer, one effect."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import pytest

from activities.catalogue import WORK
from bascule.domain.completion import CompletionRef, Phase
from bascule.domain.directory_objects.records import DirectoryRef
from bascule.domain.licence_requests import LicenceChunk, LicenceProgress, LicenceRun
from bascule.domain.password_requests import (
    AccountPageRequest,
    ResetChunk,
    ResetRequest,
    Selection,
)
from bascule.domain.plan import PasswordRule
from bascule.domain.records import Wish
from bascule.domain.requests import (
    CertificateRequest,
    CloudMailboxQuestion,
    DeltaRequest,
    HoldUp,
    HomeRequest,
    KeyPageRequest,
    LicenceRequest,
    MembershipQuestion,
    Probe,
    Progress,
    Refusals,
    RouteExpectation,
    Strays,
    SwitchRequest,
    WishRequest,
)
from bascule.domain.routes import RouteSwitch
from bascule.domain.stages import Stage
from bascule.domain.tenant import Part
from bascule.domain.tenant_records import (
    PREPARATION,
    MemberPage,
    PartRef,
    Preparation,
    PreparationProgress,
    PreparationRef,
    TenantQuestion,
)
from sandbox.in_process.simulation import BATCH, START_UTC, Options, Simulation
from sandbox.world.coexistence import RULE_NAME
from sandbox.world.mail import header
from sandbox.world.misfortune import Failure, FailureKind
from tests.activities import completion_moments, moments
from tests.activities.moments import REF, asked, first, ref, state_of
from tests.directory import moments as directory_moments

TOKEN = "11111111-2222-3333-4444-555555555555"


@dataclass(frozen=True)
class Case:
    """A step at the moment at which it does its work."""

    step: str
    moment: Callable[[Simulation], None]
    request: Callable[[Simulation], object]


def turning(simulation: Simulation) -> RouteSwitch:
    """The alias of the first person, from home to the tenant."""
    row = first(simulation)
    return RouteSwitch(
        row.address, row.route_home, simulation.world.naming.routing_address(row.address)
    )


def asked_utc(simulation: Simulation) -> datetime:
    """When the preparation was asked for."""
    found = simulation.ports.documents.find(PREPARATION, Preparation)
    assert found is not None
    return found.asked_utc


def probing(simulation: Simulation) -> None:
    """Out of the group, the next probe written down and not yet sent."""
    moments.detached(simulation)
    moments.amended(simulation, lambda row: replace(row, probe_token=TOKEN, probe_sent_utc=None))


def leaving(simulation: Simulation) -> None:
    """The cutover is written down as begun; still in the group."""
    moments.synced(simulation)
    now_utc = simulation.clock.now_utc()
    moments.amended(simulation, lambda row: replace(row, detach_began_utc=now_utc))


def rolled_back(simulation: Simulation) -> HomeRequest:
    """Everything the cloud has received."""
    return HomeRequest(ref(simulation), START_UTC)


def refused_file(simulation: Simulation) -> Refusals:
    """The upload that lies there, refused for want of seats."""
    upload = simulation.ports.blobs.find_upload(BATCH)
    assert upload is not None
    return Refusals(BATCH, upload.etag, "no_seat", "two seats are missing")


def reset_chunk(simulation: Simulation) -> ResetChunk:
    """A new password for the first person."""
    selection = Selection(batch=BATCH)
    request = ResetRequest("reset-1", selection, "operator", PasswordRule.RANDOM)
    return ResetChunk(request, 0, (ref(simulation),))


RUN = LicenceRun("licences-1", "operator", cohort="default")
CASES = (
    Case("validate_upload", moments.uploaded, lambda _: REF),
    Case("find_licence_changes", moments.migrated, lambda _: RUN),
    Case(
        "license_accounts",
        moments.migrated,
        lambda now: LicenceChunk(RUN, (first(now).address,)),
    ),
    Case("close_licence_run", moments.migrated, lambda _: LicenceProgress(RUN)),
    Case("check_domains", moments.uploaded, lambda _: REF),
    Case("reserve_seats", moments.uploaded, lambda _: REF),
    Case("read_directory", directory_moments.compared, lambda _: DirectoryRef()),
    Case("compare_directory", directory_moments.asked, lambda _: DirectoryRef()),
    Case("apply_directory", directory_moments.compared, directory_moments.chunk),
    Case("register_batch", moments.uploaded, lambda _: REF),
    Case("refuse_upload", moments.uploaded, refused_file),
    Case("withdraw_upload", moments.registered, lambda _: REF),
    Case("read_progress", moments.registered, lambda _: REF),
    Case("list_keys", moments.registered, lambda _: KeyPageRequest(BATCH, "", 1)),
    Case("survey_source", moments.registered, ref),
    Case("check_route", moments.registered, lambda now: RouteExpectation(ref(now), "")),
    Case("find_bypasses", moments.synced, ref),
    Case("ensure_account", moments.registered, ref),
    Case("read_mailbox", moments.registered, ref),
    Case("ensure_licence", moments.licensed, lambda now: LicenceRequest(ref(now), is_after=True)),
    Case(
        "find_cloud_mailbox",
        moments.coexisting,
        lambda now: CloudMailboxQuestion(ref(now), first(now).account_id),
    ),
    Case("join_coexistence", moments.coexisting, ref),
    Case(
        "see_membership",
        moments.coexisting,
        lambda now: MembershipQuestion(ref(now), True, START_UTC),
    ),
    Case("find_membership", moments.redirected, ref),
    Case("build_sync_batches", moments.coexisting, lambda _: REF),
    Case("see_sync", moments.synced, ref),
    Case("read_marks", moments.synced, ref),
    Case("request_delta", moments.synced, lambda now: DeltaRequest(ref(now), START_UTC)),
    Case("serve_deltas", moments.synced, lambda _: REF),
    Case("report_hold_up", moments.synced, lambda _: HoldUp(BATCH, "no endpoint")),
    Case("report_late_sync", moments.synced, lambda _: REF),
    Case("restart_sync", moments.synced, ref),
    Case("leave_sync", moments.given_up, ref),
    Case("file_difference", moments.changed, lambda _: REF),
    Case("apply_difference", moments.accepted, lambda _: REF),
    Case("leave_coexistence", leaving, ref),
    Case("send_probe", probing, lambda now: Probe(ref(now), TOKEN)),
    Case("look_for_probe", moments.detached, lambda now: Probe(ref(now), TOKEN)),
    Case("remove_strays", moments.detached, lambda now: Strays(ref(now), (TOKEN,))),
    Case("switch_route", moments.proven, lambda now: SwitchRequest(ref(now), turning(now))),
    Case("certify", moments.redirected, lambda now: CertificateRequest(ref(now))),
    Case("tell_user", moments.redirected, ref),
    Case("bring_home", moments.migrated, rolled_back),
    Case("destroy_secret", moments.migrated, ref),
    Case("close_batch", moments.migrated, lambda _: REF),
    Case(
        "list_accounts",
        moments.registered,
        lambda _: AccountPageRequest(Selection(batch=BATCH), "", 1),
    ),
    Case("tell_of_reset", moments.licensed, reset_chunk),
    Case("reset_passwords", moments.licensed, reset_chunk),
    Case("list_parts", moments.preparing, lambda _: PreparationRef()),
    Case("prepare_part", moments.preparing, lambda _: PartRef(Part.RULE, RULE_NAME)),
    Case(
        "record_preparation",
        moments.preparing,
        lambda now: PreparationProgress((), asked_utc(now), is_finished=True),
    ),
    Case("restore_members", moments.left_out, lambda _: MemberPage("", "", 10)),
    Case("read_completion", completion_moments.begun, lambda _: CompletionRef()),
    Case("watch_dns", completion_moments.begun, lambda _: CompletionRef()),
    Case("turn_authoritative", completion_moments.at(Phase.READY), lambda _: CompletionRef()),
    Case("remove_routing", completion_moments.at(Phase.ROUTING), lambda _: CompletionRef()),
    Case("remove_endpoint", completion_moments.at(Phase.ENDPOINT), lambda _: CompletionRef()),
    Case("destroy_keys", completion_moments.at(Phase.KEYS), lambda _: CompletionRef()),
    Case("file_completion", completion_moments.at(Phase.SEPARATING), lambda _: CompletionRef()),
    Case("see_tenant", moments.drifted, lambda _: TenantQuestion("guard")),
    Case(
        "grant_wish",
        moments.synced,
        lambda now: WishRequest(BATCH, Wish.CUTOVER, (first(now).key,), "operator"),
    ),
    Case(
        "grant_wish",
        moments.synced,
        lambda now: WishRequest(BATCH, Wish.SURVEY, (first(now).key,), "operator"),
    ),
    Case(
        "record_progress",
        moments.registered,
        lambda now: Progress(replace(first(now), stage=Stage.SURVEYED)),
    ),
)
BY_NAME = {work.__name__: work for work in WORK}
# They answer how much there was to do this time, and their stories decide nothing by it.
COUNTING = frozenset(
    {
        "apply_difference",
        "bring_home",
        "build_sync_batches",
        "ensure_licence",
        "prepare_part",
        "restart_sync",
        "restore_members",
    }
)
# The second time it is too early to say, because the first message may be on its way.
ASKS_AGAIN = frozenset({"tell_user"})


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """One person's migration."""
    with Simulation(Options(people_count=1, messages_each=11)) as made:
        yield made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.step)
def test_a_step_run_twice_answers_the_same_and_changes_once(
    simulation: Simulation, case: Case
) -> None:
    """The host repeats a step whose answer was lost; a second effect would be a second change to somebody's mail."""
    case.moment(simulation)
    request, work = case.request(simulation), BY_NAME[case.step]
    answer = asked(simulation, work, request)
    state = state_of(simulation)
    repeated = asked(simulation, work, request)

    assert isinstance(answer, dict)
    assert answer["$type"] in {"Done", "Later"}
    assert state_of(simulation) == state
    if case.step not in COUNTING | ASKS_AGAIN:
        assert repeated == answer


def test_every_step_is_tried() -> None:
    """A new step without its test of repetition is where the next doubled effect comes from."""
    assert {case.step for case in CASES} == set(BY_NAME)


def test_the_notice_is_sent_once_even_when_it_is_still_on_its_way(simulation: Simulation) -> None:
    """Two equal notices make a user ask which of them is the fraud."""
    moments.redirected(simulation)
    tell_user = BY_NAME["tell_user"]
    asked(simulation, tell_user, ref(simulation))
    asked(simulation, tell_user, ref(simulation))
    simulation.pass_time(hours=0.02)
    last = asked(simulation, tell_user, ref(simulation))

    subject = simulation.plan.notices.migrated_subject
    found = simulation.ports.cloud_mail.find_by_subject(first(simulation).account_id, subject)
    assert len(found) == 1
    assert isinstance(last, dict)
    assert last["$type"] == "Done"


def test_a_move_home_that_was_cut_short_is_finished(simulation: Simulation) -> None:
    """Appended at the source and left in the cloud, a message would be copied there a second time by the sync."""
    moments.migrated(simulation)
    removal = "graph.POST permanentDelete"
    simulation.world.misfortune.provoke(removal, Failure(FailureKind.TRANSIENT, 503))
    bring_home, request = BY_NAME["bring_home"], rolled_back(simulation)
    cut_short = asked(simulation, bring_home, request)
    address = first(simulation).address
    simulation.world.aliases.edit_by_hand(
        address, [simulation.world.naming.source_address(address)]
    )
    for _ in range(2):
        asked(simulation, bring_home, request)

    assert isinstance(cut_short, dict)
    assert cut_short["$type"] == "Later"
    cloud = simulation.world.tenant.mailboxes.at_address(address)
    assert cloud is not None
    letters = [header(each.raw, "Subject") for _, each in cloud.store.walk()]
    assert not any((subject or "").startswith("Courrier") for subject in letters)
    verdict = simulation.verdict()
    assert (verdict.lost, verdict.doubled) == ((), ())


def test_probes_sent_twice_are_removed_together(simulation: Simulation) -> None:
    """The second one would be the first mail that a user sees in the new mailbox."""
    probing(simulation)
    probe = Probe(ref(simulation), TOKEN)
    asked(simulation, BY_NAME["send_probe"], probe)
    asked(simulation, BY_NAME["send_probe"], probe)
    simulation.clock.advance_to(simulation.clock.now_utc().replace(minute=59))
    seen = asked(simulation, BY_NAME["look_for_probe"], probe)

    assert isinstance(seen, dict)
    assert isinstance(seen["value"], dict)
    assert seen["value"]["place"] == "cloud"
    assert simulation.probes_left() == []


def test_a_probe_that_nobody_waits_for_is_not_sent(simulation: Simulation) -> None:
    """A step that a frozen host runs late would send a probe after the look for it: a user would meet it."""
    moments.detached(simulation)
    asked(simulation, BY_NAME["send_probe"], Probe(ref(simulation), TOKEN))
    simulation.clock.advance_to(simulation.clock.now_utc().replace(minute=59))

    assert simulation.probes_left() == []


def test_what_a_frozen_host_does_late_turns_no_alias_after_the_rollback(
    simulation: Simulation,
) -> None:
    """Home again and in the group again, a mailbox whose alias is turned to the tenant once more has both redirects: a loop."""
    moments.proven(simulation)
    to_tenant = SwitchRequest(ref(simulation), turning(simulation))
    asked(simulation, BY_NAME["switch_route"], to_tenant)
    moments.amended(
        simulation, lambda row: replace(row, rollback_began_utc=simulation.clock.now_utc())
    )
    change = to_tenant.change
    home = SwitchRequest(to_tenant.ref, RouteSwitch(change.address, change.after, change.before))
    asked(simulation, BY_NAME["switch_route"], home)
    late = asked(simulation, BY_NAME["switch_route"], to_tenant)

    assert isinstance(late, dict)
    assert late["$type"] == "Later"
    assert simulation.world.aliases.rows_of(change.address) == [change.before]


def test_what_a_frozen_host_does_late_takes_nobody_out_of_the_group_again(
    simulation: Simulation,
) -> None:
    """A mailbox at home and out of the group gets its colleagues' mail in the cloud, where nobody looks."""
    leaving(simulation)
    moments.amended(
        simulation, lambda row: replace(row, rollback_began_utc=simulation.clock.now_utc())
    )
    late = asked(simulation, BY_NAME["leave_coexistence"], ref(simulation))

    assert isinstance(late, dict)
    assert late["$type"] == "Later"
    members = simulation.world.tenant.groups.members(simulation.names.group_address)
    assert [member.primary_address for member in members] == [first(simulation).address]
