"""The directory's story on the simulated tenant: from empty to what the files want, and not a step further. About half a minute."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from activities.directory_store import digest_of, is_agreed, refusals_of
from bascule.domain.codes import Code
from bascule.domain.directory_objects.changes import Change, Deed
from bascule.domain.directory_objects.values import WantedContact
from bascule.domain.errors import Refusal, Throttled, Unreachable
from bascule.domain.stages import Stage
from infra.grants.wanted import EXCHANGE_APP_ROLES, EXCHANGE_ROLES, GRAPH_ROLES, POWERS
from sandbox.in_process.simulation import Options, Simulation
from sandbox.world.misfortune import Failure, FailureKind
from sandbox.world.recipients import RecipientKind
from sandbox.world.weather import ORDINARY
from tests.directory.samples import (
    ALL,
    EVE,
    INFO,
    INNER,
    contacts,
    delegations,
    groups,
    mailboxes,
    members,
)
from tests.directory.school import School

THROTTLED = Failure(FailureKind.THROTTLED, 429, 7)
LOST = Failure(FailureKind.LOST_REPLY, 504)
OWNER, STAFF = "owner@example.org", "staff@example.org"


@pytest.fixture
def school() -> Iterator[School]:
    """Two people who are about to move, and two who live in the tenant already."""
    with Simulation(Options(people_count=2, messages_each=3)) as simulation:
        for address in (OWNER, STAFF):
            simulation.world.tenant.recipients.open_shared_mailbox(
                address, address, RecipientKind.USER_MAILBOX
            )
        yield School(simulation)


def files(*people: str) -> dict[str, bytes]:
    """Two groups, a shared mailbox and a contact; these people are in the group of all."""
    return {
        "groups.csv": groups(f"{ALL};Everybody;{OWNER};", f"{INNER};Inner;{OWNER} {INFO};true"),
        "group_members.csv": members(
            *(f"{ALL},{person}" for person in (STAFF, INNER, EVE, *people)), f"{INNER},{INFO}"
        ),
        "shared_mailboxes.csv": mailboxes(f"{INFO},Accueil"),
        "delegations.csv": delegations(
            f"{INFO},{STAFF},FullAccess", f"{INFO},{STAFF},SendAs", f"{INFO},{OWNER},SendOnBehalf"
        ),
        "contacts.csv": contacts(f"{EVE},Eve"),
    }


def test_from_nothing_to_what_the_files_want_and_the_second_time_nothing(school: School) -> None:
    """Whatever is written a second time was not there the first time, or is there twice."""
    school.keep(files())
    report = school.apply()
    written, calls = school.write_count(), school.world.calls["exchange"]
    again = school.apply()

    assert report["agrees"]
    assert report["refused"] == []
    assert school.members(ALL) == {STAFF, INNER, EVE}
    assert school.members(INNER) == {INFO}
    assert len(school.world.tenant.recipients.permissions) == 2
    assert again["done"] == {}
    assert school.write_count() == written
    assert school.world.calls["exchange"] - calls <= 10
    assert school.difference().changes == ()


def test_members_are_added_when_their_mailbox_has_arrived(school: School) -> None:
    """A group that waits for its last member would wait for months, and one filled by hand is filled wrong."""
    simulation = school.simulation
    simulation.upload()
    anna, boris = (person.address for person in simulation.people)
    school.keep(files(anna, boris))
    report = school.apply()
    assert {each["address"] for each in report["left"]["waiting"]} == {anna, boris}
    assert school.members(ALL) == {STAFF, INNER, EVE}

    simulation.run_until_all(Stage.SYNCED)
    simulation.run_until(lambda: not school.head.waiting_count, days=2)

    assert school.members(ALL) == {STAFF, INNER, EVE, anna, boris}
    assert school.head.asked_by == "mailboxes that arrived"


def test_nobody_is_removed_without_a_word_for_just_them(school: School) -> None:
    """A file that lost its lines in a spreadsheet must not empty a group."""
    school.keep(files())
    school.apply()
    school.world.tenant.groups.add_member(ALL, OWNER)
    smaller = files()
    smaller["group_members.csv"] = members(f"{ALL},{STAFF}", f"{INNER},{INFO}")
    smaller["delegations.csv"] = delegations(f"{INFO},{STAFF},FullAccess")
    school.keep(smaller)

    kept = school.apply()
    digest = kept["left"]["removals_digest"]
    assert len(kept["left"]["removals"]) == 5
    # As many by then, and not the same.
    school.world.tenant.groups.remove_member(ALL, OWNER)
    school.world.tenant.groups.add_member(INNER, OWNER)
    others = school.apply(digest)
    assert school.members(ALL) == {STAFF, INNER, EVE}
    assert len(others["left"]["removals"]) == 5

    report = school.apply(others["left"]["removals_digest"])
    assert school.members(ALL) == {STAFF}
    assert OWNER not in school.members(INNER)
    assert report["done"] == {Deed.REMOVE_MEMBER: 3, Deed.REVOKE: 2}
    assert school.head.removals_agreed == ""


def test_what_is_left_of_the_agreed_removals_is_agreed_and_nothing_else(school: School) -> None:
    """One that was refused is tried again in the next round; one that came meanwhile was seen by nobody."""
    removals = tuple(Change(Deed.REMOVE_MEMBER, ALL, f"p{at}@example.org") for at in range(600))
    digest, stranger = digest_of(removals), Change(Deed.REMOVE_MEMBER, ALL, OWNER)

    assert not is_agreed(school.ports, removals[1:], digest)
    assert is_agreed(school.ports, removals, digest)
    assert is_agreed(school.ports, (removals[0], removals[599]), digest)
    assert not is_agreed(school.ports, (removals[0], stranger), digest)
    assert not is_agreed(school.ports, removals, "")
    assert not is_agreed(school.ports, (), digest)


def test_a_new_upload_takes_back_the_word_for_removals(school: School) -> None:
    """It was given for other files, even if the new ones want the same removals."""
    school.keep(files())
    school.apply()
    smaller = {**files(), "group_members.csv": members()}
    school.keep(smaller)
    digest = digest_of(school.difference().removals)
    school.keep(files())
    school.ask(digest)
    school.keep(smaller)

    school.simulation.run_until(lambda: not school.head.is_under_way, days=2)

    assert school.members(ALL) == {STAFF, INNER, EVE}


def test_edits_by_hand_are_seen_and_put_right(school: School) -> None:
    """The file is the record: what somebody changed in between comes back, except what they added."""
    school.keep(files())
    school.apply()
    tenant = school.world.tenant
    tenant.groups.remove_member(ALL, STAFF)
    tenant.groups.remove(INNER)
    tenant.recipients.rename_contact(EVE, "Somebody")
    school.simulation.pass_time(hours=1)

    report = school.apply()

    assert report["agrees"]
    assert school.members(ALL) == {STAFF, INNER, EVE}
    assert report["done"][Deed.CREATE_GROUP] == 1
    assert report["done"][Deed.CORRECT_CONTACT] == 1


@pytest.mark.parametrize(
    "cmdlet",
    [
        "New-DistributionGroup",
        "New-Mailbox",
        "New-MailContact",
        "Add-DistributionGroupMember",
        "Add-MailboxPermission",
        "Add-RecipientPermission",
        "Set-Mailbox",
        "Set-DistributionGroup",
        "Get-Recipient",
    ],
)
@pytest.mark.parametrize("failure", [THROTTLED, LOST], ids=["throttled", "lost"])
def test_one_that_fails_is_done_later_and_once(
    school: School, cmdlet: str, failure: Failure
) -> None:
    """Throttling is a wait; a lost answer may hide an effect, and two groups of one purpose split their members."""
    school.keep(files())
    school.world.misfortune.provoke(f"exchange.{cmdlet}", failure)
    report = school.apply()

    assert report["agrees"]
    assert school.members(ALL) == {STAFF, INNER, EVE}
    names = [group.name for group in school.world.tenant.groups.seen()]
    assert len(names) == len(set(names)) == 3
    assert sum(each.address == EVE for each in school.ports.recipients.contacts()) == 1


@pytest.mark.parametrize("step_count", range(1, 16, 2))
def test_a_story_that_is_killed_and_lost_ends_the_same(school: School, step_count: int) -> None:
    """Everything stands in the documents; what the engine forgets must not matter."""
    school.keep(files())
    school.world.misfortune.provoke("exchange.Add-DistributionGroupMember", THROTTLED)
    school.ask()
    engine = school.simulation.engine
    for _ in range(step_count):
        if not engine.run_step() and not engine.fire_next_timer():
            break
    school.lose()
    school.ring()
    school.simulation.run_until(lambda: not school.head.is_under_way, days=2)

    assert school.report["agrees"]
    assert school.members(ALL) == {STAFF, INNER, EVE}
    assert school.members(INNER) == {INFO}


def test_what_exchange_refuses_is_named_and_holds_nobody_up(school: School) -> None:
    """One bad object among two thousand must not stop the others."""
    school.keep(files())
    # Somebody takes the address between the upload and the application.
    school.world.tenant.recipients.open_shared_mailbox(
        INNER, "Somebody", RecipientKind.USER_MAILBOX
    )
    report = school.apply()

    assert not report["agrees"]
    assert report["left"]["blocked"] == [
        {"address": INNER, "why": "the address belongs to a mailbox of the tenant"}
    ]
    assert EVE in school.members(ALL)


def test_a_refusal_that_no_longer_holds_is_not_reported(school: School) -> None:
    """A right that was granted meanwhile must not send anybody looking for it."""
    with_rights(school, RIGHTS - {"Mail Recipient Creation"})
    school.keep(files())
    school.ask()
    school.simulation.pass_time(hours=1)
    assert refusals_of(school.ports)
    with_rights(school, RIGHTS)
    school.simulation.run_until(lambda: not school.head.is_under_way, days=1)

    assert school.report["agrees"]
    assert school.report["refused"] == refusals_of(school.ports) == []


def test_a_name_that_is_refused_round_after_round_is_reported_in_the_end(school: School) -> None:
    """Somebody else's object has the name: a person has to choose, and the others are done."""

    def refused(wanted: WantedContact, name: str) -> None:
        del name
        raise Refusal(Code.REQUEST_REJECTED, f"{wanted.address}: somebody else has this name")

    school.ports.recipients.create_contact = refused  # type: ignore[method-assign]
    school.keep(files())
    report = school.apply()

    assert not report["agrees"]
    assert [each["address"] for each in report["refused"]] == [EVE]
    assert school.members(ALL) == {STAFF, INNER}


