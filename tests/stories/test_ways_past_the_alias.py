"""Other alias rows that lead straight to a mailbox: mail to them must not be left behind by a cutover."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from bascule.domain.codes import Code, Offence
from bascule.domain.records import MailboxRecord, Wish
from bascule.domain.stages import Stage
from sandbox.in_process.simulation import BATCH, Simulation
from tests.stories.conftest import Simulate
from tests.stories.endings import batch_has_let_go, judge_life

# Each carries a mailbox through weeks: seconds each.
pytestmark = pytest.mark.slow

SECOND, STAFF = "a.second@example.org", "staff@example.org"
WAIVED = (Offence.ALIAS_BYPASSED.value,)


def row_of(simulation: Simulation) -> MailboxRecord:
    """The ledger's row of the first person."""
    return simulation.record_of(simulation.people[0].address)


def add_way(simulation: Simulation, source: str = SECOND) -> None:
    """Somebody adds a row that leads straight to the first person's home."""
    home = simulation.world.naming.source_address(simulation.people[0].address)
    simulation.world.aliases.edit_by_hand(source, [home])


def mend(simulation: Simulation, source: str = SECOND) -> None:
    """Somebody lets the row lead to the person's public address."""
    simulation.world.aliases.edit_by_hand(source, [simulation.people[0].address])


def surveyed_again(simulation: Simulation) -> None:
    """As the operator asks for when rows were mended."""
    simulation.ask(Wish.SURVEY)
    simulation.run_until(lambda: not any(row.offences for row in simulation.records()))


def is_at(simulation: Simulation, stage: Stage) -> Callable[[], bool]:
    """Whether the first person's mailbox has come to a stage."""
    return lambda: row_of(simulation).stage is stage


def waits_for(simulation: Simulation) -> str:
    """What the story of the first person says that it waits for."""
    story = simulation.story_of(simulation.people[0].address)
    return str(simulation.engine.control.instance(story).custom_status)


def is_turned(simulation: Simulation) -> bool:
    """Whether the first person's alias leads to the tenant."""
    address = simulation.people[0].address
    routing = simulation.world.naming.routing_address(address)
    return simulation.world.aliases.rows_of(address) == [routing]


def carried_to_the_end(simulation: Simulation) -> None:
    """Everybody migrated, mail to the second address arrives in the cloud, the batch closed, every promise kept."""
    simulation.run_until_all(Stage.MIGRATED)
    simulation.mail_to(SECOND)
    simulation.run_until_closed()
    simulation.mail_to(SECOND)
    simulation.pass_time(hours=1)
    batch_has_let_go(simulation)
    judge_life(simulation)


@pytest.mark.parametrize("twice", [False, True])
def test_a_mailbox_is_held_from_its_survey_on_until_the_row_is_mended(
    simulate: Simulate, *, twice: bool
) -> None:
    """Found on the morning after, the mail of the night is in a mailbox that nobody opens any more."""
    simulation = simulate(people_count=2, each_step_twice=twice)
    add_way(simulation)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    assert row_of(simulation).offences == ("alias_bypassed:1",)
    survey = simulation.report(f"{BATCH}/{row_of(simulation).key}.survey.json")
    assert [row["source"] for row in survey["bypasses"]] == [SECOND]
    simulation.mail_to(SECOND)
    answer = simulation.ask_cutover()
    assert answer["granted"] == 1
    assert "alias_bypassed" in answer["refused"][0]["why"]

    mend(simulation)
    surveyed_again(simulation)
    assert simulation.ask_cutover([simulation.people[0].address])["granted"] == 1
    simulation.run_until(lambda: row_of(simulation).detach_began_utc is not None)
    assert row_of(simulation).offences == ()
    carried_to_the_end(simulation)


def test_a_mailbox_whose_rows_are_waived_goes_on(simulate: Simulate) -> None:
    """Somebody may keep an old address at home on purpose; the waiver says who decided it."""
    simulation = simulate(people_count=1)
    add_way(simulation)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)

    assert simulation.ask_cutover(waived=WAIVED)["granted"] == 1
    simulation.run_until(is_at(simulation, Stage.REDIRECTED))
    simulation.mail_to(SECOND)
    simulation.run_until_all(Stage.MIGRATED)
    assert row_of(simulation).offences == ("alias_bypassed:1",)
    mend(simulation)
    carried_to_the_end(simulation)


