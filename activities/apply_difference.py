"""Apply a changed upload that the operator has accepted."""

import json
from dataclasses import replace

from activities.ensure_account import new_password_key
from activities.reserve_seats import reserve
from activities.subject import batch_of
from activities.uploads import pending_key, pending_path
from bascule.domain.addresses import mailbox_key
from bascule.domain.batch_difference import RowFacts
from bascule.domain.codec import decode
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.records import BatchRecord, MailboxRecord
from bascule.domain.requests import BatchRef
from bascule.ports.bundle import Ports


def apply_difference(ports: Ports, ref: BatchRef) -> int:
    """Change rows and passwords, add new mailboxes; how many rows were looked at. Repeatable.

    A row whose mailbox has closed is left alone. Removed rows are left alone, too, and all rows of a closed batch.

    Raises:
        Refusal(NO_SEAT | LICENCE_UNKNOWN | REQUEST_REJECTED): nothing was applied, and the acceptance is taken back.
    """
    batch = batch_of(ports, ref.name)
    fingerprint = batch.accepted_fingerprint
    if not fingerprint:
        return 0  # applied by an earlier attempt whose answer was lost
    content = ports.blobs.read_report(pending_path(ref.name, fingerprint)) or b"[]"
    rows = [decode(RowFacts, row) for row in json.loads(content)]
    if batch.closed_utc is not None:
        # Accepted in the moment of its end: the pending passwords went with the batch's key.
        ports.ledger.release(ref.name, [facts.address for facts in rows])
        ports.ledger.amend_batch(ref.name, lambda row: replace(row, accepted_fingerprint=""))
        return 0
    try:
        _admit(ports, ref.name, rows)
    except Refusal as refusal:
        ports.ledger.amend_batch(ref.name, lambda row: replace(row, accepted_fingerprint=""))
        ports.notifier.alert(f"The change of batch {ref.name} was refused", refusal.detail)
        raise
    for facts in rows:
        _apply(ports, ref.name, facts, fingerprint)
    ports.ledger.amend_batch(ref.name, _applied)
    return len(rows)


def _admit(ports: Ports, batch: str, rows: list[RowFacts]) -> None:
    """Claim the new addresses and reserve their seats, before any row changes."""
    records = {record.address: record for record in ports.ledger.mailboxes(batch)}
    added = [facts for facts in rows if facts.address not in records]
    held = ports.ledger.claim(batch, [facts.address for facts in added])
    if held:
        ports.ledger.release(batch, [facts.address for facts in added])
        others = ", ".join(f"{address} in {other}" for address, other in sorted(held.items()))
        raise Refusal(Code.REQUEST_REJECTED, f"in another batch that is not closed: {others}")
    waiting = [
        (record.address, record.cohort)
        for record in records.values()
        if not (record.is_licensed or record.is_final)
    ]
    if added:
        wanted = waiting + [(facts.address, facts.cohort) for facts in added]
        try:
            reserve(ports, batch, wanted)
        except Refusal:
            # Nothing was applied: the newcomers may come in another batch.
            ports.ledger.release(batch, [facts.address for facts in added])
            raise


def _applied(batch: BatchRecord) -> BatchRecord:
    if not batch.accepted_fingerprint:
        return batch
    is_still_pending = batch.pending_fingerprint != batch.accepted_fingerprint
    return replace(
        batch,
        fingerprint=batch.accepted_fingerprint,
        pending_fingerprint=batch.pending_fingerprint if is_still_pending else "",
        accepted_fingerprint="",
    )


def _apply(ports: Ports, batch: str, facts: RowFacts, fingerprint: str) -> None:
    key = mailbox_key(facts.address)
    stored = ports.ledger.find_mailbox(batch, key)
    if stored is not None and stored.is_final:
        return
    has_new_password = _take_over(ports, batch, key, fingerprint)
    fresh = _record(ports, batch, facts, has_new_password=has_new_password)
    if stored is None:
        ports.ledger.add_mailboxes([fresh])
        return
    ports.ledger.amend_mailbox(batch, key, lambda record: _changed(record, fresh))


def _take_over(ports: Ports, batch: str, key: str, fingerprint: str) -> bool:
    """Seal the pending passwords where the batch looks for them; whether there is one for a new account."""
    password = ports.secrets.open(batch, pending_key(key, fingerprint))
    ports.secrets.seal(batch, {key: password})
    new_key = new_password_key(key)
    try:
        new = ports.secrets.open(batch, pending_key(new_key, fingerprint))
    except Refusal as refusal:
        if refusal.code is not Code.SECRET_UNREADABLE:
            raise
        return False  # the row names none
    ports.secrets.seal(batch, {new_key: new})
    return True


def _record(ports: Ports, batch: str, facts: RowFacts, *, has_new_password: bool) -> MailboxRecord:
    return MailboxRecord(
        batch=batch,
        key=mailbox_key(facts.address),
        address=facts.address,
        source_user=facts.user_name,
        user_root=facts.user_root,
        has_new_password=has_new_password,
        display_name=facts.display_name,
        cohort=facts.cohort,
        usage_location=facts.usage_location,
        unit=facts.unit,
        cutover_at_utc=facts.cutover_at_utc,
        stage_since_utc=ports.clock.now_utc(),
    )


def _changed(record: MailboxRecord, fresh: MailboxRecord) -> MailboxRecord:
    return replace(
        record,
        source_user=fresh.source_user,
        user_root=fresh.user_root,
        has_new_password=fresh.has_new_password,
        display_name=fresh.display_name,
        cohort=fresh.cohort,
        usage_location=fresh.usage_location,
        unit=fresh.unit,
        # A row without an instant leaves what was asked otherwise, even after the file came.
        cutover_at_utc=fresh.cutover_at_utc or record.cutover_at_utc,
    )
