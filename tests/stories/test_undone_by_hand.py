"""Group and alias changed by hand in the middle of a cutover, and after it: what was proven then is not believed any more."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.plan import Plan
from bascule.domain.plan_submission import SubmissionPlan
from bascule.domain.records import MailboxRecord, Wish
from bascule.domain.stages import Stage
from sandbox.in_process.simulation import Simulation
from sandbox.world.weather import CALM, Span
from tests.stories.conftest import Simulate
from tests.stories.endings import batch_has_let_go, judge_life
from triggers.views import mailbox_view

# Each carries a mailbox through weeks: seconds each.
pytestmark = pytest.mark.slow

ELSEWHERE = "anna@elsewhere.example.net"
SECOND = "a.second@example.org"
STALE_CACHES = replace(CALM, group_cache_age=Span(2 * 3600, 4 * 3600))


def row_of(simulation: Simulation) -> MailboxRecord:
    """The ledger's row of the first person."""
    return simulation.record_of(simulation.people[0].address)


def is_at(simulation: Simulation, stage: Stage) -> Callable[[], bool]:
    """Whether the first person's mailbox has come to a stage."""
    return lambda: row_of(simulation).stage is stage


def turn_by_hand(simulation: Simulation, destination: str, source: str = "") -> None:
    """Somebody lets a row, the first person's own unless another is named, lead somewhere."""
    address = source or simulation.people[0].address
    simulation.world.aliases.edit_by_hand(address, [destination])


def home_of(simulation: Simulation) -> str:
    """The first person's mailbox at the source."""
    return simulation.world.naming.source_address(simulation.people[0].address)


def routing_of(simulation: Simulation) -> str:
    """The first person's mailbox in the tenant."""
    return simulation.world.naming.routing_address(simulation.people[0].address)


def put_back(simulation: Simulation) -> None:
    """Somebody puts the first person's mailbox into the coexistence group."""
    group = simulation.names.group_address
    simulation.world.tenant.groups.add_member(group, simulation.people[0].address)


def is_member(simulation: Simulation) -> bool:
    """Whether the group, as written, has the first person's mailbox."""
    members = simulation.world.tenant.groups.members(simulation.names.group_address)
    return simulation.people[0].address in {each.primary_address for each in members}


def is_turned(simulation: Simulation) -> bool:
    """Whether the first person's alias leads to the tenant."""
    rows = simulation.world.aliases.rows_of(simulation.people[0].address)
    return rows == [routing_of(simulation)]


def leaving(simulation: Simulation) -> None:
    """Out of the group, held, the alias at home."""
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover()
    simulation.run_until(lambda: row_of(simulation).left_group_utc is not None)


def migrated(simulation: Simulation) -> None:
    """In the cloud, the grace not yet over."""
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.MIGRATED)


def carried_to_the_end(simulation: Simulation) -> None:
    """Let the mailbox close, and judge its whole life."""
    simulation.mail_to(simulation.people[0].address)
    simulation.mail_to(simulation.people[0].address, from_inside=True)
    simulation.run_until_closed()
    assert set(simulation.stages()) == {Stage.MIGRATED}
    batch_has_let_go(simulation)
    judge_life(simulation)


def journal_stages(simulation: Simulation) -> list[str]:
    """The stages that the journal tells of, in their order."""
    entries = simulation.ports.journal.entries("lot-1")
    return [entry.after for entry in entries if entry.effect == "stage"]


# -- before the alias is turned -----------------------------------------------------------------


@pytest.mark.parametrize("is_put_back", [True, False], ids=["put back", "left alone"])
def test_a_retry_turns_no_alias_on_the_proof_of_yesterday(
    simulate: Simulate, *, is_put_back: bool
) -> None:
    """Whoever mends the group puts everybody into it: alias and group would send every message round."""
    simulation = simulate(people_count=1)
    leaving(simulation)
    turn_by_hand(simulation, ELSEWHERE)
    simulation.run_until(is_at(simulation, Stage.SET_ASIDE))
    assert (row_of(simulation).code, row_of(simulation).resume_stage) == (
        Code.ALIAS_CHANGED,
        Stage.DETACHED,
    )
    turn_by_hand(simulation, home_of(simulation))
    if is_put_back:
        put_back(simulation)
    simulation.pass_time(days=1)
    simulation.ask(Wish.RETRY)
    simulation.pass_time(hours=1)

    assert (row_of(simulation).stage, is_turned(simulation)) == (Stage.SYNCED, False)
    assert row_of(simulation).has_begun_cutover
    assert mailbox_view(row_of(simulation))["detach_began_utc"], "whom to leave out of the group"
    assert not is_member(simulation)
    simulation.run_until(is_at(simulation, Stage.REDIRECTED))
    assert journal_stages(simulation)[-4:] == ["DETACHED", "SYNCED", "DETACHED", "REDIRECTED"]
    carried_to_the_end(simulation)


