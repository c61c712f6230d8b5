"""Simulated migrations for stories; each is closed at the end of its test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from sandbox.in_process.simulation import Options, Simulation

Simulate = Callable[..., Simulation]


@pytest.fixture
def simulate() -> Iterator[Simulate]:
    """A maker of simulated migrations; its arguments are those of Options."""
    with ExitStack() as stack:

        def make(**options: object) -> Simulation:
            return stack.enter_context(Simulation(Options(**options)))  # type: ignore[arg-type]

        yield make
