"""Files that come again, changed: what the operator sees, accepts and gets: chapter 2 of the runbook."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from activities.file_difference import file_difference
from bascule.domain.errors import Unreachable
from bascule.domain.records import BatchRecord, Wish
from bascule.domain.requests import BatchRef
from bascule.domain.stages import Stage
from sandbox.in_process.simulation import BATCH, OPERATOR, Simulation
from tests.stories.conftest import Simulate
from tests.stories.endings import batch_has_let_go, judge_life


def of_batch(simulation: Simulation) -> BatchRecord:
    """The row of the batch."""
    found = simulation.batch()
    assert found is not None
    return found


def test_a_changed_file_waits_for_a_word_and_then_counts(simulate: Simulate) -> None:
    """A file dropped by mistake must not add people to a migration."""
    simulation = simulate(people_count=3)
    first, second, late = simulation.people
    simulation.upload(simulation.csv([first, second]))
    simulation.run_until_all(Stage.SYNCED)
    simulation.upload(simulation.csv([first, late], Cohort={first.address: "staff"}))
    simulation.pass_time(hours=12)

    report = simulation.report(f"{BATCH}/difference.json")
    assert (report["added"], report["removed"]) == ([late.address], [second.address])
    assert [change["address"] for change in report["changed"]] == [first.address]
    assert len(simulation.records()) == 2
    assert simulation.record_of(first.address).cohort == ""

    simulation.accept_difference()
    simulation.run_until_all(Stage.SYNCED)
    assert simulation.record_of(first.address).cohort == "staff"
    assert simulation.record_of(second.address).stage is Stage.SYNCED
    batch = simulation.ports.ledger.find_batch(BATCH)
    assert batch is not None
    assert batch.row_count == 3
    simulation.ask_cutover()
    simulation.run_until_closed()
    batch_has_let_go(simulation)
    judge_life(simulation)


class NoKeysOnce:
    """A ledger that does not answer once when the mailboxes of a batch are listed."""

    def __init__(self, simulation: Simulation) -> None:
        self._ledger = simulation.ports.ledger
        self.unanswered_count = 0

    def mailbox_keys(self, batch: str, after: str, count_max: int) -> tuple[str, ...]:
        """No answer the first time."""
        if not self.unanswered_count:
            self.unanswered_count += 1
            raise Unreachable("listing mailboxes: answered 503")
        keys: tuple[str, ...] = self._ledger.mailbox_keys(batch, after, count_max)
        return keys

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


def test_who_was_added_is_woken_although_the_waking_failed_once(simulate: Simulate) -> None:
    """Accepted on Friday, the newcomers lay still until the watchdog missed them a day later."""
    simulation = simulate(people_count=2)
    first, late = simulation.people
    simulation.upload(simulation.csv([first]))
    simulation.run_until_all(Stage.SYNCED)
    simulation.upload()
    ledger = NoKeysOnce(simulation)
    object.__setattr__(simulation.ports, "ledger", ledger)
    simulation.accept_difference()
    simulation.pass_time(hours=1)

    assert ledger.unanswered_count == 1
    assert simulation.record_of(late.address).stage is not Stage.REGISTERED
    simulation.run_until_all(Stage.SYNCED)
    judge_life(simulation)


def test_accepting_a_change_of_one_leaves_the_cutover_of_another(simulate: Simulate) -> None:
    """Anna's evening would pass without her cutover, and nobody would know why."""
    simulation = simulate(people_count=2)
    anna, ben = simulation.people
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.upload(simulation.csv(DisplayName={ben.address: "Ben Bis"}))
    at_utc = simulation.clock.now_utc() + timedelta(days=2)
    simulation.ask_cutover([anna.address], at_utc=at_utc)
    simulation.accept_difference()
    simulation.pass_time(hours=1)

    assert simulation.record_of(anna.address).cutover_at_utc == at_utc
    assert simulation.record_of(ben.address).display_name == "Ben Bis"
    batch = simulation.batch()
    assert batch is not None
    assert (batch.accepted_fingerprint, batch.pending_fingerprint) == ("", "")
    judge_life(simulation)


