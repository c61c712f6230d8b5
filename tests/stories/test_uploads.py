"""Files that come twice, wrong, or into another batch's way: chapter 1 of the runbook."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from activities.sync_boards import is_late
from activities.validate_upload import validate_upload
from bascule.domain.records import Wish
from bascule.domain.requests import BatchRef, UploadKind
from bascule.domain.stages import Stage
from bascule.ports.blob_store import Upload
from sandbox.in_process.simulation import BATCH, Simulation
from sandbox.world.misfortune import Failure, FailureKind
from sandbox.world.population import Person
from sandbox.world.weather import CALM
from tests.stories.conftest import Simulate
from tests.stories.endings import all_migrated, batch_has_let_go, judge_life
from triggers.batch_marks import batch_marks
from triggers.views import batch_view

MISTAKE_COUNT = 40


def accounts_created(simulation: Simulation) -> int:
    """How many of the people have an account in the tenant."""
    directory = simulation.world.tenant.directory
    return sum(directory.truth(person.address) is not None for person in simulation.people)


def test_an_upload_delivered_twice_is_one_batch(simulate: Simulate) -> None:
    """Event Grid delivers at least once."""
    simulation = simulate()
    simulation.ports.blobs.upload(BATCH, simulation.csv())
    simulation.knock()
    simulation.knock()
    all_migrated(simulation)
    simulation.run_until_closed()

    batch_has_let_go(simulation)
    judge_life(simulation)


def test_the_same_content_in_another_dress_is_the_same_batch(simulate: Simulate) -> None:
    """Excel writes semicolons and a byte order mark; that is no change."""
    simulation = simulate(people_count=2)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    before = simulation.records()
    header, *rows = simulation.csv().decode().strip().split("\r\n")
    dressed = "\r\n".join([header, *reversed(rows)])
    simulation.upload(dressed.encode("utf-8-sig"))
    simulation.pass_time(hours=1)

    batch = simulation.batch()
    assert batch is not None
    assert batch.pending_fingerprint == ""
    assert simulation.ports.blobs.find_upload(BATCH) is None
    assert [row.stage_since_utc for row in simulation.records()] == [
        row.stage_since_utc for row in before
    ]
    judge_life(simulation)


def test_a_mailbox_that_one_batch_has_abandoned_moves_with_another(simulate: Simulate) -> None:
    """The mistake says so; and the first batch may go on for weeks."""
    simulation = simulate()
    anna, ben, carl = simulation.people
    simulation.upload(simulation.csv([anna, ben]))
    simulation.ask(Wish.ABANDON, [ben.address])
    simulation.run_until_all(Stage.SYNCED, Stage.ABANDONED)
    simulation.upload(simulation.csv([ben, carl]), batch="lot-2")
    simulation.run_until_all(Stage.SYNCED, batch="lot-2")
    for batch in (BATCH, "lot-2"):
        simulation.ask(Wish.CUTOVER, batch=batch)
        simulation.run_until_closed(batch)

    assert simulation.record_of(ben.address, "lot-2").stage is Stage.MIGRATED
    assert simulation.record_of(ben.address).stage is Stage.ABANDONED
    batch_has_let_go(simulation)
    judge_life(simulation)


def test_a_mailbox_that_was_abandoned_with_a_copy_is_refused_with_what_to_do(
    simulate: Simulate,
) -> None:
    """The second batch would copy everything once more beside what lies in the cloud."""
    simulation = simulate(people_count=2)
    _, ben = simulation.people
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask(Wish.ABANDON, [ben.address])
    simulation.run_until_all(Stage.SYNCED, Stage.ABANDONED)
    simulation.upload(simulation.csv([ben]), batch="lot-2")
    simulation.pass_time(hours=1)

    [mistake] = simulation.report("lot-2/refused.json")["mistakes"]
    assert f"holds a copy already: batch {BATCH} abandoned it" in mistake["what"]
    assert f"until batch {BATCH} is closed" in mistake["todo"]
    assert simulation.batch("lot-2") is None
    assert set(simulation.ports.ledger.claimed().values()) == {BATCH}
    judge_life(simulation)


def test_an_address_that_left_its_file_before_it_was_taken_in_is_free(simulate: Simulate) -> None:
    """Nobody would find out why the address is refused: the batch that holds it shows no such mailbox."""
    simulation = simulate()
    anna, ben, carl = simulation.people
    simulation.ports.blobs.upload("lot-1", simulation.csv([anna, ben]))
    assert validate_upload(simulation.ports, BatchRef("lot-1")).kind is UploadKind.NEW
    simulation.upload(simulation.csv([anna]), batch="lot-1")
    simulation.run_until_all(Stage.SYNCED, batch="lot-1")
    simulation.upload(simulation.csv([ben, carl]), batch="lot-2")
    simulation.run_until_all(Stage.SYNCED, batch="lot-2")

    assert [row.address for row in simulation.records("lot-1")] == [anna.address]
    for batch in ("lot-1", "lot-2"):
        simulation.ask(Wish.CUTOVER, batch=batch)
        simulation.run_until_closed(batch)
        batch_has_let_go(simulation, batch)
    judge_life(simulation)


def test_an_address_of_another_open_batch_refuses_the_file(simulate: Simulate) -> None:
    """Two batches that move one mailbox would switch its alias against each other."""
    simulation = simulate()
    anna, ben, carl = simulation.people
    simulation.upload(simulation.csv([anna, ben]))
    simulation.upload(simulation.csv([ben, carl]), batch="lot-2")
    simulation.run_until_all(Stage.SYNCED)

    assert simulation.batch("lot-2") is None
    [mistake] = simulation.report("lot-2/refused.json")["mistakes"]
    assert mistake["line"] == 2
    assert BATCH in mistake["what"]
    assert set(simulation.ports.ledger.claimed().values()) == {BATCH}

    simulation.upload(simulation.csv([carl]), batch="lot-2")
    simulation.run_until_all(Stage.SYNCED, batch="lot-2")
    judge_life(simulation)


def mistaken(people: list[Person]) -> bytes:
    """A file with forty mistakes, each on a line of its own, and one good row."""
    rows = ["EmailAddress,UserName,Password", f"{people[0].address},{people[0].user_name},x"]
    rows += [f"nobody{number}.example.org,nobody{number},x" for number in range(MISTAKE_COUNT)]
    return "\r\n".join(rows).encode()


def test_forty_mistakes_are_named_at_once_and_nothing_is_written(simulate: Simulate) -> None:
    """An operator who hears of one mistake a day needs forty days."""
    simulation = simulate(people_count=1)
    simulation.upload(mistaken(simulation.people))
    simulation.pass_time(hours=1)

    report = simulation.report(f"{BATCH}/refused.json")
    lines = [mistake["line"] for mistake in report["mistakes"]]
    assert lines == list(range(3, 3 + MISTAKE_COUNT))
    assert report["mistake_count"] == MISTAKE_COUNT
    assert batch_marks(simulation.ports).beside(()) == {BATCH: "refused"}
    assert simulation.batch() is None
    assert simulation.ports.ledger.claimed() == {}
    assert simulation.ports.blobs.find_upload(BATCH) is None
    assert accounts_created(simulation) == 0
    judge_life(simulation)

    simulation.upload()
    all_migrated(simulation)


def test_of_very_many_mistakes_the_first_are_named_and_all_counted(simulate: Simulate) -> None:
    """Fifty thousand rows under a wrong header made a report that neither a browser nor the app could carry."""
    simulation = simulate(people_count=1)
    rows = [f"nobody{number}.example.org,nobody{number},x" for number in range(1_100)]
    simulation.upload("\r\n".join(["EmailAddress,UserName,Password", *rows]).encode())

    report = simulation.report(f"{BATCH}/refused.json")
    assert report["mistake_count"] == 1_100
    assert [mistake["line"] for mistake in report["mistakes"]] == list(range(2, 1_002))
    assert "1100 mistakes; the report names the first 1000" in repr(
        simulation.ports.notifier.alerts[-1]
    )


class OneMoreFile:
    """Blobs to which the corrected file comes at an instant: before the wrong one is refused, or right after it is gone."""

    def __init__(self, simulation: Simulation, *, is_late: bool) -> None:
        self._blobs = simulation.ports.blobs
        self._files = [simulation.csv()]
        self._is_late = is_late

    def find_upload(self, name: str) -> Upload | None:
        """Judged by now; the next look is the refusal's."""
        found = self._blobs.find_upload(name)
        if found is not None and not self._is_late and self._files:
            self._blobs.upload(name, self._files.pop())
        return found

    def withdraw(self, upload: Upload, sanitised: bytes) -> None:
        """The wrong file goes."""
        self._blobs.withdraw(upload, sanitised)
        if self._is_late and self._files:
            self._blobs.upload(upload.name, self._files.pop())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)


