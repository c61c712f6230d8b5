"""Mailboxes that a migration batch of somebody else holds: it keeps them, whatever is asked of us."""

from dataclasses import replace

import pytest

from bascule.domain.batch_file import exchange_csv
from bascule.domain.codes import Code
from bascule.domain.records import Wish
from bascule.domain.stages import Stage
from sandbox.in_process.simulation import BATCH, Simulation
from tests.stories.conftest import Simulate

# Whole lives: seconds each.
pytestmark = pytest.mark.slow

PILOT = "pilote"


def held_by_a_pilot(simulation: Simulation, pilot: str = PILOT) -> str:
    """The first person, whom an administrator's own migration batch has; the others are synced by ours."""
    anna = simulation.people[0]
    service = simulation.world.tenant.migration
    rows = exchange_csv([(anna.address, anna.user_name, anna.password)])
    service.create_batch(pilot, simulation.names.endpoint_name, rows)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED, Stage.SET_ASIDE)
    assert simulation.record_of(anna.address).code is Code.SYNC_IN_OTHER_BATCH
    return anna.address


def users_of_the_pilot(simulation: Simulation, pilot: str = PILOT) -> list[str]:
    """Whom the administrator's migration batch has."""
    return [user.address for user in simulation.ports.exchange.sync_users(pilot)]


@pytest.mark.parametrize(("pilot", "ours"), [(PILOT, BATCH), (BATCH, f"{BATCH}-s1")])
def test_who_is_abandoned_stays_in_the_pilot_that_has_them(
    simulate: Simulate, pilot: str, ours: str
) -> None:
    """Somebody who is given up here may be moved there, and nobody would notice that they are not any more."""
    simulation = simulate(people_count=2)
    anna = held_by_a_pilot(simulation, pilot)
    simulation.ask(Wish.ABANDON, [anna])
    simulation.run_until(lambda: simulation.record_of(anna).stage is Stage.ABANDONED)

    assert users_of_the_pilot(simulation, pilot) == [anna]
    assert simulation.record_of(anna).sync_batch == ""
    [left] = [
        entry
        for entry in simulation.ports.journal.entries(BATCH)
        if entry.effect == "sync batch" and entry.key == simulation.record_of(anna).key
    ]
    assert (left.before, left.after) == (ours, f"stays in the migration batch {pilot}")


def test_a_retry_names_the_pilot_until_it_lets_go(simulate: Simulate) -> None:
    """Taken out by us, the mailbox would be copied twice, or not at all; its administrator decides."""
    simulation = simulate(people_count=2)
    anna = held_by_a_pilot(simulation)
    simulation.ask(Wish.RETRY, [anna])
    simulation.run_until(lambda: PILOT in simulation.record_of(anna).detail)
    row = simulation.record_of(anna)

    assert (row.stage, row.code, row.wish) == (
        Stage.SET_ASIDE,
        Code.SYNC_IN_OTHER_BATCH,
        Wish.NONE,
    )
    assert users_of_the_pilot(simulation) == [anna]

    simulation.world.tenant.migration.remove_user(anna)
    simulation.pass_time(hours=1)
    simulation.ask(Wish.RETRY, [anna])
    simulation.run_until_all(Stage.SYNCED)
    assert simulation.record_of(anna).sync_batch == f"{BATCH}-s1"


def test_who_is_still_in_an_earlier_batch_of_ours_is_taken_out_of_it(simulate: Simulate) -> None:
    """A supplement that Exchange filled before the first batch had let go is no matter for an administrator."""
    simulation = simulate(people_count=2)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    anna = simulation.record_of(simulation.people[0].address)
    simulation.ports.ledger.amend_mailbox(
        BATCH, anna.key, lambda row: replace(row, sync_batch=f"{BATCH}-s1")
    )
    simulation.ask(Wish.ABANDON, [anna.address])
    simulation.run_until(lambda: simulation.record_of(anna.address).stage is Stage.ABANDONED)
    simulation.pass_time(hours=1)

    assert simulation.ports.exchange.find_sync_user(anna.address) is None
