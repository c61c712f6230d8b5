"""What a life writes down while it is lived, for the checkers to read."""

import hashlib
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.local_host.clock import VirtualClock

EVENTS_SHOWN = 25


@dataclass
class Chronicle:
    """What happened, in order, in the product's words; its digest tells two runs apart."""

    clock: VirtualClock
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=EVENTS_SHOWN))
    count: int = 0
    _digest: Any = field(default_factory=hashlib.sha256)

    def note(self, text: str) -> None:
        """Write one event down."""
        line = f"{self.clock.now_utc():%d %H:%M:%S} {text}"
        self.count += 1
        self.tail.append(line)
        self._digest.update(line.encode())

    def hash(self) -> str:
        """Hexadecimal digest of every event so far."""
        return str(self._digest.hexdigest())


@dataclass
class Redirects:
    """Who was seen last with which redirect, by address: what is new since then, a step has done."""

    pointing: frozenset[str] = frozenset()
    """Their alias rows point at the tenant."""
    members: frozenset[str] = frozenset()
    """They are written in the coexistence group."""
    read_home: set[tuple[str, datetime]] = field(default_factory=set)
    """(address, when its rollback began) of those whose alias was read back at home since then."""