def test_a_file_that_comes_while_another_is_refused_is_judged_at_once(simulate: Simulate) -> None:
    """The operator corrects the header within seconds; the good file would lie there with its passwords for ever."""
    simulation = simulate(people_count=1)
    object.__setattr__(simulation.ports, "blobs", OneMoreFile(simulation, is_late=False))
    simulation.upload(b"Email;Login;Password\r\n")

    assert simulation.batch() is not None
    assert simulation.ports.blobs.find_upload(BATCH) is None
    assert simulation.report(f"{BATCH}/refused.json") is None
    all_migrated(simulation)
    simulation.run_until_closed()
    judge_life(simulation)


def test_a_file_that_comes_as_its_story_ends_is_found_by_the_watchdog(simulate: Simulate) -> None:
    """Its bell rang at a story that was over; nobody else would ever look."""
    simulation = simulate(people_count=1)
    object.__setattr__(simulation.ports, "blobs", OneMoreFile(simulation, is_late=True))
    simulation.upload(b"Email;Login;Password\r\n")
    assert simulation.ports.blobs.find_upload(BATCH) is not None
    simulation.watch()

    assert simulation.batch() is not None
    assert simulation.ports.blobs.find_upload(BATCH) is None
    all_migrated(simulation)
    simulation.run_until_closed()
    judge_life(simulation)