def test_a_mailbox_that_was_put_back_since_its_proof_is_set_aside(simulate: Simulate) -> None:
    """It waits for a row to be mended, and somebody thinks that who is at home belongs into the group."""
    simulation = simulate(people_count=1)
    leaving(simulation)
    turn_by_hand(simulation, home_of(simulation), SECOND)
    simulation.run_until(is_at(simulation, Stage.DETACHED))
    put_back(simulation)
    turn_by_hand(simulation, simulation.people[0].address, SECOND)
    simulation.run_until(is_at(simulation, Stage.SET_ASIDE))

    row = row_of(simulation)
    assert (row.code, row.resume_stage) == (Code.DETACH_NOT_PROVEN, Stage.DETACHED)
    assert "in the coexistence group again" in row.detail
    assert not is_turned(simulation)
    simulation.ask(Wish.RETRY)
    carried_to_the_end(simulation)


def test_a_mailbox_put_back_where_no_server_has_noticed_is_not_turned(simulate: Simulate) -> None:
    """Servers that remember it as gone let every probe stay, and know better once the alias is turned."""
    simulation = simulate(people_count=1, weather=STALE_CACHES)
    leaving(simulation)
    hold_s = simulation.plan.cutover.hold_s
    simulation.pass_time(hours=hold_s / 3600 - 0.1)
    put_back(simulation)
    simulation.run_until(lambda: bool({Stage.SET_ASIDE, Stage.REDIRECTED} & {*simulation.stages()}))

    assert (row_of(simulation).code, is_turned(simulation)) == (Code.DETACH_NOT_PROVEN, False)
    simulation.ask(Wish.RETRY)
    carried_to_the_end(simulation)


def test_a_mailbox_that_waited_longer_than_the_hold_is_proven_anew_by_itself(
    simulate: Simulate,
) -> None:
    """The app stood still for a night: whatever the servers have learned of the group meanwhile, nobody has looked."""
    simulation = simulate(people_count=1)
    leaving(simulation)
    turn_by_hand(simulation, home_of(simulation), SECOND)
    simulation.run_until(is_at(simulation, Stage.DETACHED))
    simulation.clock.advance_to(simulation.clock.now_utc().replace(hour=23))
    turn_by_hand(simulation, simulation.people[0].address, SECOND)
    simulation.run_until(is_at(simulation, Stage.REDIRECTED))

    assert journal_stages(simulation)[-4:] == ["DETACHED", "SYNCED", "DETACHED", "REDIRECTED"]
    carried_to_the_end(simulation)


def with_source_probes(plan: Plan) -> Plan:
    """The plan with a probe through a Postfix after the turn."""
    cutover = replace(plan.cutover, source_probe=True)
    return replace(plan, cutover=cutover, submission=SubmissionPlan(("mx1.example.org",)))


def test_a_retry_counts_no_probe_from_before(simulate: Simulate) -> None:
    """Two that stayed yesterday and one of today are one: the servers may have learned the group anew in between."""
    simulation = simulate(people_count=1)
    leaving(simulation)
    wanted_count = simulation.plan.cutover.probe_count
    simulation.run_until(
        lambda: (
            row_of(simulation).probe_proven_count == wanted_count - 1
            and row_of(simulation).probe_sent_utc is not None
        )
    )
    place = row_of(simulation)
    simulation.ports.ledger.amend_mailbox(
        place.batch,
        place.key,
        lambda row: replace(
            row,
            stage=Stage.SET_ASIDE,
            resume_stage=Stage.SYNCED,
            code=Code.STEP_BROKEN,
            version=row.version + 1,
        ),
    )
    simulation.pass_time(days=1)
    sent_count = simulation.witness.runs["send_probe"]
    simulation.ask(Wish.RETRY)
    simulation.run_until(is_at(simulation, Stage.REDIRECTED))

    assert simulation.witness.runs["send_probe"] - sent_count == wanted_count
    carried_to_the_end(simulation)


class ShutDoor:
    """A Postfix that takes no probe."""

    def send(self, *_: object) -> None:
        """Refuse it."""
        raise Refusal(Code.REDIRECT_NOT_PROVEN, "550 5.7.1 relaying denied")


def test_an_alias_that_was_turned_already_goes_on_and_out_of_the_group(simulate: Simulate) -> None:
    """Turned, and put back while it was set aside, it has both redirects: the sooner it is out again, the better."""
    simulation = simulate(people_count=1, change_plan=with_source_probes)
    door = simulation.ports.source_submission
    object.__setattr__(simulation.ports, "source_submission", ShutDoor())
    leaving(simulation)
    simulation.run_until(is_at(simulation, Stage.SET_ASIDE))
    assert (row_of(simulation).resume_stage, is_turned(simulation)) == (Stage.DETACHED, True)
    object.__setattr__(simulation.ports, "source_submission", door)
    put_back(simulation)
    simulation.pass_time(days=1)
    simulation.ask(Wish.RETRY)
    simulation.run_until(is_at(simulation, Stage.REDIRECTED))

    assert journal_stages(simulation)[-2:] == ["DETACHED", "REDIRECTED"]
    assert not is_member(simulation)
    simulation.violations.clear()
    carried_to_the_end(simulation)


