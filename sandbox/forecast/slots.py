"""Waiting for one of a few slots: who is ready first is served first."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Turn:
    """When one of those who waited got a slot, and gave it back; seconds."""

    began_s: float
    ended_s: float


def turns(ready_s: Sequence[float], work_s: Sequence[float], slot_count: int) -> list[Turn]:
    """The turn of each, in the order given. Equals are served in that order too."""
    free = [0.0] * max(1, slot_count)
    found: dict[int, Turn] = {}
    for number in sorted(range(len(ready_s)), key=lambda each: (ready_s[each], each)):
        began_s = max(heapq.heappop(free), ready_s[number])
        found[number] = Turn(began_s, began_s + work_s[number])
        heapq.heappush(free, found[number].ended_s)
    return [found[number] for number in range(len(ready_s))]
