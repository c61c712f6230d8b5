"""Doorbells that are lost, doubled or early, and stories that the engine loses."""

import pytest

from activities.grant_wish import grant_wish
from bascule.domain.addresses import mailbox_key
from bascule.domain.records import Wish, batch_instance_id
from bascule.domain.requests import WishRequest
from bascule.domain.stages import Stage
from sandbox.in_process.simulation import BATCH, Simulation
from tests.stories.conftest import Simulate
from tests.stories.endings import all_migrated, batch_has_let_go, judge_life

# Dozens of whole lives: seconds each, minutes together.
pytestmark = pytest.mark.slow


def test_a_lost_doorbell_costs_time_and_nothing_else(simulate: Simulate) -> None:
    """The engine loses buffered events; a wish that is in the row must be found without them."""
    simulation = simulate(people_count=2)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    keys = tuple(mailbox_key(person.address) for person in simulation.people)
    grant_wish(simulation.ports, WishRequest(BATCH, Wish.CUTOVER, keys, "operator"))
    simulation.run_until_all(Stage.MIGRATED, days=3)
    simulation.run_until_closed()

    batch_has_let_go(simulation)
    judge_life(simulation)


def test_doorbells_that_ring_at_every_moment_change_nothing(simulate: Simulate) -> None:
    """A bell may ring twice, early, or while a step is running."""
    simulation = simulate(people_count=2)
    simulation.upload()
    for _ in range(20):
        for person in simulation.people:
            simulation.ring(person.address, settle=False)
            simulation.ring(person.address, settle=False)
        simulation.engine.run_step()
        simulation.pass_time(hours=0.02)
    all_migrated(simulation)
    for person in simulation.people:
        for _ in range(30):
            simulation.ring(person.address)
    simulation.run_until_closed()

    batch_has_let_go(simulation)
    judge_life(simulation)


@pytest.mark.parametrize("purge", [True, False], ids=["purged", "terminated"])
def test_the_watchdog_wakes_stories_that_were_lost(simulate: Simulate, *, purge: bool) -> None:
    """A purge by hand must not leave a mailbox half way for ever."""
    simulation = simulate(people_count=2)
    lost = simulation.people[0]
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover()
    simulation.run_until(lambda: simulation.record_of(lost.address).stage is Stage.REDIRECTED)
    simulation.lose_story(simulation.story_of(lost.address), purge=purge)
    simulation.lose_story(batch_instance_id(BATCH), purge=purge)
    simulation.pass_time(days=2)
    assert simulation.record_of(lost.address).stage is Stage.REDIRECTED

    assert simulation.watch()[BATCH] == (mailbox_key(lost.address),)
    simulation.run_until_all(Stage.MIGRATED)
    simulation.run_until_closed()
    batch_has_let_go(simulation)
    judge_life(simulation)


def test_the_watchdog_lets_sleeping_stories_lie(simulate: Simulate) -> None:
    """An alert every quarter of an hour is no alert."""
    simulation = simulate(people_count=2)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    for _ in range(10):
        simulation.pass_time(days=1)
        assert simulation.watch() == {BATCH: ()}


def test_every_story_can_be_started_again_from_the_top(simulate: Simulate) -> None:
    """The ledger is the truth: whatever the engine remembers may be thrown away at any moment."""
    simulation = simulate(people_count=2)
    simulation.upload()
    for _ in range(12):
        simulation.pass_time(hours=0.1)
        begin_everything_again(simulation)
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover()
    for _ in range(12):
        simulation.pass_time(hours=0.7)
        begin_everything_again(simulation)
    simulation.run_until_closed()

    batch_has_let_go(simulation)
    judge_life(simulation)


def begin_everything_again(simulation: Simulation) -> None:
    """Lose every story that runs, and start it anew."""
    for person in simulation.people:
        simulation.lose_story(simulation.story_of(person.address))
    simulation.lose_story(batch_instance_id(BATCH))
    simulation.start_all()
