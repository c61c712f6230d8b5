"""What every ledger and every journal promises."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bascule.adapters.table_store.journal import TableJournal
from bascule.adapters.table_store.ledger import TableLedger
from bascule.adapters.table_store.tables import Tables
from bascule.domain.addresses import mailbox_key
from bascule.domain.codes import Code
from bascule.domain.errors import Conflict
from bascule.domain.records import BatchRecord, JournalEntry, MailboxRecord, Wish
from bascule.domain.stages import Stage
from bascule.ports.ledger import Journal, Ledger
from sandbox.bound.journal import MemoryJournal
from sandbox.bound.ledger import MemoryLedger

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture(params=["memory", "tables"])
def ledger(request: pytest.FixtureRequest, table_prefix: str) -> Iterator[Ledger]:
    """An empty ledger."""
    if request.param == "memory":
        yield MemoryLedger()
        return
    tables = Tables.from_connection_string(request.getfixturevalue("azurite"), table_prefix)
    yield TableLedger(tables)
    tables.close()


@pytest.fixture(params=["memory", "tables"])
def journal(request: pytest.FixtureRequest, table_prefix: str) -> Iterator[Journal]:
    """An empty journal."""
    if request.param == "memory":
        yield MemoryJournal()
        return
    tables = Tables.from_connection_string(request.getfixturevalue("azurite"), table_prefix)
    yield TableJournal(tables)
    tables.close()


def a_batch(name: str = "pilot") -> BatchRecord:
    """A batch as it is after its upload."""
    return BatchRecord(name, fingerprint="f1", row_count=2, uploaded_utc=NOON)


def a_mailbox(address: str = "anna@example.org", batch: str = "pilot") -> MailboxRecord:
    """A mailbox as it is registered."""
    return MailboxRecord(batch, mailbox_key(address), address, source_user="anna")


def test_a_batch_is_found_again_as_it_was_added(ledger: Ledger) -> None:
    """A batch whose instants or flags changed on the way would be another batch."""
    record = replace(a_batch(), is_open=True, closed_utc=NOON, uploaded_by="D'Arc")

    assert ledger.add_batch(record)
    assert ledger.find_batch("pilot") == record
    assert ledger.find_batch("other") is None


def test_a_second_batch_of_one_name_leaves_the_first_as_it_is(ledger: Ledger) -> None:
    """An upload that comes twice must not reset a batch whose stories run."""
    ledger.add_batch(a_batch())

    assert not ledger.add_batch(replace(a_batch(), fingerprint="f2"))
    assert ledger.find_batch("pilot") == a_batch()


def test_batches_come_by_name(ledger: Ledger) -> None:
    """The operator's list would jump about."""
    for name in ("lot-2", "lot-10", "lot-1"):
        ledger.add_batch(a_batch(name))

    assert [batch.name for batch in ledger.batches()] == ["lot-1", "lot-10", "lot-2"]


def test_a_mailbox_keeps_every_field(ledger: Ledger) -> None:
    """A fact lost in the table would be asked of the vendor again, or decided wrongly."""
    record = replace(
        a_mailbox(),
        display_name="Anna Ångström 漢",
        cutover_at_utc=NOON,
        stage=Stage.SET_ASIDE,
        code=Code.NO_SEAT,
        resume_stage=Stage.SURVEYED,
        wish=Wish.RETRY,
        waived=("a", "b"),
        source_message_count=500_000,
        source_size_bytes=50 * 2**30,
        licensed_utc=NOON,
        certificate='{"missing": 0}',
    )
    ledger.add_mailboxes([record])

    assert ledger.find_mailbox("pilot", record.key) == record


def test_only_new_mailboxes_are_added_and_counted(ledger: Ledger) -> None:
    """A batch that is registered again after a crash must not put moving mailboxes back to the start."""
    first = [a_mailbox(f"user{number}@example.org") for number in range(150)]
    ledger.add_mailboxes(first[:120])
    moved = ledger.amend_mailbox(
        "pilot", first[0].key, lambda record: replace(record, stage=Stage.SURVEYED)
    )

    assert ledger.add_mailboxes(first) == 30
    assert ledger.add_mailboxes(first) == 0
    assert ledger.find_mailbox("pilot", first[0].key) == moved


def test_mailboxes_come_by_key_and_only_of_their_batch(ledger: Ledger) -> None:
    """A batch's report would count mailboxes of another one."""
    ledger.add_mailboxes([a_mailbox("b@example.org"), a_mailbox("a@example.org")])
    ledger.add_mailboxes([a_mailbox("c@example.org", batch="pilot-2")])

    assert [record.address for record in ledger.mailboxes("pilot")] == [
        "a@example.org",
        "b@example.org",
    ]


def test_mailboxes_and_keys_go_on_behind_a_key(ledger: Ledger) -> None:
    """A list that begins at its start for every page reads a large batch hundreds of times."""
    addresses = [f"user{number}@example.org" for number in range(10)]
    ledger.add_mailboxes([a_mailbox(address) for address in addresses])
    ledger.add_mailboxes([a_mailbox("user9@example.org", batch="pilot-2")])
    keys = [record.key for record in ledger.mailboxes("pilot")]

    assert [record.key for record in ledger.mailboxes("pilot", keys[3])] == keys[4:]
    assert list(ledger.mailboxes("pilot", keys[-1])) == []
    assert ledger.mailbox_keys("pilot", "", 4) == tuple(keys[:4])
    assert ledger.mailbox_keys("pilot", keys[3], 4) == tuple(keys[4:8])
    assert ledger.mailbox_keys("pilot", keys[7], 4) == tuple(keys[8:])
    assert list(ledger.mailboxes("pilot", "' or RowKey ne '")) == list(ledger.mailboxes("pilot"))


