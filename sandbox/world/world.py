"""One simulated mail world: a source with Postfix and Dovecot, a Microsoft 365 tenant, and the mail between them."""

from collections.abc import Callable
from datetime import datetime

from sandbox.world.kernel import Kernel
from sandbox.world.trace import Trace
from sandbox.world.weather import CALM, Weather


class World:
    """The parts of the world under one seed and one clock."""

    def __init__(self, seed: int, clock: Callable[[], datetime], weather: Weather = CALM) -> None:
        self.kernel = Kernel(seed, clock)
        self.weather = weather
        self.trace = Trace()
