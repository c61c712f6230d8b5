"""One simulated mail world: a source with Postfix and Dovecot, a Microsoft 365 tenant, and the mail between them."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from sandbox.world.aliases import AliasRows, AliasTable, FileAliases, MemoryAliases
from sandbox.world.dns import PublicZones
from sandbox.world.kernel import Kernel
from sandbox.world.mail import fingerprint
from sandbox.world.misfortune import Misfortune
from sandbox.world.naming import Naming, domain_of
from sandbox.world.postfix import Postfix
from sandbox.world.source import Source
from sandbox.world.tenant import Tenant
from sandbox.world.trace import Journey, Trace
from sandbox.world.traffic import Correspondence, Refused
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
        self.misfortune = Misfortune(self.kernel, weather)
        self.calls: Counter[str] = Counter()
        self.aliases: AliasRows = aliases or MemoryAliases()
        self.dns = PublicZones(self.kernel, self.naming)
        self.source = Source(self.naming)
        self.tenant = Tenant(self.kernel, weather, self.trace, self.naming, self.source)
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
        self.initial_mail: Counter[tuple[str, str]] = Counter()
        self._correspondence = Correspondence(self.naming)

    def mail_in_flight_count(self) -> int:
        """How many messages stand in a queue somewhere."""
        with self.kernel.look():
            return len(self.postfix.queue) + self.tenant.transport.in_flight_count

    def source_strikes(self, what: str, probability: float) -> bool:
        """Whether this call on one of the source's own servers meets misfortune; `what` names its stream of luck."""
        with self.kernel.look():
            # No draw in calm weather: a world without misfortune has the same luck everywhere else.
            return probability > 0 and self.kernel.chance(what).random() < probability

    def share_aliases(self, table: AliasTable) -> None:
        """Keep the alias rows in an SQLite file from now on, where the product and a real Postfix find them too."""
        with self.kernel.look():
            shared = FileAliases(table)
            by_source: dict[str, list[str]] = {}
            for source, destination in self.aliases.all_rows():
                by_source.setdefault(source, []).append(destination)
            for source, destinations in by_source.items():
                shared.edit_by_hand(source, destinations)
            self.aliases = shared
            self.postfix.aliases = shared

    def take_stock(self) -> None:
        """Write down what the source holds now: the mail that must exist at the end."""
        with self.kernel.look():
            self.initial_mail = Counter(
                (box.address, fingerprint(message.raw))
                for box in self.source.all()
                for _, message in box.store.walk()
            )

    def mail_from_outside(self, to: str, sender: str = "client@example.net") -> Journey:
        """Somebody outside writes to `to`; their server goes where the MX record says, as its resolver remembers it.

        Raises:
            Refused: Postfix does not know the recipient.
        """
        with self.kernel.look():
            if self.dns.leads_to_tenant(domain_of(to)):
                letter = self._correspondence.letter(sender, to)
                return self.tenant.transport.receive(letter, [to], sender=sender)[0]
            refusal = self.postfix.refusal_of(to)
            if refusal is not None:
                raise Refused(refusal)
            letter = self._correspondence.letter(sender, to)
            return self.postfix.receive(letter, [to], sender=sender)[0]

    def mail_from_inside(self, from_user: str, to: str) -> Journey:
        """A user of the tenant writes to `to`; the message passes the tenant's rules."""
        with self.kernel.look():
            letter = self._correspondence.letter(from_user, to)
            return self.tenant.transport.receive(letter, [to], sender=from_user)[0]
