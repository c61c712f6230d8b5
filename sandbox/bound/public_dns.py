"""Public DNS, on the world's zones."""

from bascule.adapters.dns_memory import DnsMemory
from bascule.adapters.spf import check_sender
from bascule.domain.dns_records import Answer, DnsKind, DnsRecord, NameServer, Outcome
from bascule.domain.spf import SpfVerdict
from sandbox.world.dns import RecordSet
from sandbox.world.world import World

NOTHING = RecordSet((), 0)


class WorldPublicDns:
    """Implements `bascule.ports.public_dns.PublicDns`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.zones = world.dns

    def session(self) -> "WorldPublicDns":
        """With a memory."""
        return _Session(self._world)

    def resolvers(self) -> tuple[NameServer, ...]:
        """The one resolver of the world."""
        return (NameServer(self.zones.RESOLVER, "192.0.2.53"),)

    def authorities(self, domain: str) -> tuple[NameServer, ...]:
        """The two servers of every zone."""
        del domain
        return tuple(
            NameServer(name, f"192.0.2.{number}", is_authority=True)
            for number, name in enumerate(self.zones.SERVERS, start=1)
        )

    def look_up(self, name: str, kind: DnsKind, server: NameServer) -> Answer:
        """Ask one server."""
        with self._world.kernel.look():
            self._world.calls["dns"] += 1
            if server.name in self.zones.silent:
                return Answer(server, name, kind, Outcome.SILENT)
            found = self._found(name, kind, server)
            if found is None:
                return Answer(server, name, kind, Outcome.REFUSED)
            alias = self._alias(name, kind, server)
            is_there = bool(alias.values) or self.zones.has_name(name)
            return _answer(server, name, kind, found, alias, is_there=is_there)

    def check_sender(self, domain: str, record: str, sender: str) -> SpfVerdict:
        """Evaluate as a receiver behind the resolver does."""
        (resolver,) = self.resolvers()
        return check_sender(
            lambda name, kind: self.look_up(name, kind, resolver), domain, record, sender
        )

    def _found(self, name: str, kind: DnsKind, server: NameServer) -> RecordSet | None:
        if server.is_authority:
            return self.zones.on_server(server.name, name, kind)
        return self.zones.resolved(name, kind)

    def _alias(self, name: str, kind: DnsKind, server: NameServer) -> RecordSet:
        found = None if kind is DnsKind.CNAME else self._found(name, DnsKind.CNAME, server)
        return NOTHING if found is None or not found.values else found


class _Session(WorldPublicDns):
    """One look."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._memory = DnsMemory()

    def look_up(self, name: str, kind: DnsKind, server: NameServer) -> Answer:
        return self._memory.answer(name, kind, server, super().look_up)


def _answer(
    server: NameServer,
    name: str,
    kind: DnsKind,
    found: RecordSet,
    alias: RecordSet,
    *,
    is_there: bool,
) -> Answer:
    records = tuple(DnsRecord(name, kind, value, found.ttl_s) for value in found.values)
    nothing = Outcome.NO_DATA if is_there else Outcome.NO_NAME
    outcome = Outcome.FOUND if records else nothing
    return Answer(server, name, kind, outcome, records, "".join(alias.values[:1]), alias.ttl_s)
