"""See how far the sync of one mailbox is, through the board of its sync batch."""

from dataclasses import replace
from datetime import datetime, timedelta

from activities.subject import login_of, record_of
from activities.sync_boards import user_on_board, young_board
from bascule.domain.codes import Code
from bascule.domain.errors import BasculeError, NotYet, Refusal
from bascule.domain.records import BoardHead, MailboxRecord, MailboxRef
from bascule.domain.requests import SyncFacts
from bascule.domain.stages import Stage
from bascule.domain.sync import SyncState, SyncUser, sync_failure_code
from bascule.ports.bundle import Ports

# A batch that was just created does not list its users at once.
NOT_LISTED_WAIT_S = 60.0
# Not listed for longer than that, Exchange has left the row out: another migration batch holds the mailbox.
LISTED_WITHIN = timedelta(hours=2)
# A batch that was started again shows its old states until the service has come to each of its users.
RESTARTED_WITHIN = timedelta(minutes=30)
HALTED = frozenset({SyncState.FAILED, SyncState.STOPPED})
IN_BETWEEN = frozenset({SyncState.LEAVING, SyncState.UNKNOWN, SyncState.UNEXPECTED})


def see_sync(ports: Ports, ref: MailboxRef) -> SyncFacts:
    """What Exchange says of this mailbox's sync.

    Raises:
        NotYet: the board is being read, the user is not listed yet, or is in a state that is never taken for done.
        Refusal(SYNC_*): its sync has failed or was stopped.
        Refusal(SECRET_UNREADABLE): not begun, and there is no password to begin with.
    """
    record = record_of(ports, ref)
    if record.stage is Stage.COEXISTING:
        login_of(ports, record)  # without a password it was left out of the sync batch
    head = young_board(ports, record.sync_batch)
    user = user_on_board(ports, record.sync_batch, record.key)
    if user is None:
        raise _unlisted(ports, record, head)
    set_unlisted(ports, record, None)
    if user.state in HALTED and _is_restarting(head, ports.clock.now_utc()):
        raise NotYet(NOT_LISTED_WAIT_S, f"{record.address}: the sync was started again")
    has_begun = record.stage is not Stage.COEXISTING and head.created_utc is not None
    _check(user, has_begun=has_begun)
    return SyncFacts(
        user.state,
        user.synced_count,
        user.skipped_count,
        user.last_success_utc,
        head.refreshed_utc or ports.clock.now_utc(),
    )


def _check(user: SyncUser, *, has_begun: bool) -> None:
    if user.state is SyncState.FAILED:
        raise Refusal(
            sync_failure_code(user.error), f"{user.address}: {user.error or 'no reason given'}"
        )
    if user.state is SyncState.STOPPED and has_begun:
        raise Refusal(Code.SYNC_STOPPED, f"{user.address}: the sync is {user.vendor_status}")
    # Before its batch is started, a user is listed as stopped.
    if user.state in IN_BETWEEN or user.state is SyncState.STOPPED:
        raise NotYet(NOT_LISTED_WAIT_S, f"{user.address}: the sync is {user.vendor_status}")


def _is_restarting(head: BoardHead, now_utc: datetime) -> bool:
    return head.restarted_utc is not None and now_utc - head.restarted_utc < RESTARTED_WITHIN


def _unlisted(ports: Ports, record: MailboxRecord, head: BoardHead) -> BasculeError:
    """One listing without it says little: a page may lag behind, and its mail may go to the cloud already."""
    where = f"{record.address} is not listed in {record.sync_batch}"
    seen_utc = head.refreshed_utc or ports.clock.now_utc()
    since_utc = record.unlisted_since_utc
    if since_utc is not None and seen_utc - since_utc > LISTED_WITHIN:
        return Refusal(Code.SYNC_IN_OTHER_BATCH, f"{where}; another migration batch may hold it")
    if since_utc is None and head.created_utc is not None:
        set_unlisted(ports, record, seen_utc)
    return NotYet(NOT_LISTED_WAIT_S, f"{where} now")


def set_unlisted(ports: Ports, record: MailboxRecord, since_utc: datetime | None) -> None:
    """Note in its row since when it is not listed, or that it is; a row that says so already is not written."""
    if record.unlisted_since_utc == since_utc:
        return
    ports.ledger.amend_mailbox(
        record.batch, record.key, lambda stored: replace(stored, unlisted_since_utc=since_utc)
    )
