"""Exchange's list of a migration batch lacks a mailbox: one page that lags says nothing, two hours do."""

from typing import Any

from bascule.domain.codes import Code
from bascule.domain.records import MailboxRecord, Wish
from bascule.domain.stages import Stage
from bascule.domain.sync import SyncUser
from sandbox.in_process.simulation import BATCH, Simulation
from tests.stories.conftest import Simulate
from tests.stories.endings import judge_life


class ShortList:
    """An Exchange whose lists of a sync batch lack one mailbox, for as long as `is_short`."""

    def __init__(self, simulation: Simulation) -> None:
        self._exchange = simulation.ports.exchange
        self._address = simulation.people[0].address
        self.is_short = False
        self.short_count = 0

    def sync_users(self, name: str) -> tuple[SyncUser, ...]:
        """The list, whole or short."""
        users = self._exchange.sync_users(name)
        if not self.is_short:
            return users
        self.short_count += 1
        return tuple(user for user in users if user.address != self._address)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exchange, name)


def synced_days_ago(simulate: Simulate, people_count: int = 2) -> tuple[Simulation, ShortList]:
    """A batch that was created long before today's list is read."""
    simulation = simulate(people_count=people_count)
    exchange = ShortList(simulation)
    object.__setattr__(simulation.ports, "exchange", exchange)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.pass_time(days=3)
    return simulation, exchange


def row_of(simulation: Simulation) -> MailboxRecord:
    """The row of whoever is left out."""
    return simulation.record_of(simulation.people[0].address)


def test_one_list_without_a_mailbox_sets_nobody_aside_in_the_middle_of_a_cutover(
    simulate: Simulate,
) -> None:
    """Its alias is turned and its user waits; one page that lags must not end the evening for a person to decide."""
    simulation, exchange = synced_days_ago(simulate, people_count=1)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.REDIRECTED)
    exchange.is_short = True
    simulation.run_until(lambda: row_of(simulation).unlisted_since_utc is not None, days=1)
    assert Stage.REDIRECTED in simulation.stages()
    exchange.is_short = False
    simulation.run_until(lambda: Stage.REDIRECTED not in simulation.stages())

    assert Stage.SET_ASIDE not in simulation.stages()
    simulation.run_until_all(Stage.MIGRATED)
    assert row_of(simulation).unlisted_since_utc is None
    simulation.run_until_closed()
    judge_life(simulation)


def test_a_mailbox_that_stays_left_out_for_two_hours_is_set_aside(simulate: Simulate) -> None:
    """Another migration batch holds it; waiting for weeks would not bring it back."""
    simulation, exchange = synced_days_ago(simulate)
    anna, ben = simulation.people
    exchange.is_short = True
    simulation.pass_time(days=2)

    row = simulation.record_of(anna.address)
    assert (row.stage, row.code) == (Stage.SET_ASIDE, Code.SYNC_IN_OTHER_BATCH)
    assert simulation.record_of(ben.address).stage is Stage.SYNCED


def test_a_retry_asks_exchange_itself_before_it_copies_anew(simulate: Simulate) -> None:
    """Taken out of the batch in which it was all the while, a mailbox would be copied twice."""
    simulation, exchange = synced_days_ago(simulate)
    [anna, _] = simulation.people
    exchange.is_short = True
    simulation.pass_time(days=2)
    assert row_of(simulation).stage is Stage.SET_ASIDE
    exchange.is_short = False
    simulation.pass_time(hours=0.05)
    simulation.ask(Wish.RETRY, [anna.address])
    simulation.run_until_all(Stage.SYNCED)

    assert row_of(simulation).sync_batch == BATCH
    assert simulation.ports.exchange.find_sync_batch(f"{BATCH}-s1") is None
    simulation.ask_cutover()
    simulation.run_until_closed()
    judge_life(simulation)


def test_a_retry_copies_anew_whoever_exchange_does_not_know(simulate: Simulate) -> None:
    """Somebody has removed it from its batch by hand; without a new copy it would stand still for ever."""
    simulation, exchange = synced_days_ago(simulate)
    [anna, _] = simulation.people
    exchange.is_short = True
    simulation.pass_time(days=2)
    simulation.ports.exchange.remove_sync_user(anna.address)
    simulation.ask(Wish.RETRY, [anna.address])
    simulation.pass_time(days=1)

    assert row_of(simulation).sync_batch == f"{BATCH}-s1"