def test_the_coexistence_group_is_left_alone(school: School) -> None:
    """Its members decide where mail goes."""
    group = school.simulation.plan.tenant.coexistence_group
    school.world.tenant.groups.add_member(group, STAFF)
    school.keep(files())
    school.apply()

    assert school.members(group) == {STAFF}
    assert all(
        group not in (entry.key, entry.before, entry.after)
        for entry in school.ports.journal.entries("directory.objects")
    )


RIGHTS = frozenset(right.name for right in (*POWERS["objects"].graph, *POWERS["objects"].exchange))
BASE = frozenset(each.name for each in (*GRAPH_ROLES, *EXCHANGE_APP_ROLES))
BASE_IN_EXCHANGE = frozenset(each.name for each in EXCHANGE_ROLES)


def with_rights(school: School, rights: frozenset[str]) -> None:
    """Give the app what every migration needs, and these."""
    tenant = school.world.tenant
    tenant.app.roles = set(BASE | rights)
    tenant.exchange_roles = set(BASE_IN_EXCHANGE | rights)


def test_the_documented_power_is_enough(school: School) -> None:
    """A right that is missing from the list stops the application half-way."""
    with_rights(school, RIGHTS)
    school.keep(files())

    assert school.apply()["agrees"]


@pytest.mark.parametrize("right", sorted(RIGHTS))
def test_without_one_right_of_the_power_it_is_held_up_and_says_so(
    school: School, right: str
) -> None:
    """A right to spare is one more thing that a stolen identity can do."""
    with_rights(school, RIGHTS - {right})
    school.keep(files())
    school.ask()
    school.simulation.pass_time(hours=2)

    assert school.head.is_under_way
    assert refusals_of(school.ports)
    status = school.simulation.engine.control.instance("directory.objects").custom_status
    assert "held up" in str(status)