def test_accepting_a_change_of_one_does_not_cut_over_another_who_went_home(
    simulate: Simulate,
) -> None:
    """The operator has taken Anna back; a new name for Ben must not send her off again."""
    simulation = simulate(people_count=2)
    anna, ben = simulation.people
    at = {anna.address: f"{simulation.clock.now_utc() + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"}
    simulation.upload(simulation.csv(CutoverAtUtc=at))
    simulation.run_until(lambda: simulation.record_of(anna.address).stage is Stage.MIGRATED)
    simulation.upload(simulation.csv(CutoverAtUtc=at, DisplayName={ben.address: "Ben Bis"}))
    simulation.ask(Wish.ROLLBACK, [anna.address])
    simulation.run_until(lambda: simulation.record_of(anna.address).stage is Stage.ROLLED_BACK)
    simulation.accept_difference()
    simulation.pass_time(hours=14)

    assert simulation.record_of(anna.address).stage is Stage.ROLLED_BACK
    assert simulation.record_of(anna.address).cutover_at_utc is None
    assert simulation.record_of(ben.address).display_name == "Ben Bis"


def test_a_cutover_that_changed_behind_the_difference_takes_the_acceptance_back(
    simulate: Simulate,
) -> None:
    """Whichever of the two instants won, one of two people would have been told the wrong evening."""
    simulation = simulate(people_count=2)
    anna, ben = simulation.people
    now_utc = simulation.clock.now_utc()
    wanted = f"{now_utc + timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}"
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    change = simulation.csv(
        CutoverAtUtc={anna.address: wanted}, DisplayName={ben.address: "Ben Bis"}
    )
    simulation.upload(change)
    at_utc = now_utc + timedelta(days=20)
    simulation.ask_cutover([anna.address], at_utc=at_utc)
    simulation.accept_difference()
    simulation.pass_time(hours=1)

    batch = simulation.batch()
    assert batch is not None
    assert (batch.accepted_fingerprint, batch.pending_fingerprint) == ("", "")
    assert simulation.record_of(anna.address).cutover_at_utc == at_utc
    assert simulation.record_of(ben.address).display_name != "Ben Bis"
    assert "upload the file again" in repr(simulation.ports.notifier.alerts[-1])

    simulation.upload(change)
    simulation.accept_difference()
    simulation.pass_time(hours=1)
    assert f"{simulation.record_of(anna.address).cutover_at_utc:%Y-%m-%dT%H:%M:%SZ}" == wanted
    assert simulation.record_of(ben.address).display_name == "Ben Bis"


def test_a_file_gives_no_other_night_to_a_cutover_that_has_begun(simulate: Simulate) -> None:
    """The new date would be accepted, and the mailbox would move tonight all the same."""
    simulation = simulate(people_count=2)
    anna, ben = simulation.people
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover([anna.address])
    simulation.run_until(lambda: bool(simulation.record_of(anna.address).left_group_utc))
    due_utc = simulation.record_of(anna.address).cutover_at_utc
    wanted = f"{simulation.clock.now_utc() + timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}"
    simulation.upload(simulation.csv(CutoverAtUtc={anna.address: wanted, ben.address: wanted}))

    report = simulation.report(f"{BATCH}/difference.json")
    assert [change["address"] for change in report["changed"]] == [ben.address]
    assert report["cutover_begun"] == [anna.address]
    simulation.accept_difference()
    simulation.pass_time(hours=1)
    assert simulation.record_of(anna.address).cutover_at_utc == due_utc
    assert f"{simulation.record_of(ben.address).cutover_at_utc:%Y-%m-%dT%H:%M:%SZ}" == wanted


def test_a_cutover_that_began_behind_the_difference_takes_the_acceptance_back(
    simulate: Simulate,
) -> None:
    """What was shown as a change would change nothing, and nobody would say so."""
    simulation = simulate(people_count=1)
    [anna] = simulation.people
    tonight = simulation.clock.now_utc() + timedelta(days=2)
    at = {anna.address: f"{tonight:%Y-%m-%dT%H:%M:%SZ}"}
    simulation.upload(simulation.csv(CutoverAtUtc=at))
    simulation.run_until_all(Stage.SYNCED)
    later = {anna.address: f"{tonight + timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}"}
    simulation.upload(simulation.csv(CutoverAtUtc=later))
    simulation.run_until(lambda: bool(simulation.record_of(anna.address).left_group_utc))
    simulation.accept_difference()
    simulation.pass_time(hours=1)

    row = simulation.record_of(anna.address)
    assert f"{row.cutover_at_utc:%Y-%m-%dT%H:%M:%SZ}" == at[anna.address]
    assert f"the cutover of {anna.address} has begun" in repr(simulation.ports.notifier.alerts[-1])


