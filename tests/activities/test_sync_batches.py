"""Who comes into a sync batch, and who must not."""

from dataclasses import replace
from typing import Any

from activities.build_sync_batches import build_sync_batches
from activities.destroy_secret import destroy_secret
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.plan import Plan
from bascule.domain.records import MailboxRecord, MailboxRef, Wish
from bascule.domain.requests import BatchRef
from bascule.domain.stages import Stage
from sandbox.in_process.simulation import BATCH, Options, Simulation
from sandbox.world.population import Person
from triggers.views import batch_view


class LateWord:
    """A ledger in which somebody is abandoned right after the rows were listed."""

    def __init__(self, simulation: Simulation, person: Person) -> None:
        self._simulation, self._person = simulation, person
        self._ledger = simulation.ports.ledger

    def mailboxes(self, batch: str) -> list[MailboxRecord]:
        """The rows as they stood a moment ago."""
        listed = list(self._ledger.mailboxes(batch))
        row = self._simulation.record_of(self._person.address)
        destroy_secret(self._simulation.ports, MailboxRef(batch, row.key))
        self._ledger.amend_mailbox(
            batch, row.key, lambda stored: replace(stored, stage=Stage.ABANDONED)
        )
        return listed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


def coexisting(simulation: Simulation) -> None:
    """Everybody waits for a sync batch, and the batch's story sleeps."""
    simulation.upload()
    simulation.run_until_all(Stage.COEXISTING)


def test_who_is_abandoned_while_sync_batches_are_built_holds_up_nobody() -> None:
    """Its row had a sync batch and no password, so no mailbox of the batch was synced any more."""
    with Simulation(Options(people_count=3)) as simulation:
        coexisting(simulation)
        gone, *others = simulation.people
        late = replace(simulation.ports, ledger=LateWord(simulation, gone))  # type: ignore[arg-type]
        build_sync_batches(late, BatchRef(BATCH))

        assert simulation.record_of(gone.address).sync_batch == ""
        assert {simulation.record_of(each.address).sync_batch for each in others} == {BATCH}
        simulation.run_until_all(Stage.SYNCED, Stage.ABANDONED)


class RefusedCreation:
    """An Exchange that refuses to create one sync batch."""

    def __init__(self, exchange: Any, name: str) -> None:
        self._exchange, self._name = exchange, name

    def create_sync_batch(self, name: str, csv: bytes) -> None:
        """Refused, or made."""
        if name == self._name:
            raise Refusal(Code.SYNC_IN_OTHER_BATCH, f"a mailbox of {name} is in another batch")
        self._exchange.create_sync_batch(name, csv)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exchange, name)


def test_one_sync_batch_that_is_refused_holds_up_no_other() -> None:
    """One mailbox in a forgotten migration batch, and two thousand others were not copied before D-day."""

    def one_each(plan: Plan) -> Plan:
        return replace(plan, sync=replace(plan.sync, rows_per_sync_batch_max=1))

    with Simulation(Options(people_count=3, change_plan=one_each)) as simulation:
        object.__setattr__(
            simulation.ports, "exchange", RefusedCreation(simulation.ports.exchange, BATCH)
        )
        simulation.upload()
        simulation.run_until(lambda: simulation.stages()[Stage.SYNCED] == 2, days=2)

        [held] = [row for row in simulation.records() if row.stage is Stage.COEXISTING]
        assert held.sync_batch == BATCH
        batch = simulation.batch()
        assert batch is not None
        shown = batch_view(simulation.ports, batch)
        assert f"a mailbox of {BATCH} is in another batch" in shown["held_up"]["detail"]


def test_a_batch_that_everybody_left_leaves_no_sync_batch_behind() -> None:
    """Exchange would go on trying it for sixty days, and refuse a later batch of the same people."""
    with Simulation(Options(people_count=2)) as simulation:
        simulation.upload()
        simulation.run_until_all(Stage.SYNCED)
        simulation.ask(Wish.ABANDON)
        simulation.run_until_closed()
        simulation.pass_time(days=1)

        assert simulation.ports.exchange.find_sync_batch(BATCH) is None


def test_a_supplement_that_was_left_goes_and_a_batch_of_its_name_stays() -> None:
    """A batch may be called as another's supplement would be; its mailboxes still need their sync."""
    with Simulation(Options(people_count=3)) as simulation:
        anna, ben, carl = simulation.people
        simulation.upload(simulation.csv([anna]))
        simulation.run_until_all(Stage.SYNCED)
        simulation.upload(simulation.csv([ben]), batch=f"{BATCH}-s1")
        simulation.run_until_all(Stage.SYNCED, batch=f"{BATCH}-s1")
        simulation.upload(simulation.csv([anna, carl]))
        simulation.pass_time(hours=1)
        simulation.accept_difference()
        simulation.run_until_all(Stage.SYNCED)
        assert simulation.record_of(carl.address).sync_batch == f"{BATCH}-s2"
        simulation.ask(Wish.ABANDON)
        simulation.run_until_closed()
        simulation.pass_time(days=1)

        exchange = simulation.ports.exchange
        names = (BATCH, f"{BATCH}-s1", f"{BATCH}-s2")
        assert [exchange.find_sync_batch(name) is None for name in names] == [True, False, True]


def test_who_has_no_password_is_set_aside_and_the_others_are_synced() -> None:
    """One row without a password is that row's trouble; with a password again it comes into a supplement."""
    with Simulation(Options(people_count=3)) as simulation:
        coexisting(simulation)
        lost = simulation.record_of(simulation.people[0].address)
        destroy_secret(simulation.ports, MailboxRef(BATCH, lost.key))
        simulation.run_until_all(Stage.SYNCED, Stage.SET_ASIDE)
        row = simulation.record_of(lost.address)
        assert (row.stage, row.code) == (Stage.SET_ASIDE, Code.SECRET_UNREADABLE)

        simulation.ports.secrets.seal(BATCH, {lost.key: simulation.people[0].password})
        simulation.ask(Wish.RETRY, [lost.address])
        simulation.run_until_all(Stage.SYNCED)
        assert simulation.record_of(lost.address).sync_batch == f"{BATCH}-s1"