# -- after it ------------------------------------------------------------------------------------


def test_no_mailbox_is_closed_while_its_alias_leads_home(simulate: Simulate) -> None:
    """Closed, its password destroyed and its sync removed, what then arrives at the source is fetched by nobody."""
    simulation = simulate(people_count=1)
    migrated(simulation)
    simulation.pass_time(days=2)
    turn_by_hand(simulation, home_of(simulation))
    simulation.mail_to(simulation.people[0].address)
    simulation.run_until(is_at(simulation, Stage.SET_ASIDE))

    row = row_of(simulation)
    assert (row.code, row.resume_stage) == (Code.ALIAS_CHANGED, Stage.MIGRATED)
    assert row.closed_utc is None
    simulation.mail_to(simulation.people[0].address)
    turn_by_hand(simulation, routing_of(simulation))
    simulation.ask(Wish.RETRY)
    # Postfix holds what came while the row led home for as long as any other mail.
    simulation.pass_time(hours=simulation.plan.cutover.grace_h - 1)
    assert (row_of(simulation).stage, row_of(simulation).closed_utc) == (Stage.MIGRATED, None)
    carried_to_the_end(simulation)


def test_nothing_is_certified_while_the_alias_leads_home(simulate: Simulate) -> None:
    """A provisioning job that writes its rows back at night makes a whole batch green over mailboxes that get no mail."""
    simulation = simulate(people_count=1)
    leaving(simulation)
    simulation.run_until(is_at(simulation, Stage.REDIRECTED))
    turn_by_hand(simulation, home_of(simulation))
    simulation.run_until(is_at(simulation, Stage.SET_ASIDE))

    row = row_of(simulation)
    assert (row.code, row.resume_stage) == (Code.ALIAS_CHANGED, Stage.FINAL_SYNC)
    assert row.certificate == ""
    simulation.mail_to(simulation.people[0].address)
    turn_by_hand(simulation, routing_of(simulation))
    simulation.ask(Wish.RETRY)
    carried_to_the_end(simulation)


def with_few_sweeps(plan: Plan) -> Plan:
    """The plan with patience for three new messages at the source."""
    return replace(plan, cutover=replace(plan.cutover, sweep_count_max=3))


def test_a_source_that_is_never_quiet_because_of_its_own_row_says_so(simulate: Simulate) -> None:
    """Whoever is told that the source is not quiet looks for sieve scripts and lists, and not at the row itself."""
    simulation = simulate(people_count=1, change_plan=with_few_sweeps)
    leaving(simulation)
    simulation.run_until(is_at(simulation, Stage.REDIRECTED))
    turn_by_hand(simulation, home_of(simulation))
    simulation.keep_writing(hours=24)
    simulation.run_until(is_at(simulation, Stage.SET_ASIDE))

    row = row_of(simulation)
    assert (row.code, row.resume_stage) == (Code.ALIAS_CHANGED, Stage.REDIRECTED)
    turn_by_hand(simulation, routing_of(simulation))
    simulation.ask(Wish.RETRY)
    carried_to_the_end(simulation)


def test_a_mailbox_whose_alias_was_set_home_can_still_come_home(simulate: Simulate) -> None:
    """Somebody turned the row in a panic; the orderly way back has to be open all the same."""
    simulation = simulate(people_count=1)
    migrated(simulation)
    turn_by_hand(simulation, home_of(simulation))
    simulation.run_until(is_at(simulation, Stage.SET_ASIDE))
    simulation.ask(Wish.ROLLBACK)
    simulation.run_until(is_at(simulation, Stage.ROLLED_BACK))

    assert is_member(simulation)
    simulation.ask_cutover()
    carried_to_the_end(simulation)


@pytest.mark.parametrize("stage", [Stage.REDIRECTED, Stage.MIGRATED])
def test_a_mailbox_put_back_after_its_redirect_is_taken_out_again(
    simulate: Simulate, stage: Stage
) -> None:
    """With both redirects its mail goes round until a server gives up; to leave the group is right in any case."""
    simulation = simulate(people_count=1)
    leaving(simulation)
    simulation.run_until(is_at(simulation, stage))
    put_back(simulation)
    simulation.run_until_closed()

    assert not is_member(simulation)
    carried_to_the_end(simulation)


def test_a_group_that_is_gone_holds_nobody_up_who_has_left_it(simulate: Simulate) -> None:
    """The migrated need no group; they would be set aside by the hundred when it is deleted."""
    simulation = simulate(people_count=1)
    migrated(simulation)
    simulation.world.tenant.groups.remove(simulation.names.group_address)
    carried_to_the_end(simulation)