ROUGH = replace(
    ORDINARY,
    exchange_throttle_probability=0.1,
    exchange_transient_probability=0.1,
    exchange_lost_reply_probability=0.1,
)


@pytest.mark.parametrize("seed", range(1, 9))
def test_in_rough_weather_with_kills_and_hands_in_it_the_end_is_the_same(seed: int) -> None:
    """Whatever fails, and whoever meddles: the same groups, the same people, nothing twice."""
    with Simulation(
        Options(people_count=1, messages_each=1, seed=seed, weather=ROUGH)
    ) as simulation:
        for address in (OWNER, STAFF):
            simulation.world.tenant.recipients.open_shared_mailbox(
                address, address, RecipientKind.USER_MAILBOX
            )
        school = School(simulation)
        patiently(simulation, lambda: school.keep(files()))
        school.ask()
        for _ in range(3):
            simulation.pass_time(hours=0.05 * seed)
            school.lose()
            school.ring()
        simulation.run_until(lambda: not school.head.is_under_way, days=2)
        school.world.tenant.groups.remove_member(ALL, STAFF)
        simulation.pass_time(hours=2)
        school.ask()
        simulation.run_until(lambda: not school.head.is_under_way, days=2)

        assert school.members(ALL) == {STAFF, INNER, EVE}
        assert school.members(INNER) == {INFO}
        assert len(school.world.tenant.recipients.permissions) == 2
        groups_there = [group.name for group in school.world.tenant.groups.seen()]
        assert len(groups_there) == len(set(groups_there)) == 3
        assert school.report["agrees"], school.report


def patiently(simulation: Simulation, work: Callable[[], object]) -> None:
    """Do it again until the tenant answers, as a person with a terminal does."""
    for _ in range(50):
        try:
            work()
        except (Throttled, Unreachable):
            simulation.pass_time(hours=0.02)
        else:
            return
    raise AssertionError("the tenant never answered")
