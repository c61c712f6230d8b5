"""Late mail for one old mailbox, which keeps its cutover open until enough mail has been under way.

A programme in the house writes to the home address and goes past the alias. Its owner's source is not quiet, and the
last sync waits for the next quiet time: as long as somebody writes, the cutover is not over, however quick the machine.
"""

import time

from bascule.domain.plan import CutoverPlan
from sandbox.rehearsal.post import Post

# Of the unquiet looks that a mailbox is allowed: with the others it must become quiet.
WINDOW_COUNT_MAX = CutoverPlan().sweep_count_max * 3 // 4
# Real seconds; well within the operator's patience with anything.
OPEN_MAX_S = 600.0
LETTERS_PER_WINDOW = 3


def open_at_most_s(speed: float) -> float:
    """Real seconds for which late mail can keep a cutover open; `speed` is virtual seconds in a real one."""
    return min(OPEN_MAX_S, WINDOW_COUNT_MAX * CutoverPlan().quiet_s / speed)


class LateMail:
    """Writes to one home address as often as its mailbox must hear of something."""

    def __init__(self, post: Post, home_address: str, speed: float) -> None:
        self._post = post
        self._home_address = home_address
        self._interval_s = CutoverPlan().quiet_s / speed / LETTERS_PER_WINDOW
        self._end_s = time.monotonic() + open_at_most_s(speed)
        self._next_s = 0.0

    def keep_open(self) -> None:
        """Write again if it is time; not any more when it has gone on for as long as a mailbox may be unquiet."""
        now_s = time.monotonic()
        if self._next_s <= now_s < self._end_s:
            self._next_s = now_s + self._interval_s
            self._post.from_outside(self._home_address)
