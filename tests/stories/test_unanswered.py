"""Servers that do not answer: no answer says nothing about a mailbox, and nobody is set aside for one call at the wrong moment."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bascule.domain.codes import Code
from bascule.domain.errors import Throttled, Unreachable
from bascule.domain.stages import Stage
from sandbox.in_process.simulation import Simulation
from sandbox.world.weather import CALM, Span
from tests.stories.conftest import Simulate

# Whole days of waiting: seconds each.
pytestmark = pytest.mark.slow

HOUR_S = 3600.0
BUSY = Throttled(5.0, "too many requests")
AWAY = Unreachable("no answer in time")


def opening_after(simulate: Simulate, hours: float) -> Simulation:
    """One mailbox that opens so long after its licence; not uploaded yet."""
    opening = Span(hours * HOUR_S, hours * HOUR_S)
    return simulate(people_count=1, weather=replace(CALM, mailbox_provisioning=opening))


def failing(
    simulation: Simulation, call: Callable[..., Any], error: Exception, hours: tuple[float, float]
) -> Callable[..., Any]:
    """The call, failing from so many hours after now until so many."""
    from_utc, until_utc = (simulation.clock.now_utc() + timedelta(hours=hour) for hour in hours)

    def called(*given: Any, **named: Any) -> Any:
        if from_utc <= simulation.clock.now_utc() < until_utc:
            raise error
        return call(*given, **named)

    return called


def hidden(
    simulation: Simulation,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    hours: tuple[float, float],
) -> None:
    """Let every look at the cloud mailbox fail for so long."""
    directory = simulation.ports.directory
    unseen = failing(simulation, directory.is_mailbox_open, error, hours)
    monkeypatch.setattr(directory, "is_mailbox_open", unseen)


def waited_for(simulation: Simulation, stage: Stage) -> timedelta:
    """From the upload until the only mailbox is at a stage."""
    began_utc = simulation.clock.now_utc()
    simulation.upload()
    simulation.run_until(lambda: simulation.stages() == {stage: 1}, days=3)
    return simulation.clock.now_utc() - began_utc


def test_a_mailbox_has_a_day_from_its_licence(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Microsoft may take a day after the licence, whatever had kept us from giving it."""
    simulation = opening_after(simulate, 23)
    directory = simulation.ports.directory
    late = failing(simulation, directory.find_account, AWAY, (0, 3))
    monkeypatch.setattr(directory, "find_account", late)
    simulation.upload()
    assert simulation.stages() == {Stage.SURVEYED: 1}
    simulation.run_until(lambda: simulation.stages() != {Stage.SURVEYED: 1})

    assert simulation.stages() == {Stage.PROVISIONED: 1}


@pytest.mark.parametrize("error", [BUSY, AWAY], ids=["throttled", "away"])
def test_a_call_refused_at_the_last_moment_is_made_again(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The mailbox has long been open; that nobody could see it in the last hours is no reason to call Microsoft."""
    simulation = opening_after(simulate, 20)
    hidden(simulation, monkeypatch, error, (19.5, 24.4))

    waited = waited_for(simulation, Stage.PROVISIONED)
    assert timedelta(hours=24.4) <= waited < timedelta(hours=24.6)


def test_silence_for_good_ends_in_an_hour_more_than_all_patience(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mailbox that waits for ever is one that nobody looks at."""
    simulation = opening_after(simulate, 20)
    hidden(simulation, monkeypatch, BUSY, (0, 1000))
    waited = waited_for(simulation, Stage.SET_ASIDE)

    [row] = simulation.records()
    assert row.code is Code.MAILBOX_NOT_OPEN
    assert "too many requests" in row.detail
    assert timedelta(hours=25) <= waited < timedelta(hours=25.3)
