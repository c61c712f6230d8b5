"""The way back, with everything the cloud received: chapter 6 of the runbook."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from activities.grant_wish import grant_wish
from bascule.domain.codes import Code
from bascule.domain.records import MailboxRecord, Wish
from bascule.domain.requests import WishRequest
from bascule.domain.stages import Stage
from bascule.ports.bundle import Ports
from sandbox.in_process.simulation import BATCH, Simulation
from sandbox.world.population import Person
from sandbox.world.weather import CALM, ORDINARY, Span, Weather
from tests.stories.conftest import Simulate
from tests.stories.endings import batch_has_let_go, judge_life

# Dozens of whole lives: seconds each, minutes together.
pytestmark = pytest.mark.slow

STALE_CACHES = replace(CALM, group_cache_age=Span(0, 2 * 3600))


def migrated(simulation: Simulation) -> None:
    """Carry everybody over, while people write."""
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.MIGRATED)


def home_again(simulation: Simulation, people: list[Person]) -> None:
    """Ask for the way back and walk it."""
    answer = simulation.ask(Wish.ROLLBACK, [person.address for person in people])
    assert answer["granted"] == len(people)
    simulation.run_until(lambda: all(is_at(simulation, each, Stage.ROLLED_BACK) for each in people))


def is_at(simulation: Simulation, person: Person, stage: Stage) -> bool:
    """Whether a mailbox has reached a stage."""
    return simulation.record_of(person.address).stage is stage


def is_home(simulation: Simulation, person: Person) -> bool:
    """Whether alias and group are again as before the cutover."""
    home = simulation.world.naming.source_address(person.address)
    members = simulation.ports.exchange.coexistence_members()
    return simulation.world.aliases.rows_of(person.address) == [home] and person.address in members


def finish(simulation: Simulation) -> None:
    """Cut everybody over again and live to the end."""
    waiting = [row.address for row in simulation.records() if row.stage is not Stage.MIGRATED]
    answer = simulation.ask_cutover(waiting)
    assert answer["refused"] == []
    simulation.run_until_closed()
    assert set(simulation.stages()) == {Stage.MIGRATED}
    batch_has_let_go(simulation)
    judge_life(simulation)


@pytest.mark.parametrize("weather", [CALM, STALE_CACHES], ids=["calm", "stale caches"])
def test_mail_of_the_cloud_comes_home_once(simulate: Simulate, weather: Weather) -> None:
    """The user wrote and received in the cloud for a day; none of it may stay behind or come twice."""
    simulation = simulate(people_count=2, weather=weather, seed=3)
    anna, ben = simulation.people
    migrated(simulation)
    simulation.keep_writing(hours=24)
    simulation.pass_time(days=1)
    home_again(simulation, [anna])
    simulation.pass_time(hours=12)

    assert is_home(simulation, anna)
    assert is_at(simulation, ben, Stage.MIGRATED)
    judge_life(simulation)


def test_a_second_cutover_after_the_way_back_ends_like_a_first(simulate: Simulate) -> None:
    """A rollback that closes the way forward would be an end, not a way back."""
    simulation = simulate(people_count=2, seed=4)
    anna = simulation.people[0]
    simulation.keep_writing(hours=96, every_s=3600)
    migrated(simulation)
    simulation.pass_time(hours=10)
    home_again(simulation, [anna])
    simulation.pass_time(hours=30)

    finish(simulation)


def test_there_and_back_three_times_loses_and_doubles_nothing(simulate: Simulate) -> None:
    """Each turn leaves traces: probes, copies, marks. They must not add up."""
    simulation = simulate(people_count=1, seed=6)
    [anna] = simulation.people
    simulation.keep_writing(hours=120, every_s=1800)
    migrated(simulation)
    for _ in range(3):
        simulation.pass_time(hours=8)
        home_again(simulation, [anna])
        assert is_home(simulation, anna)
        simulation.pass_time(hours=8)
        simulation.ask_cutover()
        simulation.run_until_all(Stage.MIGRATED)

    simulation.run_until_closed()
    batch_has_let_go(simulation)
    judge_life(simulation)


@pytest.mark.parametrize("seed", [21, 22])
def test_the_way_back_in_ordinary_weather(simulate: Simulate, seed: int) -> None:
    """A rollback is asked for on a bad day."""
    simulation = simulate(people_count=2, seed=seed, weather=ORDINARY)
    simulation.keep_writing(hours=36)
    migrated(simulation)
    simulation.pass_time(hours=6)
    home_again(simulation, simulation.people)
    simulation.pass_time(days=2)
    judge_life(simulation)

    finish(simulation)


def stops_at(simulation: Simulation, person: Person, stage: Stage) -> Callable[[], bool]:
    """Whether a mailbox was set aside at that stage."""
    return lambda: (
        is_at(simulation, person, Stage.SET_ASIDE)
        and simulation.record_of(person.address).resume_stage is stage
    )


def test_a_cutover_that_stuck_half_way_can_be_taken_back(simulate: Simulate) -> None:
    """Out of the group and not redirected: mail from inside lands where nobody reads."""
    simulation = simulate(people_count=1)
    [anna] = simulation.people
    home = simulation.world.naming.source_address(anna.address)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.world.aliases.edit_by_hand(anna.address, [home, "copy@example.net"])
    simulation.ask_cutover()
    simulation.run_until(stops_at(simulation, anna, Stage.DETACHED))
    simulation.mail_to(anna.address, from_inside=True)
    simulation.world.aliases.edit_by_hand(anna.address, [home])
    home_again(simulation, [anna])
    simulation.pass_time(hours=7)

    assert is_home(simulation, anna)
    judge_life(simulation)
    finish(simulation)


def test_a_cutover_can_be_taken_back_while_it_waits_for_its_probes(simulate: Simulate) -> None:
    """An operator sees a mistake in the first minute."""
    simulation = simulate(people_count=1)
    [anna] = simulation.people
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover()
    simulation.run_until(lambda: simulation.record_of(anna.address).left_group_utc is not None)
    home_again(simulation, [anna])

    assert is_home(simulation, anna)
    simulation.pass_time(days=1)
    assert is_at(simulation, anna, Stage.ROLLED_BACK)
    finish(simulation)


def test_the_alias_comes_home_before_the_group(simulate: Simulate) -> None:
    """The other way round the tenant relays to Postfix and Postfix back to the tenant."""
    simulation = simulate(people_count=1)
    [anna] = simulation.people
    migrated(simulation)
    simulation.world.aliases.edit_by_hand(anna.address, ["somebody@example.net"])
    simulation.ask(Wish.ROLLBACK)
    simulation.run_until(lambda: is_at(simulation, anna, Stage.SET_ASIDE))

    assert simulation.record_of(anna.address).code is Code.ALIAS_CHANGED
    assert anna.address not in simulation.ports.exchange.coexistence_members()
    assert simulation.violations == []

    routing = simulation.world.naming.routing_address(anna.address)
    simulation.world.aliases.edit_by_hand(anna.address, [routing])
    simulation.ask(Wish.RETRY)
    simulation.run_until(lambda: is_at(simulation, anna, Stage.ROLLED_BACK))
    assert is_home(simulation, anna)


def test_what_has_not_begun_cannot_be_rolled_back(simulate: Simulate) -> None:
    """A rollback by mistake must say so and change nothing."""
    simulation = simulate(people_count=1)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    answer = simulation.ask(Wish.ROLLBACK)

    assert answer["granted"] == 0
    assert answer["refused"][0]["why"] == "its cutover has not begun, and none is asked for"


def test_a_closed_mailbox_stays(simulate: Simulate) -> None:
    """Its password is destroyed: nobody could bring its mail home."""
    simulation = simulate(people_count=1)
    migrated(simulation)
    simulation.run_until_closed()

    assert simulation.ask(Wish.ROLLBACK)["granted"] == 0


def test_an_abandoned_mailbox_stays_at_the_source(simulate: Simulate) -> None:
    """The batch must be able to close without it, and another batch to take it later."""
    simulation = simulate()
    anna, *others = simulation.people
    simulation.keep_writing(hours=24)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    assert simulation.ask(Wish.ABANDON, [anna.address])["granted"] == 1
    simulation.run_until(lambda: is_at(simulation, anna, Stage.ABANDONED))
    simulation.ask_cutover([person.address for person in others])
    simulation.run_until_closed()

    assert is_home(simulation, anna)
    batch_has_let_go(simulation)
    judge_life(simulation)

    simulation.upload(simulation.csv([anna]), batch="lot-2")
    simulation.run_until_all(Stage.SYNCED, batch="lot-2")


def test_a_rolled_back_mailbox_can_be_abandoned(simulate: Simulate) -> None:
    """The user stays; the batch must not stay open for them for ever."""
    simulation = simulate(people_count=2)
    anna = simulation.people[0]
    migrated(simulation)
    home_again(simulation, [anna])
    answer = simulation.ask(Wish.ABANDON, [anna.address])

    assert answer["granted"] == 1
    simulation.run_until_closed()
    assert simulation.stages() == {Stage.ABANDONED: 1, Stage.MIGRATED: 1}
    judge_life(simulation)


def test_a_way_back_asked_for_while_the_mailbox_is_being_closed_still_has_its_password(
    simulate: Simulate,
) -> None:
    """Granted and then out of reach: the alias home, the mail in the cloud, and nobody able to sign in."""
    simulation = simulate(people_count=1)
    anna = simulation.people[0]
    migrated(simulation)
    ledger = simulation.ports.ledger
    write = ledger.amend_mailbox
    asked = functools.partial(replace, wish=Wish.ROLLBACK, cutover_at_utc=None)

    def closing_at_that_instant(
        batch: str, key: str, change: Callable[[MailboxRecord], MailboxRecord]
    ) -> MailboxRecord:
        before = ledger.find_mailbox(batch, key)
        after = write(batch, key, change)
        if after.closed_utc and before is not None and not before.closed_utc:
            return write(batch, key, asked)
        return after

    object.__setattr__(ledger, "amend_mailbox", closing_at_that_instant)
    simulation.run_until(lambda: is_at(simulation, anna, Stage.ROLLED_BACK))

    assert is_home(simulation, anna)
    judge_life(simulation)


def test_a_row_that_is_closed_while_it_is_asked_grants_nothing(simulate: Simulate) -> None:
    """Judged by what was read a moment ago, the wish would be granted to a mailbox without a password."""
    simulation = simulate(people_count=1)
    anna = simulation.people[0]
    migrated(simulation)
    ledger = simulation.ports.ledger
    find = ledger.find_mailbox

    def read_and_then_closed(batch: str, key: str) -> MailboxRecord | None:
        found = find(batch, key)
        object.__setattr__(ledger, "find_mailbox", find)
        ledger.amend_mailbox(
            batch, key, lambda row: replace(row, closed_utc=simulation.clock.now_utc())
        )
        return found

    object.__setattr__(ledger, "find_mailbox", read_and_then_closed)
    key = simulation.ports.ledger.mailbox_keys(BATCH, "", 1)[0]
    request = WishRequest(BATCH, Wish.ROLLBACK, (key,), "somebody")
    outcome = grant_wish(cast("Ports", simulation.ports), request)

    assert outcome.granted_keys == ()
    assert outcome.refused[0].address == anna.address