def test_a_file_corrected_while_a_running_batch_refuses_another_is_judged_at_once(
    simulate: Simulate,
) -> None:
    """The batch looks again within six hours; until then nobody knows of the change."""
    simulation = simulate(people_count=1)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.pass_time(days=5)
    object.__setattr__(simulation.ports, "blobs", OneMoreFile(simulation, is_late=False))
    simulation.upload(b"Email;Login;Password\r\n")

    assert simulation.ports.blobs.find_upload(BATCH) is None
    judge_life(simulation)


def test_a_good_upload_takes_away_why_the_last_was_refused(simulate: Simulate) -> None:
    """The operator would look for mistakes in a file that has none."""
    simulation = simulate(people_count=1)
    [anna] = simulation.people
    good = simulation.csv()
    changed = simulation.csv(DisplayName={anna.address: "Anna Bis"})
    for file in (good, good, changed):
        simulation.upload(mistaken(simulation.people))
        simulation.pass_time(hours=1)
        assert simulation.report(f"{BATCH}/refused.json") is not None
        simulation.upload(file)
        simulation.pass_time(hours=1)

        batch = simulation.batch()
        assert batch is not None
        assert "last_refused_upload" not in batch_view(simulation.ports, batch)
        assert batch_marks(simulation.ports).refused == frozenset()


