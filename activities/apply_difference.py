"""Apply a changed upload that the operator has accepted."""

from dataclasses import replace

from activities.ensure_account import new_password_key
from activities.file_difference import PENDING_SUFFIX, pending_rows
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

    A row whose mailbox has closed is left alone. Removed rows are left alone, too.
    """
    rows = [decode(RowFacts, row) for row in pending_rows(ports, ref.name)]
    for facts in rows:
        _apply(ports, ref.name, facts)
    ports.ledger.amend_batch(ref.name, _applied)
    return len(rows)


def _applied(batch: BatchRecord) -> BatchRecord:
    return replace(
        batch,
        fingerprint=batch.accepted_fingerprint or batch.fingerprint,
        pending_fingerprint="",
        accepted_fingerprint="",
    )


def _apply(ports: Ports, batch: str, facts: RowFacts) -> None:
    key = mailbox_key(facts.address)
    stored = ports.ledger.find_mailbox(batch, key)
    if stored is not None and stored.is_final:
        return
    if stored is None:
        held = ports.ledger.claim(batch, [facts.address])
        if held:
            detail = f"{facts.address} is in batch {held[facts.address]}, which is not closed"
            raise Refusal(Code.REQUEST_REJECTED, detail)
    has_new_password = _take_over(ports, batch, key)
    fresh = _record(ports, batch, facts, has_new_password=has_new_password)
    if stored is None:
        ports.ledger.add_mailboxes([fresh])
        return
    ports.ledger.amend_mailbox(batch, key, lambda record: _changed(record, fresh))


def _take_over(ports: Ports, batch: str, key: str) -> bool:
    """Seal the pending passwords where the batch looks for them; whether there is one for a new account."""
    ports.secrets.seal(batch, {key: ports.secrets.open(batch, f"{key}{PENDING_SUFFIX}")})
    new_key = new_password_key(key)
    try:
        new = ports.secrets.open(batch, f"{new_key}{PENDING_SUFFIX}")
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
        cutover_at_utc=fresh.cutover_at_utc,
    )
