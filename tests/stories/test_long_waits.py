"""What a migration costs while nothing happens: histories, calls to Exchange, requests for a delta."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from bascule.domain.plan import Plan
from bascule.domain.stages import Stage
from sandbox.in_process.simulation import BATCH, Simulation
from sandbox.world.weather import CALM
from tests.stories.conftest import Simulate
from tests.stories.endings import HISTORY_EVENTS_MAX, judge_life

# Dozens of whole lives: seconds each, minutes together.
pytestmark = pytest.mark.slow


def longest_in(simulation: Simulation, days: int) -> int:
    """Events of the longest generation of any mailbox's story within so many days of waiting."""
    simulation.witness.longest.clear()
    simulation.pass_time(days=days)
    stories = [simulation.story_of(person.address) for person in simulation.people]
    return max(simulation.witness.longest[story] for story in stories)


def test_ninety_days_leave_the_same_history_as_one(simulate: Simulate) -> None:
    """A history that grows with time ends in a story that cannot be replayed any more."""
    simulation = simulate(people_count=2)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.pass_time(days=1)  # the first delta after the initial copy is seen
    one = longest_in(simulation, days=1)
    ninety = longest_in(simulation, days=90)
    ninety_more = longest_in(simulation, days=90)

    assert ninety == one
    assert ninety_more == one
    assert one <= HISTORY_EVENTS_MAX
    assert set(simulation.stages()) == {Stage.SYNCED}
    simulation.ask_cutover()
    simulation.run_until_closed()
    judge_life(simulation)


def test_an_idle_sync_is_kept_alive_beyond_sixty_days(simulate: Simulate) -> None:
    """Exchange stops a synced batch that nobody has touched for sixty days."""
    strict = replace(CALM, sync_now_counts_as_action=True)
    simulation = simulate(people_count=1, weather=strict)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.pass_time(days=150)

    [user] = simulation.world.tenant.migration.users()
    assert user.last_synced_utc is not None
    assert simulation.clock.now_utc() - user.last_synced_utc < timedelta(hours=26)
    assert set(simulation.stages()) == {Stage.SYNCED}


def many(plan: Plan) -> Plan:
    """The plan of a large batch: one probe, no hold."""
    return replace(plan, cutover=replace(plan.cutover, probe_count=1, hold_s=0))


@pytest.mark.slow
def test_a_hundred_final_syncs_are_one_request(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exchange would be asked a hundred times for the same delta, and throttle the hundred-and-first."""
    simulation = simulate(people_count=100, messages_each=1, change_plan=many)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    asked: list[str] = []
    service = simulation.world.tenant.migration
    sync_now = service.sync_batch_now

    def noted(identity: str) -> None:
        asked.append(identity)
        sync_now(identity)

    monkeypatch.setattr(service, "sync_batch_now", noted)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.FINAL_SYNC, Stage.PROVEN, Stage.MIGRATED)

    assert asked == [BATCH]


@pytest.mark.slow
def test_a_cycle_asks_exchange_a_few_times_whatever_the_size(simulate: Simulate) -> None:
    """One call for each mailbox would be ten thousand calls a cycle."""
    simulation = simulate(people_count=40, messages_each=1, change_plan=many)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.pass_time(days=2)
    before = simulation.world.calls["exchange"]
    days = 10
    simulation.pass_time(days=days)
    a_day = (simulation.world.calls["exchange"] - before) / days

    # Each mailbox looks when its delta should have ended, all of them at the same instant.
    assert a_day <= math.ceil(len(simulation.people) / 1_000) + 1


def test_a_mailbox_that_waits_for_its_cutover_looks_once_a_day(simulate: Simulate) -> None:
    """Each look is paid for, and a thousand mailboxes may wait for months."""
    simulation = simulate(people_count=1)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.pass_time(days=2)
    before = simulation.witness.runs["see_sync"]
    days = 30
    simulation.pass_time(days=days)

    assert simulation.witness.runs["see_sync"] - before <= days + 1
    [row] = simulation.records()
    assert row.last_synced_utc is not None
    assert simulation.clock.now_utc() - row.last_synced_utc < timedelta(hours=25)


def test_a_mailbox_whose_delta_is_late_is_looked_at_more_often(simulate: Simulate) -> None:
    """Its row must show the delta soon after it has come; a sync that is stuck for weeks is not asked for by the hour."""
    simulation = simulate(people_count=1, weather=replace(CALM, delta_cycle_s=20 * 24 * 3600.0))
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    looks = simulation.witness.runs["see_sync"]
    simulation.pass_time(days=1.5)
    soon = simulation.witness.runs["see_sync"] - looks
    simulation.pass_time(days=10)
    later = simulation.witness.runs["see_sync"] - looks - soon

    assert 4 <= soon <= 12
    assert later <= 30
