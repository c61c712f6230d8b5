"""Take one mailbox out of its sync batch."""

from dataclasses import replace

from activities.subject import note, record_of
from bascule.domain.records import MailboxRef
from bascule.ports.bundle import Ports


def leave_sync(ports: Ports, ref: MailboxRef) -> bool:
    """Copied mail stays. In none, or gone already, is success."""
    record = record_of(ports, ref)
    if not record.sync_batch:
        return True
    ports.exchange.remove_sync_user(record.address)
    ports.ledger.amend_mailbox(ref.batch, ref.key, lambda stored: replace(stored, sync_batch=""))
    note(ports, record, "sync batch", record.sync_batch, "")
    return True
