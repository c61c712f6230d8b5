"""Give a mailbox whose sync has failed another beginning."""

from activities.leave_sync import leave_sync
from activities.subject import note, record_of
from activities.sync_boards import user_on_board
from bascule.domain.records import MailboxRef
from bascule.ports.bundle import Ports


def restart_sync(ports: Ports, ref: MailboxRef) -> bool:
    """True: it left its sync batch and waits for a supplement. False: its sync batch was started again.

    Nothing copied yet, it leaves, so that a corrected password or user name reaches Exchange. Once mail was copied it
    stays where Exchange knows what it has: a second copy under another batch may double every message.
    """
    record = record_of(ports, ref)
    user = user_on_board(ports, record.sync_batch, record.key) if record.sync_batch else None
    if user is None or user.synced_count == 0:
        leave_sync(ports, ref)
        return True
    ports.exchange.start_sync_batch(record.sync_batch)
    note(ports, record, "sync batch", user.vendor_status, "started again")
    return False
