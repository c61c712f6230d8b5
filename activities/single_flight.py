"""One question to Exchange for everybody who waits for the answer.

    whoever finds the board too old takes its lease, asks, writes the answer, gives the lease back
    everybody else reads, or looks again in a few seconds

The lease is a compare-and-set on the board's head. Its holder may die: then it runs out.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bascule.domain.errors import NotYet
from bascule.domain.records import BoardHead
from bascule.ports.bundle import Ports

# Longer than any paged read of a whole batch should take.
LEASE = timedelta(seconds=180)
LEASED_WAIT_S = 5.0
# Many mailboxes want to see their own write: they are answered together, this often at the most.
REFRESH_GAP = timedelta(seconds=30)


def refreshed(
    ports: Ports,
    board: str,
    not_before_utc: datetime,
    look: Callable[[], Mapping[str, str]],
) -> BoardHead:
    """The head of a board whose entries were read at `not_before_utc` or later, refreshing it when they are older.

    Raises:
        NotYet: somebody else refreshes it now, or it was refreshed a moment ago.
    """
    head = ports.boards.head(board)
    if head.refreshed_utc is not None and head.refreshed_utc >= not_before_utc:
        return head
    now_utc = ports.clock.now_utc()
    if head.refreshed_utc is not None and now_utc - head.refreshed_utc < REFRESH_GAP:
        wait_s = (head.refreshed_utc + REFRESH_GAP - now_utc).total_seconds()
        raise NotYet(max(wait_s, 1.0), "the board was read a moment ago")
    holder = take_lease(ports, board)
    try:
        ports.boards.replace_entries(board, look())
        return ports.boards.amend_head(board, lambda head: replace(head, refreshed_utc=now_utc))
    finally:
        give_back(ports, board, holder)


def take_lease(ports: Ports, board: str) -> str:
    """Become the one who asks; the holder's name, to give it back with. Raises NotYet while another is."""
    holder = secrets.token_hex(8)
    now_utc = ports.clock.now_utc()

    def change(head: BoardHead) -> BoardHead:
        if head.lease_until_utc is not None and head.lease_until_utc > now_utc:
            return head
        return replace(head, lease_holder=holder, lease_until_utc=now_utc + LEASE)

    if ports.boards.amend_head(board, change).lease_holder != holder:
        raise NotYet(LEASED_WAIT_S, "somebody else is asking")
    return holder


def give_back(ports: Ports, board: str, holder: str) -> None:
    """End the lease, if it is still ours."""

    def change(head: BoardHead) -> BoardHead:
        if head.lease_holder != holder:
            return head
        return replace(head, lease_holder="", lease_until_utc=None)

    ports.boards.amend_head(board, change)
