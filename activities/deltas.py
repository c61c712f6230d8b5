"""Asking Exchange for a delta, once for everybody who wants one."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from activities.single_flight import give_back, take_lease
from activities.sync_boards import board_of, read_entries, running_board_of, user_of, user_on_board
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
    """An instant after which every delta of this mailbox that ends began after `since_utc`.

    That of a request made at `since_utc` or later while none ran for this mailbox. Was one running, which says nothing of
    what it has seen, another request follows; unless an earlier one has ended since then, for a mailbox has one at a time:
    the one that runs began after it. So no mailbox waits for ever because others' requests keep its deltas running.

    Raises:
        NotYet: requests are being gathered, a delta runs, or somebody else is asking.
        Refusal(SYNC_STOPPED): the sync batch is stopped or gone.
    """
    board = board_of(record.sync_batch)
    head = ports.boards.amend_head(
        board, lambda head: _asked(head, since_utc, ports.clock.now_utc())
    )
    if head.delta_issued_utc is not None and head.delta_issued_utc >= since_utc:
        if not _ran_at_issue(ports, head, record):
            return head.delta_issued_utc
        ended_utc = _ended_before_running(ports, record)
        if ended_utc is not None and ended_utc >= since_utc:
            return ended_utc
        ask_for_delta(ports, record.sync_batch)
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

    `key` names a mailbox for whom it must wait while a delta runs; empty: it waits for nobody. Whose delta runs at that
    instant is written down: they are not served by this request.
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
    entries = read_entries(ports, sync_batch)
    ports.boards.replace_entries(board, entries)
    user = user_on_board(ports, sync_batch, key)
    if user is not None and user.state is SyncState.DELTA:
        raise NotYet(RUNNING_WAIT_S, "a delta that began earlier is still running")
    slot = 1 - ports.boards.head(board).delta_slot
    ports.boards.replace_entries(running_board_of(sync_batch, slot), _running(entries))
    ports.exchange.sync_now(sync_batch)
    ports.boards.amend_head(
        board,
        # Before the look, not after it: whoever was idle then is served by this request.
        lambda head: replace(
            head,
            delta_issued_utc=looked_utc,
            delta_slot=slot,
            delta_first_asked_utc=None,
            refreshed_utc=looked_utc,
        ),
    )


def _running(entries: Mapping[str, str]) -> dict[str, str]:
    states = {key: user_of(text).state for key, text in entries.items()}
    return {key: state.value for key, state in states.items() if state is SyncState.DELTA}


def _ran_at_issue(ports: Ports, head: BoardHead, record: MailboxRecord) -> bool:
    board = running_board_of(record.sync_batch, head.delta_slot)
    return ports.boards.entry(board, record.key) is not None


def _ended_before_running(ports: Ports, record: MailboxRecord) -> datetime | None:
    """When the delta before the one that runs now ended; None when none runs."""
    user = user_on_board(ports, record.sync_batch, record.key)
    return user.last_success_utc if user and user.state is SyncState.DELTA else None


def _asked(head: BoardHead, since_utc: datetime, now_utc: datetime) -> BoardHead:
    if head.delta_issued_utc is not None and head.delta_issued_utc >= since_utc:
        return head
    if head.delta_first_asked_utc is not None:
        return head
    return replace(head, delta_first_asked_utc=now_utc)
