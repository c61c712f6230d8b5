"""Waiting for one of a few slots: who is ready first is served first. Those who are served share one line."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class Turn:
    """When one of those who waited got a slot, and gave it back; seconds."""

    began_s: float
    ended_s: float


def turns(
    ready_s: Sequence[float], work_s: Sequence[float], slot_count: int, line: float = inf
) -> list[Turn]:
    """The turn of each, in the order given. Equals are served in that order too.

    `work_s` is how long each takes at full pace, `line` how many the line carries at full pace: when more are served, at
    that instant, all of them go slower alike.
    """
    slots = _Slots(max(1, slot_count), line)
    for number in sorted(range(len(ready_s)), key=lambda each: (ready_s[each], each)):
        slots.serve(number, ready_s[number], work_s[number])
    slots.finish()
    return [Turn(slots.began_s[number], slots.ended_s[number]) for number in range(len(ready_s))]


class _Slots:
    """The slots and who holds them. All go at the same pace, so what each has done since it began differs from what
    all have done by a constant: one number, and a heap of what it will be at each end."""

    def __init__(self, count: int, line: float) -> None:
        self._count, self._line = count, line
        self._now_s = self._done_s = 0.0
        self._holders: list[tuple[float, int]] = []
        self.began_s: dict[int, float] = {}
        self.ended_s: dict[int, float] = {}

    def serve(self, number: int, ready_s: float, work_s: float) -> None:
        """Give the next a slot, once ready and once one is free."""
        while self._holders and (self._is_full() or self._next_end_s() <= ready_s):
            self._end_one()
        self._go_to(max(ready_s, self._now_s))
        self.began_s[number] = self._now_s
        heapq.heappush(self._holders, (self._done_s + work_s, number))

    def finish(self) -> None:
        """Wait for those who still hold one."""
        while self._holders:
            self._end_one()

    def _is_full(self) -> bool:
        return len(self._holders) >= self._count

    def _pace(self) -> float:
        return min(1.0, self._line / max(len(self._holders), 1))

    def _next_end_s(self) -> float:
        return self._now_s + (self._holders[0][0] - self._done_s) / self._pace()

    def _end_one(self) -> None:
        self._now_s = self._next_end_s()
        self._done_s, number = heapq.heappop(self._holders)
        self.ended_s[number] = self._now_s

    def _go_to(self, at_s: float) -> None:
        self._done_s += (at_s - self._now_s) * self._pace()
        self._now_s = at_s
