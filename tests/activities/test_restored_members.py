"""Whom a repair puts back into a coexistence group that was made anew."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from activities.restore_members import restore_members
from bascule.domain.records import BatchRecord, MailboxRecord
from bascule.domain.stages import Stage
from bascule.domain.tenant_records import MemberPage
from sandbox.in_process.simulation import BATCH, START_UTC, Options, Simulation
from tests.activities import moments

EVERYBODY = MemberPage("", "", 10)


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """Two people, copied once; the first was given up since, and then somebody has emptied the group."""
    with Simulation(Options(people_count=2, messages_each=1)) as made:
        moments.left_out(made)
        row = moments.first(made)
        made.ports.ledger.amend_mailbox(
            row.batch, row.key, lambda stored: replace(stored, stage=Stage.ABANDONED)
        )
        yield made


def members(simulation: Simulation) -> list[str]:
    """The members of the group as written."""
    groups = simulation.world.tenant.groups
    return [each.primary_address for each in groups.members(simulation.names.group_address)]


def uploaded_again(simulation: Simulation, row: MailboxRecord) -> None:
    """The same person in a later batch."""
    simulation.ports.ledger.add_batch(BatchRecord(row.batch, "", 1, START_UTC, is_open=True))
    simulation.ports.ledger.add_mailboxes([row])


def test_who_was_given_up_after_joining_is_put_back_too(simulation: Simulation) -> None:
    """The cloud mailbox stays open: without the group it swallows what colleagues send, and nobody looks there."""
    restored = restore_members(simulation.ports, EVERYBODY)

    assert restored.restored_count == 2
    assert members(simulation) == sorted(person.address for person in simulation.people)


def test_those_of_a_closed_batch_are_put_back_too(simulation: Simulation) -> None:
    """A batch closes with those that were given up in it; the coexistence goes on."""
    simulation.ports.ledger.amend_batch(
        BATCH, lambda batch: replace(batch, closed_utc=simulation.clock.now_utc())
    )
    restore_members(simulation.ports, EVERYBODY)

    assert moments.first(simulation).address in members(simulation)


def test_who_moves_in_a_later_batch_is_left_to_it(simulation: Simulation) -> None:
    """Put back by the row of the batch that gave it up, a mailbox whose alias points at the tenant would loop."""
    given_up = moments.first(simulation)
    moving = replace(given_up, batch="later", stage=Stage.REDIRECTED, detach_began_utc=START_UTC)
    uploaded_again(simulation, moving)
    restore_members(simulation.ports, EVERYBODY)

    assert given_up.address not in members(simulation)


def test_an_account_that_is_gone_does_not_hold_the_repair_up(simulation: Simulation) -> None:
    """Everybody else waits for the group, and their mail with them."""
    given_up = moments.first(simulation)
    simulation.world.tenant.directory.delete(given_up.address)
    restored = restore_members(simulation.ports, EVERYBODY)

    assert restored.restored_count == 1
    assert given_up.address not in members(simulation)
