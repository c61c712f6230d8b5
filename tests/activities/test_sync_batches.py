"""Who comes into a sync batch, and who must not."""

from dataclasses import replace
from typing import Any

import pytest

from activities.build_sync_batches import build_sync_batches
from activities.destroy_secret import destroy_secret
from activities.sync_boards import board_of
from bascule.domain.batch_file import exchange_csv
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Unreachable
from bascule.domain.plan import Plan
from bascule.domain.records import MailboxRecord, MailboxRef, Wish
from bascule.domain.requests import BatchRef
from bascule.domain.stages import Stage
from sandbox.in_process.simulation import BATCH, Options, Simulation
from sandbox.world.migration_states import BatchStatus
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


def make_by_hand(simulation: Simulation, name: str, *people: Person) -> None:
    """An administrator's own migration batch, defined and not started."""
    rows = [(each.address, each.user_name, each.password) for each in people]
    simulation.world.tenant.migration.create_batch(
        name, simulation.names.endpoint_name, exchange_csv(rows)
    )


def test_a_batch_of_the_same_name_made_by_hand_is_neither_started_nor_removed() -> None:
    """A pilot that was stopped on purpose would copy on, and be removed at the end of somebody else's migration."""
    with Simulation(Options(people_count=3)) as simulation:
        anna, *others = simulation.people
        make_by_hand(simulation, BATCH, anna)
        simulation.upload(simulation.csv(others))
        simulation.run_until_all(Stage.SYNCED)

        assert {row.sync_batch for row in simulation.records()} == {f"{BATCH}-s1"}
        service = simulation.world.tenant.migration
        assert service.status_of(service.batch_seen(BATCH)) is BatchStatus.CREATED
        simulation.ask(Wish.ABANDON)
        simulation.run_until_closed()
        simulation.pass_time(days=1)
        assert [batch.name for batch in service.batches()] == [BATCH]


def test_a_supplement_behind_batches_made_by_hand_goes_all_the_same() -> None:
    """They stay, and whose sync nobody needs any more does not."""
    with Simulation(Options(people_count=4)) as simulation:
        anna, ben, carl, dora = simulation.people
        for name, person in ((BATCH, anna), (f"{BATCH}-s1", ben), (f"{BATCH}-s2", carl)):
            make_by_hand(simulation, name, person)
        simulation.upload(simulation.csv([dora]))
        simulation.run_until_all(Stage.SYNCED)
        assert simulation.record_of(dora.address).sync_batch == f"{BATCH}-s3"
        simulation.ask(Wish.ABANDON)
        simulation.run_until_closed()
        simulation.pass_time(days=1)

        names = [batch.name for batch in simulation.world.tenant.migration.batches()]
        assert names == [BATCH, f"{BATCH}-s1", f"{BATCH}-s2"]


def test_a_name_that_somebody_takes_while_ours_is_sent_is_given_up() -> None:
    """The refusal of a taken name is no proof that an earlier attempt of ours has taken it."""
    with Simulation(Options(people_count=3)) as simulation:
        anna, *others = simulation.people
        simulation.upload(simulation.csv(others))
        simulation.run_until_all(Stage.COEXISTING)
        exchange = simulation.ports.exchange
        send = type(exchange).create_sync_batch

        def overtaken(door: Any, name: str, csv: bytes) -> None:
            if name == BATCH:
                make_by_hand(simulation, name, anna)
            send(door, name, csv)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(exchange), "create_sync_batch", overtaken)
            build_sync_batches(simulation.ports, BatchRef(BATCH))
        simulation.run_until_all(Stage.SYNCED)

        assert {row.sync_batch for row in simulation.records()} == {f"{BATCH}-s1"}
        simulation.ask(Wish.ABANDON)
        simulation.run_until_closed()
        simulation.pass_time(days=1)
        assert [batch.name for batch in simulation.world.tenant.migration.batches()] == [BATCH]


@pytest.mark.parametrize("is_marked", [True, False], ids=["this version", "the one before"])
def test_a_batch_whose_answer_was_lost_is_known_again(is_marked: bool) -> None:
    """Under another name all of its mailboxes would be refused, because the first one holds them."""
    with Simulation(Options(people_count=2)) as simulation:
        coexisting(simulation)
        exchange = simulation.ports.exchange
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(exchange), "create_sync_batch", _lost(type(exchange)))
            with pytest.raises(Unreachable):
                build_sync_batches(simulation.ports, BatchRef(BATCH))
        if not is_marked:
            simulation.ports.boards.amend_head(
                board_of(BATCH), lambda head: replace(head, sent_for="")
            )
        simulation.run_until_all(Stage.SYNCED)

        assert {row.sync_batch for row in simulation.records()} == {BATCH}
        assert [batch.name for batch in simulation.world.tenant.migration.batches()] == [BATCH]


def _lost(kind: Any) -> Any:
    create = kind.create_sync_batch

    def made_but_not_answered(exchange: Any, name: str, csv: bytes) -> None:
        create(exchange, name, csv)
        raise Unreachable("the answer is lost")

    return made_but_not_answered
