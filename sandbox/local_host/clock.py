"""What time it is for the host and its app: real, scaled, or moved by hand.

Durable time is whatever the clock says: timer fire times, `current_utc_datetime`, cron schedules and history
timestamps. Only waiting (how long to sleep until something is due) is asked in real seconds.
"""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

CLOCK_VARIABLE = "LOCAL_HOST_CLOCK"
INSTANT_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"

END_OF_TIME_UTC = datetime(9999, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """A source of instants which never goes back."""

    def now_utc(self) -> datetime:
        """The aware UTC instant of now."""
        ...

    def real_delay_s(self, until_utc: datetime) -> float:
        """Real seconds until `until_utc`; 0 when it has passed."""
        ...


def instant_text(instant_utc: datetime) -> str:
    """The ISO 8601 text of an aware UTC instant, six decimals and `Z`; sorts as time does."""
    return instant_utc.astimezone(UTC).strftime(INSTANT_FORMAT)


def parse_instant(text: str) -> datetime:
    """The aware UTC instant of an ISO 8601 text; a text without a zone is read as UTC."""
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


_STARTED_S = time.time() - time.monotonic()


def real_now_utc() -> datetime:
    """The machine's own time; within one process it never goes back, even when the machine's clock is set."""
    return datetime.fromtimestamp(_STARTED_S + time.monotonic(), UTC)


@dataclass(frozen=True)
class ScaledClock:
    """Virtual time = virtual anchor + factor * (real time - real anchor).

    Factor 1 with equal anchors is real time. The anchors are stored beside the state, so that a restarted host goes
    on along the same line; the down-time counts.
    """

    anchor_real_utc: datetime
    anchor_virtual_utc: datetime
    factor: float

    def now_utc(self) -> datetime:
        elapsed_s = max(0.0, (real_now_utc() - self.anchor_real_utc).total_seconds())
        try:
            return self.anchor_virtual_utc + timedelta(seconds=elapsed_s * self.factor)
        except OverflowError:
            return END_OF_TIME_UTC  # a fast clock left alone for weeks

    def real_delay_s(self, until_utc: datetime) -> float:
        return max(0.0, (until_utc - self.now_utc()).total_seconds() / self.factor)

    def to_json(self) -> str:
        """The text an app finds in the environment variable `LOCAL_HOST_CLOCK`."""
        return json.dumps(
            {
                "anchor_real_utc": instant_text(self.anchor_real_utc),
                "anchor_virtual_utc": instant_text(self.anchor_virtual_utc),
                "factor": self.factor,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "ScaledClock":
        """The clock whose `to_json` is `text`."""
        facts = json.loads(text)
        return cls(
            parse_instant(facts["anchor_real_utc"]),
            parse_instant(facts["anchor_virtual_utc"]),
            float(facts["factor"]),
        )

    @classmethod
    def starting_now(cls, factor: float) -> "ScaledClock":
        """A clock which agrees with real time now and runs `factor` times as fast."""
        now_utc = real_now_utc()
        return cls(now_utc, now_utc, factor)

    def continued(self, factor: float) -> "ScaledClock":
        """This clock's line carried on from now at another speed."""
        if factor == self.factor:
            return self
        return ScaledClock(real_now_utc(), self.now_utc(), factor)


class VirtualClock:
    """A clock which stands still until it is moved; for tests and simulations."""

    def __init__(self, start_utc: datetime) -> None:
        self._now_utc = start_utc

    def now_utc(self) -> datetime:
        return self._now_utc

    def real_delay_s(self, until_utc: datetime) -> float:
        return max(0.0, (until_utc - self._now_utc).total_seconds())

    def advance_to(self, instant_utc: datetime) -> None:
        """Move to `instant_utc`; an instant in the past changes nothing."""
        self._now_utc = max(self._now_utc, instant_utc)


def factor_from_text(text: str) -> float:
    """The speed meant by `real` or `scaled:FACTOR`.

    Raises:
        ValueError: another word, or a factor which is not a positive number.
    """
    if text == "real":
        return 1.0
    kind, _, factor_text = text.partition(":")
    if kind != "scaled" or float(factor_text) <= 0:
        raise ValueError(f"clock must be 'real' or 'scaled:FACTOR' with FACTOR > 0, not {text!r}")
    return float(factor_text)
