"""Apply a changed upload that the operator has accepted: what its difference showed, and nothing else."""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from activities.address_claims import claim_all, shown_holders
from activities.ensure_account import new_password_key
from activities.reserve_seats import reserve
from activities.subject import batch_of
from activities.uploads import pending_key, pending_path
from bascule.domain.addresses import mailbox_key
from bascule.domain.batch_difference import PendingDifference, PendingRow
from bascule.domain.codec import decode
from bascule.domain.codes import Code
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.records import BatchRecord, MailboxRecord, Wish
from bascule.domain.requests import BatchRef
from bascule.ports.bundle import Ports

Records = Mapping[str, MailboxRecord]
"""The mailboxes of the batch by address."""

# Under which name a mailbox remembers what its row says.
RECORD_FIELDS = {
    "user_name": "source_user",
    "display_name": "display_name",
    "cohort": "cohort",
    "usage_location": "usage_location",
    "unit": "unit",
    "cutover_at_utc": "cutover_at_utc",
}

# Two calls of the table each, one after the other: a minute or two, far below the host's time-out for one step.
CHANGED_COUNT_MAX = 5_000
# Nothing is waited for; the next attempt goes on with the rows that still differ.
GO_ON_WAIT_S = 1.0


class MovedOn(Refusal):
    """What the operator accepted is no longer what the difference showed."""

    def __init__(self, batch: str, why: str) -> None:
        super().__init__(
            Code.REQUEST_REJECTED, f"batch {batch} has moved on: {why}; upload the file again"
        )


def apply_difference(ports: Ports, ref: BatchRef) -> int:
    """Change rows and passwords, add new mailboxes; how many rows the difference names. Repeatable.

    A row whose mailbox has closed is left alone. Removed rows are left alone, too, and all rows of a closed batch.

    Raises:
        Refusal(NO_SEAT | LICENCE_UNKNOWN | REQUEST_REJECTED): the acceptance is taken back, and nothing was applied.
        NotYet: there is more to change than one attempt should do; the next one goes on.
        MovedOn: the difference itself is taken back; the same file again shows what is left of it.
    """
    batch = batch_of(ports, ref.name)
    if not batch.accepted_fingerprint:
        return 0  # applied by an earlier attempt whose answer was lost
    if batch.closed_utc is not None:
        # Accepted in the moment of its end: the pending passwords went with the batch's key, and the claims go with it.
        ports.ledger.amend_batch(ref.name, lambda stored: _taken_back(stored, is_stale=True))
        return 0
    try:
        rows = _accepted(ports, batch)
        _apply_all(ports, batch, rows)
    except Refusal as refusal:
        is_stale = isinstance(refusal, MovedOn)
        ports.ledger.amend_batch(ref.name, lambda stored: _taken_back(stored, is_stale=is_stale))
        ports.notifier.alert(f"The change of batch {ref.name} was refused", refusal.detail)
        raise
    row_count = sum(1 for _ in ports.ledger.mailboxes(ref.name))
    ports.ledger.amend_batch(ref.name, lambda stored: _applied(stored, row_count))
    return len(rows)


def _accepted(ports: Ports, batch: BatchRecord) -> tuple[PendingRow, ...]:
    """What was shown. Raises MovedOn when it was shown for another upload, or by a version that kept whole rows."""
    content = ports.blobs.read_report(pending_path(batch.name, batch.accepted_fingerprint))
    raw = json.loads(content or b"[]")
    if isinstance(raw, list):
        raise MovedOn(batch.name, "the difference was made by an earlier version")
    pending = decode(PendingDifference, raw)
    if pending.base_fingerprint != batch.fingerprint:
        raise MovedOn(batch.name, "another changed file was applied since the difference was made")
    return pending.rows


def _apply_all(ports: Ports, batch: BatchRecord, rows: tuple[PendingRow, ...]) -> None:
    """Apply what is not applied yet, passwords first. Raises NotYet when it is more than one attempt should do."""
    records = {record.address: record for record in ports.ledger.mailboxes(batch.name)}
    for row in rows:
        _see_instant(records.get(row.facts.address), row)
    _admit(ports, batch.name, rows, records)
    alive = [row for row in rows if not _is_final(records.get(row.facts.address))]
    newly = _take_over(ports, batch, [row for row in alive if row.brings_password])
    added = [row for row in alive if row.facts.address not in records]
    ports.ledger.add_mailboxes([_record(ports, batch, row, newly) for row in added])
    by = batch.accepted_by
    stale = [
        row
        for row in alive
        if (record := records.get(row.facts.address)) and _changed(record, row, newly, by) != record
    ]
    for row in stale[:CHANGED_COUNT_MAX]:
        _change(ports, batch, row, newly)
    if len(stale) > CHANGED_COUNT_MAX:
        raise NotYet(GO_ON_WAIT_S, f"{len(stale) - CHANGED_COUNT_MAX} rows are still to change")


def _is_final(record: MailboxRecord | None) -> bool:
    return record is not None and record.is_final