def test_an_operator_who_asks_too_early_hears_why(simulate: Simulate) -> None:
    """A cutover that is refused silently is found out on Monday."""
    simulation = simulate(people_count=2)
    anna, _ = simulation.people
    simulation.world.aliases.edit_by_hand(anna.address, ["elsewhere@example.net"])
    simulation.upload()
    simulation.run_until(lambda: Stage.SET_ASIDE in simulation.stages())
    answer = simulation.ask_cutover()

    why = {refusal["address"]: refusal["why"] for refusal in answer["refused"]}
    assert answer["granted"] == 0
    assert why[anna.address].startswith("it is SET_ASIDE; name an instant yet to come")
    assert all("not yet SYNCED" in text for address, text in why.items() if address != anna.address)


def test_an_offence_holds_up_the_cutover_until_it_is_waived(simulate: Simulate) -> None:
    """A message that will not arrive is the user's decision, not ours."""
    simulation = simulate(people_count=1, over_limit_bytes=60_000, change_plan=small_messages)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    [refused] = simulation.ask_cutover()["refused"]
    assert "message_too_large" in refused["why"]

    assert simulation.ask_cutover(waived=("message_too_large",))["granted"] == 1
    simulation.run_until_all(Stage.MIGRATED)


def small_messages(plan: object) -> object:
    """The plan with a limit below the heavy message of the first person."""
    return replace(plan, survey=replace(plan.survey, message_size_max_bytes=40_000))  # type: ignore[type-var, attr-defined]


def test_a_late_delta_holds_up_the_cutover_and_is_asked_for(simulate: Simulate) -> None:
    """A week's mail in the last sync takes hours in which the user waits."""
    simulation = simulate(people_count=1, weather=replace(CALM, delta_cycle_s=72 * 3600.0))
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.pass_time(hours=30)
    [refused] = simulation.ask_cutover()["refused"]

    assert "older than 26 h" in refused["why"]


def test_nobody_is_called_late_because_their_row_is(simulate: Simulate) -> None:
    """The service's cycle and the stories' looks drift apart; on the morning of D-day a row may show the day before."""
    simulation = simulate(people_count=1)
    [anna] = simulation.people
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    row = simulation.record_of(anna.address)
    assert row.last_synced_utc is not None
    before_utc = row.last_synced_utc - timedelta(hours=30)
    simulation.ports.ledger.amend_mailbox(
        BATCH, row.key, lambda stored: replace(stored, last_synced_utc=before_utc)
    )
    simulation.knock()

    assert simulation.ports.notifier.alerts == []
    assert simulation.ask_cutover()["refused"] == []


def test_while_the_service_cannot_be_asked_the_row_counts(simulate: Simulate) -> None:
    """A sync that is late while Exchange does not answer must be told all the same."""
    simulation = simulate(people_count=1)
    [anna] = simulation.people
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    record = replace(simulation.record_of(anna.address), last_synced_utc=None)
    simulation.pass_time(hours=1)
    simulation.world.misfortune.provoke(
        "exchange.Get-MigrationUser", Failure(FailureKind.TRANSIENT, 503)
    )

    assert is_late(simulation.ports, record, timedelta(hours=26))


def test_no_password_is_left_in_any_archived_file(simulate: Simulate) -> None:
    """The archive is kept for years, and read by many."""
    simulation = simulate(people_count=2)
    simulation.upload()
    simulation.upload(simulation.csv([simulation.people[0]]))
    simulation.upload(mistaken(simulation.people), batch="lot-2")
    simulation.pass_time(hours=12)

    assert len(simulation.ports.blobs.archive) == 3
    judge_life(simulation)


def test_a_wish_for_somebody_else_is_refused_by_name(simulate: Simulate) -> None:
    """A typing mistake in a cutover's list must not pass as done."""
    simulation = simulate(people_count=1)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    answer = simulation.ask(Wish.CUTOVER, ["nobody@example.org"])

    assert answer["granted"] == 0
    assert json.dumps(answer["refused"]).count("not in this batch") == 1
