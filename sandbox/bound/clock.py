"""The world's time as the product's clock."""

from datetime import datetime

from sandbox.world.world import World


class WorldClock:
    """Implements `bascule.ports.clock.Clock`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now_utc(self) -> datetime:
        """The world's instant of now."""
        return self._world.kernel.now_utc()
