"""Bad luck of the services: it strikes as often as the weather says, and when a test orders it."""

from datetime import UTC, datetime

import pytest

from sandbox.world.kernel import Kernel
from sandbox.world.misfortune import Failure, FailureKind, Misfortune
from sandbox.world.weather import CALM, Weather


def misfortune(weather: Weather) -> Misfortune:
    """Bad luck under one seed."""
    return Misfortune(Kernel(7, lambda: datetime(2026, 11, 22, tzinfo=UTC)), weather)


def test_calm_weather_strikes_nobody() -> None:
    """Tests of the plain path would fail by chance."""
    calm = misfortune(CALM)

    assert [calm.before("graph.GET users") for _ in range(100)] == [None] * 100
    assert [calm.after("exchange.Get-Mailbox") for _ in range(100)] == [None] * 100


def test_each_service_has_its_own_weather() -> None:
    """A storm in Exchange would be seen in Graph, and a test of one would be a test of both."""
    storm = misfortune(
        Weather(exchange_throttle_probability=1.0, exchange_throttle_retry_after_s=9)
    )

    assert storm.before("graph.GET users") is None
    assert storm.before("exchange.Get-Mailbox") == Failure(FailureKind.THROTTLED, 429, 9)


def test_a_transient_failure_has_a_server_status_and_no_hint() -> None:
    """The product must find its own patience when nobody tells it how long."""
    storm = misfortune(Weather(graph_error_5xx_probability=1.0))
    seen = {storm.before("graph.GET users") for _ in range(50)}

    assert {failure.status for failure in seen if failure} == {500, 502, 503, 504}


def test_a_lost_reply_comes_after_the_effect() -> None:
    """A reply lost before the effect is a plain failure, and proves nothing about repeating."""
    storm = misfortune(Weather(graph_lost_reply_probability=1.0))

    assert storm.before("graph.POST users") is None
    assert storm.after("graph.POST users") == Failure(FailureKind.LOST_REPLY, 504)


def test_an_ordered_failure_strikes_one_call_once() -> None:
    """A contract test could not say which call fails."""
    calm = misfortune(CALM)
    lost = Failure(FailureKind.LOST_REPLY, 504)
    calm.provoke("graph.POST users", Failure(FailureKind.TRANSIENT, 503))
    calm.provoke("graph.POST users", lost)

    assert calm.before("graph.GET users") is None
    assert calm.before("graph.POST users") == Failure(FailureKind.TRANSIENT, 503)
    assert calm.before("graph.POST users") is None
    assert calm.after("graph.POST users") == lost
    assert calm.after("graph.POST users") is None


def test_a_call_of_no_service_is_a_mistake() -> None:
    """A misspelt service would live in eternal sunshine."""
    with pytest.raises(ValueError, match="no weather"):
        misfortune(CALM).before("grpah.GET users")