def _change(ports: Ports, batch: BatchRecord, row: PendingRow, newly: Collection[str]) -> None:
    key, by = mailbox_key(row.facts.address), batch.accepted_by
    ports.ledger.amend_mailbox(batch.name, key, lambda record: _changed(record, row, newly, by))


def _see_instant(record: MailboxRecord | None, row: PendingRow) -> None:
    """See that no cutover was asked for, taken back or begun behind the difference. Raises MovedOn."""
    if record is None or record.is_final or "cutover_at_utc" not in row.fields:
        return
    if record.cutover_at_utc == row.facts.cutover_at_utc:
        return  # by an earlier attempt
    if record.has_begun_cutover:
        raise MovedOn(record.batch, f"the cutover of {record.address} has begun")
    if record.cutover_at_utc != row.cutover_before_utc:
        raise MovedOn(
            record.batch, f"{record.address} has another cutover than when the difference was made"
        )


def _admit(ports: Ports, batch: str, rows: tuple[PendingRow, ...], records: Records) -> None:
    """Claim the new addresses and reserve their seats, before any row changes."""
    added = [row.facts for row in rows if row.facts.address not in records]
    held = claim_all(ports, batch, [facts.address for facts in added])
    if held:
        raise Refusal(Code.REQUEST_REJECTED, shown_holders(held))
    waiting = [
        (record.address, record.cohort)
        for record in records.values()
        if not (record.is_licensed or record.is_final)
    ]
    if not added:
        return
    try:
        reserve(ports, batch, waiting + [(facts.address, facts.cohort) for facts in added])
    except Refusal:
        ports.ledger.release(batch, [facts.address for facts in added])
        raise


def _taken_back(batch: BatchRecord, *, is_stale: bool) -> BatchRecord:
    accepted = batch.accepted_fingerprint
    is_gone = is_stale and batch.pending_fingerprint == accepted
    return replace(
        batch,
        # Left pending, the same file would be taken for one that is known, and no difference made of it.
        pending_fingerprint="" if is_gone else batch.pending_fingerprint,
        accepted_fingerprint="",
    )


def _applied(batch: BatchRecord, row_count: int) -> BatchRecord:
    if not batch.accepted_fingerprint:
        return batch
    is_still_pending = batch.pending_fingerprint != batch.accepted_fingerprint
    return replace(
        batch,
        row_count=row_count,
        fingerprint=batch.accepted_fingerprint,
        pending_fingerprint=batch.pending_fingerprint if is_still_pending else "",
        accepted_fingerprint="",
    )


def _take_over(ports: Ports, batch: BatchRecord, rows: list[PendingRow]) -> frozenset[str]:
    """Seal the pending passwords where the batch looks for them; addresses that have one for a new account."""
    own = [mailbox_key(row.facts.address) for row in rows]
    places = {
        key: pending_key(key, batch.accepted_fingerprint)
        for mailbox in own
        for key in (mailbox, new_password_key(mailbox))
    }
    kept = ports.secrets.kept(batch.name, places.values())
    lost = [
        row.facts.address for key, row in zip(own, rows, strict=True) if places[key] not in kept
    ]
    if lost:
        raise MovedOn(batch.name, f"the new password of {lost[0]} is not kept any more")
    found = {key: kept[place] for key, place in places.items() if place in kept}
    if found:
        ports.secrets.seal(batch.name, found)
    return frozenset(
        row.facts.address
        for key, row in zip(own, rows, strict=True)
        if new_password_key(key) in found
    )


def _record(
    ports: Ports, batch: BatchRecord, row: PendingRow, newly: Collection[str]
) -> MailboxRecord:
    facts = row.facts
    return MailboxRecord(
        batch=batch.name,
        key=mailbox_key(facts.address),
        address=facts.address,
        source_user=facts.user_name,
        has_new_password=facts.address in newly,
        display_name=facts.display_name,
        cohort=facts.cohort,
        usage_location=facts.usage_location,
        unit=facts.unit,
        cutover_at_utc=facts.cutover_at_utc,
        wish_by=batch.accepted_by if facts.cutover_at_utc else "",
        stage_since_utc=ports.clock.now_utc(),
    )


def _changed(
    record: MailboxRecord, row: PendingRow, newly: Collection[str], by: str
) -> MailboxRecord:
    """The record with what the difference showed of its row; `by`: whose word that was. Raises MovedOn."""
    if record.is_final:
        return record  # since the rows were read
    _see_instant(record, row)
    values: dict[str, Any] = {
        RECORD_FIELDS[name]: getattr(row.facts, name)
        for name in row.fields
        if name in RECORD_FIELDS
    }
    if "password_mark" in row.fields:
        values["has_new_password"] = record.address in newly
    has_instant = values.get("cutover_at_utc", record.cutover_at_utc) != record.cutover_at_utc
    if has_instant and record.wish is not Wish.ABANDON:
        # What follows from the instant is signed with the name of whoever accepted it; nothing does over an abandonment.
        values["wish_by"] = by
    return replace(record, **values)