def test_the_journal_names_who_accepted_the_instant_of_a_file(simulate: Simulate) -> None:
    """Months later somebody asks who had the alias turned; whoever asked a retry before did not."""
    simulation = simulate(people_count=1)
    [anna] = simulation.people
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ports.ledger.amend_mailbox(
        BATCH,
        simulation.record_of(anna.address).key,
        lambda row: replace(row, wish_by="colleague@example.org"),
    )
    wanted = f"{simulation.clock.now_utc() + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"
    simulation.upload(simulation.csv(CutoverAtUtc={anna.address: wanted}))
    simulation.accept_difference()
    simulation.run_until_all(Stage.MIGRATED)

    [turned] = [each for each in simulation.ports.journal.entries(BATCH) if each.effect == "alias"]
    assert turned.asked_by == OPERATOR


def test_an_instant_of_a_file_does_not_sign_an_abandonment(simulate: Simulate) -> None:
    """Whoever is told that a mailbox is to be abandoned, and by whom, rings that person up."""
    simulation = simulate(people_count=1)
    [anna] = simulation.people
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    wanted = f"{simulation.clock.now_utc() + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"
    simulation.upload(simulation.csv(CutoverAtUtc={anna.address: wanted}))
    key, colleague = simulation.record_of(anna.address).key, "colleague@example.org"
    simulation.ports.ledger.amend_mailbox(
        BATCH, key, lambda row: replace(row, wish=Wish.ABANDON, wish_by=colleague)
    )
    simulation.accept_difference()
    simulation.run_until_all(Stage.ABANDONED)

    entries = simulation.ports.journal.entries(BATCH)
    [given_up] = [each for each in entries if each.after == Stage.ABANDONED]
    assert given_up.asked_by == colleague


def accept(simulation: Simulation, fingerprint: str) -> None:
    """Accept one changed upload, pending or not any more."""
    simulation.ports.ledger.amend_batch(
        BATCH, lambda row: replace(row, accepted_fingerprint=fingerprint)
    )
    simulation.knock()


def test_a_difference_made_before_another_was_applied_is_made_again(simulate: Simulate) -> None:
    """It shows changes to rows that say something else by now."""
    simulation = simulate(people_count=1)
    [anna] = simulation.people
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ports.blobs.upload(BATCH, simulation.csv(DisplayName={anna.address: "Anna Bis"}))
    file_difference(simulation.ports, BatchRef(BATCH))
    first = simulation.ports.ledger.find_batch(BATCH)
    simulation.upload(simulation.csv(Unit={anna.address: "Eleves/3A"}))
    second = simulation.ports.ledger.find_batch(BATCH)
    assert first is not None
    assert second is not None
    accept(simulation, first.pending_fingerprint)
    accept(simulation, second.pending_fingerprint)

    batch, record = simulation.batch(), simulation.record_of(anna.address)
    assert batch is not None
    assert batch.pending_fingerprint == ""
    assert (record.display_name, record.unit) == ("Anna Bis", "")
    assert "another changed file was applied" in repr(simulation.ports.notifier.alerts[-1])


def test_a_changed_file_that_nobody_accepts_changes_nothing(simulate: Simulate) -> None:
    """The batch must come to its end all the same, and the pending passwords with it."""
    simulation = simulate(people_count=2)
    first, second = simulation.people
    simulation.upload(simulation.csv([first]))
    simulation.run_until_all(Stage.SYNCED)
    simulation.upload(simulation.csv([first, second]))
    simulation.ask_cutover()
    simulation.run_until_closed()

    assert len(simulation.records()) == 1
    assert simulation.world.tenant.directory.truth(second.address) is None
    batch_has_let_go(simulation)
    judge_life(simulation)


def test_a_change_accepted_in_the_moment_of_the_end_holds_no_address(simulate: Simulate) -> None:
    """Its passwords are gone with the batch's key: tried again for ever, it would keep the newcomer from every other batch."""
    simulation = simulate(people_count=2)
    first, second = simulation.people
    simulation.upload(simulation.csv([first]))
    simulation.run_until_all(Stage.SYNCED)
    simulation.upload(simulation.csv([first, second]))
    pending = of_batch(simulation).pending_fingerprint
    simulation.ask_cutover()
    simulation.run_until_closed()
    assert pending != of_batch(simulation).pending_fingerprint == ""

    ledger = simulation.ports.ledger
    ledger.claim(BATCH, [second.address])
    ledger.amend_batch(BATCH, lambda row: replace(row, accepted_fingerprint=pending))
    simulation.knock()
    simulation.pass_time(hours=1)
    assert of_batch(simulation).accepted_fingerprint == ""
    simulation.upload(simulation.csv([second]), batch="lot-2")
    simulation.run_until(lambda: len(simulation.records("lot-2")) == 1)
