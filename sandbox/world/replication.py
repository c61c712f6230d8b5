"""Values that readers see late: what was written, and what a reader still sees of it."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from sandbox.world.kernel import Kernel
from sandbox.world.weather import Span

T = TypeVar("T")


def draw_s(kernel: Kernel, span: Span, stream: str) -> float:
    """A delay in seconds, drawn between both ends of the span; no draw is spent on a fixed one."""
    if span.min_s == span.max_s:
        return span.min_s
    return kernel.chance(stream).uniform(span.min_s, span.max_s)


def new_guid(kernel: Kernel, stream: str = "exchange-guids") -> str:
    """A fresh GUID, the same one under the same seed."""
    return str(uuid.UUID(int=kernel.chance(stream).getrandbits(128), version=4))


@dataclass(frozen=True)
class _Version(Generic[T]):
    seen_from_utc: datetime
    value: T


class Replicated(Generic[T]):
    """One value behind a replication delay; a later write never becomes visible before an earlier one."""

    def __init__(self, kernel: Kernel, span: Span, stream: str, value: T) -> None:
        self._kernel = kernel
        self._span = span
        self._stream = stream
        self._latest = value
        self._versions = [_Version(kernel.now_utc(), value)]

    def write(self, value: T) -> None:
        """Change the value now; readers see it after a drawn delay."""
        delay = timedelta(seconds=draw_s(self._kernel, self._span, self._stream))
        seen_from_utc = max(self._versions[-1].seen_from_utc, self._kernel.now_utc() + delay)
        self._latest = value
        self._versions.append(_Version(seen_from_utc, value))
        self._forget_superseded()

    def latest(self) -> T:
        """What was written last."""
        return self._latest

    def seen(self) -> T:
        """What a reader sees now."""
        self._forget_superseded()
        return self._versions[0].value

    def _forget_superseded(self) -> None:
        now_utc = self._kernel.now_utc()
        while len(self._versions) > 1 and self._versions[1].seen_from_utc <= now_utc:
            del self._versions[0]
