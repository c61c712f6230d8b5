"""Put a changed upload before the operator: what it would change, and nothing changed yet."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from activities.ensure_account import new_password_key
from activities.subject import batch_of
from activities.uploads import (
    difference_path,
    fingerprint_of,
    pending_key,
    pending_path,
    read_upload,
    rows_facts,
    secrets_of,
    write_json,
)
from bascule.domain.batch_difference import (
    Difference,
    PendingDifference,
    RowFacts,
    difference,
    pending_rows,
)
from bascule.domain.batch_file import BatchFile
from bascule.domain.codec import encode
from bascule.domain.records import MailboxRecord
from bascule.domain.requests import BatchRef
from bascule.ports.bundle import Ports


def file_difference(ports: Ports, ref: BatchRef) -> int:
    """Write the difference and the pending rows, seal the pending passwords; how many mailboxes it touches."""
    _, file = read_upload(ports, ref)
    records = list(ports.ledger.mailboxes(ref.name))
    running = _running(ports, ref.name, records)
    begun = frozenset(record.address for record in records if record.has_begun_cutover)
    written = rows_facts(ports, ref.name, file.rows)
    fresh = [_with_instant(facts, running, begun) for facts in written]
    found = difference(running, fresh)
    fingerprint = fingerprint_of(ports, ref.name, file)
    batch = batch_of(ports, ref.name)
    pending = PendingDifference(batch.fingerprint, pending_rows(found, running, fresh))
    _seal(ports, ref.name, file, fingerprint, pending)
    write_json(ports, pending_path(ref.name, fingerprint), encode(pending))
    too_late = _too_late(written, running, begun)
    write_json(ports, difference_path(ref.name), _report(ref.name, fingerprint, found, too_late))
    if batch.pending_fingerprint != fingerprint:
        ports.notifier.alert(
            f"Batch {ref.name}: a changed file was uploaded",
            "Nothing was applied. Read its difference and accept it, or upload the first file again.",
        )
    ports.ledger.amend_batch(
        ref.name, lambda batch: replace(batch, pending_fingerprint=fingerprint)
    )
    return len(found.added) + len(found.removed) + len(found.changed)


def _with_instant(
    facts: RowFacts, running: Mapping[str, RowFacts], begun: Collection[str]
) -> RowFacts:
    """A row without an instant takes back no cutover that was asked for otherwise; none takes back one that has begun."""
    known = running.get(facts.address)
    is_asked = facts.cutover_at_utc is not None and facts.address not in begun
    if is_asked or known is None:
        return facts
    return replace(facts, cutover_at_utc=known.cutover_at_utc)


def _too_late(
    written: Iterable[RowFacts], running: Mapping[str, RowFacts], begun: Collection[str]
) -> list[str]:
    """Whose row names another instant although the cutover has begun: nothing becomes of that, and a person is to know."""
    return sorted(
        facts.address
        for facts in written
        if facts.address in begun
        and facts.cutover_at_utc not in (None, running[facts.address].cutover_at_utc)
    )


def _seal(
    ports: Ports, name: str, file: BatchFile, fingerprint: str, pending: PendingDifference
) -> None:
    """Seal the passwords that applying would take over, where the running batch does not look for its own."""
    named = {row.facts.address for row in pending.rows if row.brings_password}
    sealed = secrets_of(row for row in file.rows if row.address in named)
    ports.secrets.seal(name, {pending_key(key, fingerprint): text for key, text in sealed.items()})


def _running(ports: Ports, name: str, records: list[MailboxRecord]) -> dict[str, RowFacts]:
    """What the rows of the batch say now, by address."""
    keys = [key for record in records for key in (record.key, new_password_key(record.key))]
    kept = ports.secrets.kept(name, keys)
    # Where none is kept the mailbox has closed: any password differs.
    closed = [record for record in records if record.key not in kept]
    open_ = [record for record in records if record.key in kept]
    marks = ports.secrets.marks(name, (_passwords(record, kept) for record in open_))
    found = {
        record.address: _facts(record, mark) for record, mark in zip(open_, marks, strict=True)
    }
    return found | {record.address: _facts(record, "") for record in closed}


def _passwords(record: MailboxRecord, kept: Mapping[str, str]) -> str:
    new = kept.get(new_password_key(record.key), "") if record.has_new_password else ""
    return f"{kept[record.key]}\0{new}"


def _facts(record: MailboxRecord, password_mark: str) -> RowFacts:
    return RowFacts(
        address=record.address,
        user_name=record.source_user,
        display_name=record.display_name,
        cohort=record.cohort,
        cutover_at_utc=record.cutover_at_utc,
        usage_location=record.usage_location,
        password_mark=password_mark,
        unit=record.unit,
    )


def _report(
    batch: str, fingerprint: str, found: Difference, too_late: list[str]
) -> dict[str, object]:
    return {
        "batch": batch,
        "fingerprint": fingerprint,
        "added": list(found.added),
        "removed": list(found.removed),
        "changed": [
            {"address": change.address, "fields": list(change.fields)} for change in found.changed
        ],
        "cutover_begun": too_late,
        "what_to_do": "POST /api/batches/NAME/difference with this fingerprint applies what was added"
        " and changed. Rows that were removed are never abandoned by a file: ask for it by name. A cutover that"
        " has begun gets no other instant: ask for the rollback of those under cutover_begun.",
    }