def test_what_is_waived_and_never_mended_loses_mail_once_the_batch_is_closed(
    simulate: Simulate,
) -> None:
    """This is what the offence is about; if nothing were lost here, nothing would have to be held."""
    simulation = simulate(people_count=1)
    add_way(simulation)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover(waived=WAIVED)
    simulation.run_until_closed()
    simulation.mail_to(SECOND)
    simulation.pass_time(days=2)

    assert [address for address, _ in simulation.verdict().lost] == [simulation.people[0].address]


def test_a_row_added_after_the_wish_holds_the_cutover_up_at_its_instant(simulate: Simulate) -> None:
    """Wishes are asked days before; the table is edited in between."""
    simulation = simulate(people_count=1)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    at_utc = simulation.clock.now_utc() + timedelta(days=2)
    assert simulation.ask_cutover(at_utc=at_utc)["granted"] == 1
    add_way(simulation)
    add_way(simulation, STAFF)
    simulation.pass_time(days=3)

    assert (row_of(simulation).stage, row_of(simulation).detach_began_utc) == (Stage.SYNCED, None)
    assert row_of(simulation).offences == ("alias_bypassed:2",)
    assert f"({SECOND}, {STAFF})" in waits_for(simulation)
    mend(simulation)
    mend(simulation, STAFF)
    carried_to_the_end(simulation)


def test_a_row_added_while_the_cutover_is_under_way_holds_the_alias(simulate: Simulate) -> None:
    """A cutover takes hours, in which an administrator gives somebody a second address."""
    simulation = simulate(people_count=1)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover()
    simulation.run_until(lambda: row_of(simulation).detach_began_utc is not None)
    add_way(simulation)
    simulation.run_until(is_at(simulation, Stage.DETACHED))
    simulation.pass_time(hours=2)

    assert is_at(simulation, Stage.DETACHED)()
    assert not is_turned(simulation)
    assert SECOND in waits_for(simulation)
    simulation.mail_to(SECOND)
    mend(simulation)
    carried_to_the_end(simulation)


def test_a_row_that_nobody_mends_sets_the_mailbox_aside_by_name(simulate: Simulate) -> None:
    """Out of the group and at home, a mailbox gets its mail on two sides: a person has to hear of it."""
    simulation = simulate(people_count=1)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover()
    simulation.run_until(lambda: row_of(simulation).detach_began_utc is not None)
    add_way(simulation)
    simulation.run_until(is_at(simulation, Stage.SET_ASIDE))
    row = row_of(simulation)
    assert (row.code, row.resume_stage) == (Code.REDIRECT_NOT_PROVEN, Stage.DETACHED)
    assert SECOND in row.detail
    assert not is_turned(simulation)

    mend(simulation)
    simulation.ask(Wish.RETRY)
    carried_to_the_end(simulation)


def test_the_way_back_minds_no_other_row_and_a_second_cutover_does(simulate: Simulate) -> None:
    """At home every row that leads home is right; it is wrong again as soon as the mailbox is to leave."""
    simulation = simulate(people_count=1)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.MIGRATED)
    add_way(simulation)
    simulation.ask(Wish.ROLLBACK)
    simulation.run_until(is_at(simulation, Stage.ROLLED_BACK))
    simulation.mail_to(SECOND)
    simulation.pass_time(hours=2)
    assert not is_turned(simulation)

    assert simulation.ask_cutover()["granted"] == 1
    simulation.run_until(lambda: row_of(simulation).offences == ("alias_bypassed:1",))
    simulation.pass_time(hours=5)
    assert row_of(simulation).detach_began_utc is None
    mend(simulation)
    carried_to_the_end(simulation)


def test_a_list_of_homes_holds_up_all_of_its_members_and_nobody_else(simulate: Simulate) -> None:
    """The second member would be found out after the first has moved, one night later."""
    simulation = simulate(people_count=3)
    anna, ben, carl = (person.address for person in simulation.people)
    homes = [simulation.world.naming.source_address(each) for each in (anna, ben)]
    simulation.world.aliases.edit_by_hand(STAFF, [f"{homes[0]}, {homes[1]}, {carl}"])
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    answer = simulation.ask_cutover()

    assert answer["granted"] == 1
    assert {refusal["address"] for refusal in answer["refused"]} == {anna, ben}
    simulation.world.aliases.edit_by_hand(STAFF, [f"{anna}, {ben}, {carl}"])
    surveyed_again(simulation)
    assert simulation.ask_cutover([anna, ben])["granted"] == 2
    simulation.run_until_all(Stage.MIGRATED)
    simulation.mail_to(STAFF)
    simulation.run_until_closed()
    judge_life(simulation)
