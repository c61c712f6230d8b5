"""One simulated mail world: a source with Postfix and Dovecot, a Microsoft 365 tenant, and the mail between them."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from sandbox.world.aliases import AliasRows, MemoryAliases
from sandbox.world.kernel import Kernel
from sandbox.world.naming import Naming
from sandbox.world.postfix import Postfix
from sandbox.world.source import Source
from sandbox.world.tenant import Tenant
from sandbox.world.trace import Trace
from sandbox.world.weather import CALM, Weather


class World:
    """The parts of the world under one seed and one clock."""

    def __init__(
        self,
        seed: int,
        clock: Callable[[], datetime],
        weather: Weather = CALM,
        *,
        naming: Naming | None = None,
        aliases: AliasRows | None = None,
    ) -> None:
        """`clock` answers the aware UTC instant of now; `aliases` are in memory unless given."""
        self.kernel = Kernel(seed, clock)
        self.weather = weather
        self.naming = naming or Naming()
        self.trace = Trace()
        self.calls: Counter[str] = Counter()
        self.aliases: AliasRows = aliases or MemoryAliases()
        self.source = Source(self.naming)
        self.tenant = Tenant(self.kernel, weather, self.trace, self.naming)
        self.postfix = Postfix(
            self.kernel,
            weather,
            self.trace,
            naming=self.naming,
            aliases=self.aliases,
            source=self.source,
            tenant_transport=self.tenant.transport,
        )
        self.tenant.transport.smart_host = self.postfix

    def mail_in_flight_count(self) -> int:
        """How many messages stand in a queue somewhere."""
        with self.kernel.look():
            return len(self.postfix.queue) + self.tenant.transport.in_flight_count