def test_no_amendment_is_lost_when_two_come_at_once(ledger: Ledger) -> None:
    """The operator's wish, written while the story records its stage, would vanish."""
    record = a_mailbox()
    ledger.add_mailboxes([record])
    interrupted: list[bool] = []

    def change(now: MailboxRecord) -> MailboxRecord:
        if not interrupted:
            interrupted.append(True)
            ledger.amend_mailbox("pilot", record.key, lambda row: replace(row, wish=Wish.CUTOVER))
        return replace(now, stage=Stage.SURVEYED)

    after = ledger.amend_mailbox("pilot", record.key, change)

    assert (after.stage, after.wish) == (Stage.SURVEYED, Wish.CUTOVER)
    assert ledger.find_mailbox("pilot", record.key) == after


def test_an_amendment_that_never_succeeds_is_a_conflict(ledger: Ledger) -> None:
    """A step would go round for ever while somebody else writes the row."""
    ledger.add_batch(a_batch())
    counts = iter(range(1000))

    def change(now: BatchRecord) -> BatchRecord:
        count = next(counts)
        ledger_two = replace(now, pending_fingerprint=str(count))
        ledger.amend_batch("pilot", lambda _: ledger_two)
        return replace(now, fingerprint=f"mine-{count}")

    with pytest.raises(Conflict):
        ledger.amend_batch("pilot", change)


def test_amending_what_is_not_there_says_so(ledger: Ledger) -> None:
    """A row made out of nothing would be a mailbox nobody uploaded."""
    with pytest.raises(KeyError):
        ledger.amend_batch("pilot", lambda record: record)
    with pytest.raises(KeyError):
        ledger.amend_mailbox("pilot", "nobody", lambda record: record)


def test_an_address_belongs_to_one_batch(ledger: Ledger) -> None:
    """Two batches that move one mailbox would switch its route against each other."""
    assert ledger.claim("lot-1", ["Anna@example.org", "bob@example.org"]) == {}
    assert ledger.claim("lot-1", ["anna@example.org"]) == {}
    assert ledger.claim("lot-2", ["anna@example.org", "carl@example.org"]) == {
        "anna@example.org": "lot-1"
    }
    assert ledger.claim("lot-1", ["carl@example.org"]) == {"carl@example.org": "lot-2"}


def test_a_released_address_can_be_claimed_again(ledger: Ledger) -> None:
    """An abandoned mailbox could never be moved by a later batch."""
    ledger.claim("lot-1", ["anna@example.org", "bob@example.org"])
    ledger.release("lot-2", ["anna@example.org"])
    ledger.release("lot-1", ["bob@example.org", "nobody@example.org"])
    ledger.release("lot-1", ["bob@example.org"])

    assert ledger.claim("lot-3", ["anna@example.org", "bob@example.org"]) == {
        "anna@example.org": "lot-1"
    }


def test_many_claims_are_taken_and_given_up(ledger: Ledger) -> None:
    """A claim of many partitions would be refused, or keep its addresses for ever."""
    addresses = [f"user{number}@example.org" for number in range(300)]

    assert ledger.claim("lot-1", addresses) == {}
    assert len(ledger.claim("lot-2", addresses)) == 300
    ledger.release("lot-1", addresses)
    assert ledger.claim("lot-2", addresses) == {}


def test_seats_are_reserved_by_compare_and_set(ledger: Ledger) -> None:
    """Two batches that count the same free seats would promise them twice."""
    interrupted: list[bool] = []

    def reserve(now: Mapping[str, int]) -> Mapping[str, int]:
        if not interrupted:
            interrupted.append(True)
            ledger.reserve_seats("sku", lambda seats: {**seats, "lot-1": 10})
        return {**now, "lot-2": 5}

    assert ledger.reserve_seats("sku", reserve) == {"lot-1": 10, "lot-2": 5}
    assert ledger.reserve_seats("other", dict) == {}


def test_entries_of_one_instant_both_stay(journal: Journal) -> None:
    """An effect that is not in the journal was never seen by an auditor."""
    for effect in ("join", "leave"):
        journal.note(an_entry(NOON, effect))

    assert {entry.effect for entry in journal.entries("pilot")} == {"join", "leave"}


def test_entries_come_in_the_order_of_their_instants(journal: Journal) -> None:
    """The journal would tell a cutover before its reason."""
    whole_second = NOON.replace(microsecond=0)
    for offset_s in (2.0, 0.5, 1.0, 0.0):
        journal.note(an_entry(whole_second + timedelta(seconds=offset_s), str(offset_s)))
    journal.note(replace(an_entry(NOON, "elsewhere"), batch="other"))

    assert [entry.effect for entry in journal.entries("pilot")] == ["0.0", "0.5", "1.0", "2.0"]


def an_entry(at_utc: datetime, effect: str) -> JournalEntry:
    """An entry about anna."""
    return JournalEntry(at_utc, "pilot", "anna", effect, before="", after="", asked_by="op")
