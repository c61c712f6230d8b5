"""Take one mailbox that is abandoned out of its sync batch."""

from dataclasses import replace
from datetime import datetime

from activities.subject import note, record_of
from bascule.domain.errors import Conflict
from bascule.domain.records import MailboxRecord, MailboxRef, Wish
from bascule.ports.bundle import Ports


def leave_sync(ports: Ports, ref: MailboxRef) -> bool:
    """Copied mail stays. In none, or gone already, is success. From here on the wish to abandon is taken back no more.

    Raises:
        Conflict: it was taken back before anything was done.
    """
    now_utc = ports.clock.now_utc()
    ports.ledger.amend_mailbox(ref.batch, ref.key, lambda stored: _begun(stored, now_utc))
    return take_out_of_sync(ports, ref)


def take_out_of_sync(ports: Ports, ref: MailboxRef) -> bool:
    """Whoever goes on comes into a supplement; whoever is abandoned stays out."""
    record = record_of(ports, ref)
    if not record.sync_batch:
        return True
    ports.exchange.remove_sync_user(record.address)
    ports.ledger.amend_mailbox(
        ref.batch,
        ref.key,
        lambda stored: replace(stored, sync_batch="", unlisted_since_utc=None),
    )
    note(ports, record, "sync batch", record.sync_batch, "")
    return True


def _begun(stored: MailboxRecord, now_utc: datetime) -> MailboxRecord:
    if stored.abandon_began_utc is not None:
        return stored
    if stored.wish is not Wish.ABANDON:
        raise Conflict(f"{stored.batch}/{stored.key}: the wish to abandon it was taken back")
    return replace(stored, abandon_began_utc=now_utc)
