"""Give a mailbox whose sync has failed another beginning."""

from dataclasses import replace

from activities.leave_sync import take_out_of_sync
from activities.subject import note, record_of
from activities.sync_boards import board_of, user_on_board
from bascule.domain.records import MailboxRef
from bascule.domain.sync import SyncState
from bascule.ports.bundle import Ports


def restart_sync(ports: Ports, ref: MailboxRef) -> bool:
    """True: it left its sync batch and waits for a supplement. False: its sync batch was started again.

    Nothing copied yet, or its sync batch gone: it leaves, so that a corrected password or user name reaches Exchange.
    Once mail was copied it stays where Exchange knows what it has: a copy under another batch may double everything.
    """
    record = record_of(ports, ref)
    found = ports.exchange.find_sync_batch(record.sync_batch) if record.sync_batch else None
    user = user_on_board(ports, record.sync_batch, record.key) if found else None
    if found is None or found.state is SyncState.LEAVING or user is None or not user.synced_count:
        take_out_of_sync(ports, ref)
        return True
    ports.exchange.start_sync_batch(record.sync_batch)
    # The board, and Exchange itself for some minutes, still show it failed.
    board, now_utc = board_of(record.sync_batch), ports.clock.now_utc()
    ports.boards.amend_head(
        board, lambda head: replace(head, refreshed_utc=None, restarted_utc=now_utc)
    )
    note(ports, record, "sync batch", user.vendor_status, "started again")
    return False
