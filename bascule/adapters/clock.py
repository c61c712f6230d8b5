"""The machine's time, or a faster one for rehearsals; within one process neither ever goes back."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

# The wall clock is asked once and then counted on from there: set back by an administrator or by NTP, it would
# otherwise put an effect before its cause in the journal.
_STARTED_EPOCH_S = time.time() - time.monotonic()


def real_now_utc() -> datetime:
    """The machine's time as this process counts it."""
    return datetime.fromtimestamp(_STARTED_EPOCH_S + time.monotonic(), UTC)


class SystemClock:
    """The machine's time."""

    def now_utc(self) -> datetime:
        """The instant of now."""
        return real_now_utc()


class ScaledClock:
    """Time that runs `factor` times as fast as the machine's, through one pair of instants that belong together."""

    def __init__(
        self,
        anchor_real_utc: datetime,
        anchor_virtual_utc: datetime,
        factor: float,
        real: Callable[[], datetime] = real_now_utc,
    ) -> None:
        self._anchor_real_utc = anchor_real_utc
        self._anchor_virtual_utc = anchor_virtual_utc
        self._factor = factor
        self._real = real

    def now_utc(self) -> datetime:
        """The virtual instant of now."""
        # A process on a machine whose clock is behind the anchor's waits there instead of living before it.
        elapsed_s = max(0.0, (self._real() - self._anchor_real_utc).total_seconds())
        return self._anchor_virtual_utc + timedelta(seconds=elapsed_s * self._factor)
