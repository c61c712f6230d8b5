"""Give a mailbox whose sync has failed another beginning."""

from dataclasses import replace

from activities.leave_sync import leave_for_supplement
from activities.see_sync import set_unlisted
from activities.subject import note, record_of
from activities.sync_boards import board_of, user_on_board, young_board
from bascule.domain.records import MailboxRecord, MailboxRef
from bascule.domain.sync import SyncState, SyncUser
from bascule.ports.bundle import Ports


def restart_sync(ports: Ports, ref: MailboxRef) -> bool:
    """True: it left its sync batch and waits for a supplement. False: its sync batch was started again.

    Nothing copied yet, or its sync batch gone: it leaves, so that a corrected password or user name reaches Exchange.
    Once mail was copied it stays where Exchange knows what it has: a copy under another batch may double everything.

    Raises:
        NotYet: the sync batch is being read for somebody else.
        Refusal(SYNC_IN_OTHER_BATCH): another migration batch has it, which is none of ours to take it out of.
    """
    record = record_of(ports, ref)
    user = _user_with_copy(ports, record)
    if user is None:
        leave_for_supplement(ports, ref)
        return True
    set_unlisted(ports, record, None)
    ports.exchange.start_sync_batch(record.sync_batch)
    # The board, and Exchange itself for some minutes, still show it failed.
    board, now_utc = board_of(record.sync_batch), ports.clock.now_utc()
    ports.boards.amend_head(
        board, lambda head: replace(head, refreshed_utc=None, restarted_utc=now_utc)
    )
    note(ports, record, "sync batch", user.vendor_status, "started again")
    return False


def _user_with_copy(ports: Ports, record: MailboxRecord) -> SyncUser | None:
    """The mailbox in its sync batch, if that is there and has copied anything of it.

    The board may be from before it was set aside. So nobody leaves by what it shows: the service is asked, once for
    all that were asked to go on in the same instant.
    """
    found = ports.exchange.find_sync_batch(record.sync_batch) if record.sync_batch else None
    if found is None or found.state is SyncState.LEAVING:
        return None
    user = user_on_board(ports, record.sync_batch, record.key)
    if user is None or not user.synced_count:
        young_board(ports, record.sync_batch, record.wish_utc or ports.clock.now_utc())
        user = user_on_board(ports, record.sync_batch, record.key)
    return user if user is not None and user.synced_count else None
