"""Time, chance and things yet to happen: what every part of the simulated world shares.

The world is a discrete-event model. Nothing runs on its own: whoever looks at the world first lets everything that
was due happen, each event at its own instant, then sees the state of now. One seed decides every draw.
"""

import heapq
import itertools
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

# More events than this in one look means that two parts of the world feed each other without end.
EVENTS_PER_LOOK_MAX = 2_000_000


class Kernel:
    """The clock, the seed and the agenda of one world; safe to share between threads."""

    def __init__(self, seed: int, clock: Callable[[], datetime]) -> None:
        """`clock` answers the aware UTC instant of now and never goes back."""
        self.seed = seed
        self._clock = clock
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._lock = threading.RLock()
        self._event_utc: datetime | None = None
        self._streams: dict[str, random.Random] = {}

    def now_utc(self) -> datetime:
        """The instant of the event being lived, or of the clock when nothing is."""
        return self._event_utc or self._clock()

    def chance(self, stream: str) -> random.Random:
        """The random stream of one concern.

        Each concern draws from its own stream, so a new draw in one place does not change the others' luck.
        """
        if stream not in self._streams:
            self._streams[stream] = random.Random(f"{self.seed}/{stream}")
        return self._streams[stream]

    def at(self, when_utc: datetime, happen: Callable[[], None]) -> None:
        """Let `happen` take place at `when_utc`; at the next look if that has passed."""
        with self._lock:
            heapq.heappush(self._agenda, (when_utc, next(self._order), happen))

    def after(self, delay_s: float, happen: Callable[[], None]) -> None:
        """Let `happen` take place `delay_s` seconds from now."""
        self.at(self.now_utc() + timedelta(seconds=delay_s), happen)

    def next_event_utc(self) -> datetime | None:
        """When the next thing is due; None when the agenda is empty."""
        with self._lock:
            return self._agenda[0][0] if self._agenda else None

    @contextmanager
    def look(self) -> Iterator[None]:
        """Hold the world still after everything due has happened. Re-entrant."""
        with self._lock:
            if self._event_utc is None:
                self._settle()
            yield

    def _settle(self) -> None:
        until_utc = self._clock()
        try:
            for _ in range(EVENTS_PER_LOOK_MAX):
                if not self._agenda or self._agenda[0][0] > until_utc:
                    return
                when_utc, _, happen = heapq.heappop(self._agenda)
                self._event_utc = when_utc
                happen()
            raise RuntimeError(
                f"the world did not come to rest within {EVENTS_PER_LOOK_MAX} events"
            )
        finally:
            self._event_utc = None
