"""Asking Exchange for a delta, once for everybody who wants one."""

from dataclasses import replace
from datetime import datetime, timedelta

from activities.single_flight import give_back, take_lease
from activities.sync_boards import board_of, read_entries, user_on_board
from bascule.domain.codes import Code
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.records import BoardHead, MailboxRecord
from bascule.domain.sync import SyncState
from bascule.ports.bundle import Ports

# A delta of one mailbox takes minutes.
RUNNING_WAIT_S = 60.0
# A batch that takes no request for a delta.
RESTING = frozenset({SyncState.IDLE, SyncState.STOPPED, SyncState.LEAVING})


def issued_since(ports: Ports, record: MailboxRecord, since_utc: datetime) -> datetime:
    """The instant of a request for a delta made at `since_utc` or later, while none ran for this mailbox.

    So every delta of this mailbox that ends after the answered instant began after `since_utc`.

    Raises:
        NotYet: requests are being gathered, a delta runs, or somebody else is asking.
        Refusal(SYNC_STOPPED): the sync batch is stopped or gone.
    """
    board = board_of(record.sync_batch)
    head = ports.boards.amend_head(
        board, lambda head: _asked(head, since_utc, ports.clock.now_utc())
    )
    if head.delta_issued_utc is not None and head.delta_issued_utc >= since_utc:
        return head.delta_issued_utc
    issue_when_due(ports, record.sync_batch, record.key)
    raise NotYet(RUNNING_WAIT_S, "the delta was asked for")


def ask_for_delta(ports: Ports, sync_batch: str) -> None:
    """Put a request for a delta on the board; whoever serves the board next issues it."""
    now_utc = ports.clock.now_utc()
    ports.boards.amend_head(board_of(sync_batch), lambda head: _asked(head, now_utc, now_utc))


def keep_alive(ports: Ports, sync_batch: str) -> None:
    """Ask for a delta when nothing was asked for so long that Exchange would stop the sync batch as forgotten."""
    head = ports.boards.head(board_of(sync_batch))
    touched_utc = head.delta_issued_utc or head.created_utc
    idle_max = timedelta(days=ports.plan.sync.keep_alive_days)
    if touched_utc is not None and ports.clock.now_utc() - touched_utc > idle_max:
        ask_for_delta(ports, sync_batch)


def issue_when_due(ports: Ports, sync_batch: str, key: str = "") -> None:
    """Ask Exchange for the delta that was gathered for, when its time has come.

    `key` names a mailbox for whom no delta may run at this instant; empty: none may run for any.
    """
    board = board_of(sync_batch)
    asked_utc = ports.boards.head(board).delta_first_asked_utc
    if asked_utc is None:
        return
    due_utc = asked_utc + timedelta(seconds=ports.plan.sync.delta_gather_s)
    rest_s = (due_utc - ports.clock.now_utc()).total_seconds()
    if rest_s > 0:
        raise NotYet(rest_s, "requests for a delta are being gathered")
    holder = take_lease(ports, board)
    try:
        _issue(ports, sync_batch, key)
    finally:
        give_back(ports, board, holder)


def _issue(ports: Ports, sync_batch: str, key: str) -> None:
    found = ports.exchange.find_sync_batch(sync_batch)
    if found is None or found.state in RESTING:
        state = found.vendor_status if found else "gone"
        raise Refusal(Code.SYNC_STOPPED, f"the sync batch {sync_batch} is {state}")
    if found.state is SyncState.WAITING:
        raise NotYet(RUNNING_WAIT_S, f"the sync batch {sync_batch} is {found.vendor_status}")
    board, looked_utc = board_of(sync_batch), ports.clock.now_utc()
    ports.boards.replace_entries(board, read_entries(ports, sync_batch))
    user = user_on_board(ports, sync_batch, key)
    if user is not None and user.state is SyncState.DELTA:
        raise NotYet(RUNNING_WAIT_S, "a delta that began earlier is still running")
    ports.exchange.sync_now(sync_batch)
    ports.boards.amend_head(
        board,
        # Before the look, not after it: whoever was idle then is served by this request.
        lambda head: replace(
            head, delta_issued_utc=looked_utc, delta_first_asked_utc=None, refreshed_utc=looked_utc
        ),
    )


def _asked(head: BoardHead, since_utc: datetime, now_utc: datetime) -> BoardHead:
    if head.delta_issued_utc is not None and head.delta_issued_utc >= since_utc:
        return head
    if head.delta_first_asked_utc is not None:
        return head
    return replace(head, delta_first_asked_utc=now_utc)
