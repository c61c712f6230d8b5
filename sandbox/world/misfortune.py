"""Throttling, server errors and lost replies: the weather of the two services, drawn call by call."""

from collections import defaultdict, deque
from dataclasses import dataclass
from enum import StrEnum

from sandbox.world.kernel import Kernel
from sandbox.world.weather import Weather

# What a front end answers when something behind it is unwell; all four are seen in practice.
STATUSES_5XX = (500, 502, 503, 504)


class FailureKind(StrEnum):
    """How a call fails."""

    THROTTLED = "throttled"  # refused before any effect; comes with a hint when to try again
    TRANSIENT = "transient"  # refused before any effect; no hint
    LOST_REPLY = "lost_reply"  # the effect has happened, the answer never arrives


@dataclass(frozen=True)
class Failure:
    """One misfortune of one call."""

    kind: FailureKind
    status: int
    retry_after_s: int | None = None


@dataclass(frozen=True)
class _Odds:
    throttle: float
    retry_after_s: int
    transient: float
    lost_reply: float


class Misfortune:
    """Decides which calls fail. A call is named `SERVICE.VERB`, the service `graph` or `exchange`."""

    def __init__(self, kernel: Kernel, weather: Weather) -> None:
        self._kernel = kernel
        self._weather = weather
        self._provoked: defaultdict[str, deque[Failure]] = defaultdict(deque)

    def provoke(self, call: str, failure: Failure) -> None:
        """Let the next call of that name fail so, whatever the weather; several queue up."""
        self._provoked[call].append(failure)

    def before(self, call: str) -> Failure | None:
        """The failure that keeps the call from having any effect; None when it may go on."""
        provoked = self._take(call, lost=False)
        if provoked:
            return provoked
        odds, luck = self._odds(call), self._kernel.chance(f"misfortune-before-{_service(call)}")
        draw = luck.random()
        if draw < odds.throttle:
            return Failure(FailureKind.THROTTLED, 429, odds.retry_after_s)
        if draw < odds.throttle + odds.transient:
            return Failure(FailureKind.TRANSIENT, luck.choice(STATUSES_5XX))
        return None

    def after(self, call: str) -> Failure | None:
        """The failure that hides the answer of a call whose effect has happened; else None."""
        provoked = self._take(call, lost=True)
        if provoked:
            return provoked
        luck = self._kernel.chance(f"misfortune-after-{_service(call)}")
        if luck.random() < self._odds(call).lost_reply:
            return Failure(FailureKind.LOST_REPLY, 504)
        return None

    def _take(self, call: str, *, lost: bool) -> Failure | None:
        waiting = self._provoked.get(call)
        if waiting and (waiting[0].kind is FailureKind.LOST_REPLY) is lost:
            return waiting.popleft()
        return None

    def _odds(self, call: str) -> _Odds:
        weather = self._weather
        match _service(call):
            case "graph":
                return _Odds(
                    weather.graph_throttle_probability,
                    weather.graph_throttle_retry_after_s,
                    weather.graph_error_5xx_probability,
                    weather.graph_lost_reply_probability,
                )
            case "exchange":
                return _Odds(
                    weather.exchange_throttle_probability,
                    weather.exchange_throttle_retry_after_s,
                    weather.exchange_transient_probability,
                    weather.exchange_lost_reply_probability,
                )
            case service:
                raise ValueError(f"no weather for service {service!r} of call {call!r}")


def _service(call: str) -> str:
    return call.partition(".")[0]
