"""Public DNS as the world sees it: a zone on two servers that need not agree, and resolvers that remember.

Source: RFC 1035, RFC 2308.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.world.kernel import Kernel
from sandbox.world.naming import Naming

Key = tuple[str, str]
"""Name in lower case without a dot at the end, and kind of record."""

OLD_TTL_S = 86_400
POSTFIX_ADDRESSES = ("203.0.113.25", "203.0.113.26")
TENANT_SPF_NAME = "spf.protection.outlook.com"
TENANT_EXCHANGERS = ".mail.protection.outlook.com"
# Addresses for documentation; the real ones are many, and change. Source: RFC 5737.
TENANT_NETWORK = "198.51.100.0/24"


@dataclass(frozen=True)
class RecordSet:
    """What stands under one name for one kind; none of them: the set is empty."""

    values: tuple[str, ...]
    ttl_s: int


@dataclass(frozen=True)
class Remembered:
    """What a resolver was told, and until when it says the same."""

    found: RecordSet
    until_utc: datetime


class PublicZones:
    """Every zone of the world; the organisation's own on two servers, the rest of the world's everywhere."""

    SERVERS = ("ns1.example.net", "ns2.example.net")
    RESOLVER = "resolver.example.net"

    def __init__(self, kernel: Kernel, naming: Naming) -> None:
        """The organisation's zone as it is before a migration: Postfix by MX and SPF, a day of TTL."""
        self._kernel = kernel
        self._zone = naming.domain
        self._held: dict[str, dict[Key, RecordSet]] = {server: {} for server in self.SERVERS}
        self._others: dict[Key, RecordSet] = {
            (TENANT_SPF_NAME, "TXT"): RecordSet((f"v=spf1 ip4:{TENANT_NETWORK} -all",), 3_600)
        }
        self._cache: dict[Key, Remembered] = {}
        self.silent: set[str] = set()
        """Servers that do not answer now."""
        senders = " ".join(f"ip4:{address}" for address in POSTFIX_ADDRESSES)
        exchangers = tuple(f"{10 * n} mx{n}.{naming.domain}" for n in (1, 2))
        self.publish(naming.domain, "MX", exchangers, OLD_TTL_S)
        self.publish(naming.domain, "TXT", (f"v=spf1 {senders} -all",), OLD_TTL_S)

    def publish(
        self, name: str, kind: str, values: tuple[str, ...], ttl_s: int, *servers: str
    ) -> None:
        """Put a record set in place of what stands there, on these servers, on all when none is named."""
        for server in servers or self.SERVERS:
            self._held[server][name.lower(), kind] = RecordSet(values, ttl_s)

    def on_server(self, server: str, name: str, kind: str) -> RecordSet | None:
        """What an authoritative server holds; None for a name outside the zone."""
        if name != self._zone and not name.endswith(f".{self._zone}"):
            return None
        return self._held[server].get((name, kind), RecordSet((), 0))

    def has_name(self, name: str) -> bool:
        """Whether anything stands under a name."""
        held = [*self._held.values(), self._others]
        return any(key[0] == name and found.values for zone in held for key, found in zone.items())

    def resolved(self, name: str, kind: str) -> RecordSet:
        """What a resolver says: what it remembers, else what the first server that answers has."""
        now_utc = self._kernel.now_utc()
        remembered = self._cache.get((name, kind))
        if remembered is not None and remembered.until_utc > now_utc:
            left_s = int((remembered.until_utc - now_utc).total_seconds())
            return RecordSet(remembered.found.values, left_s)
        found = self._asked_anew(name, kind)
        if found.values:
            until_utc = now_utc + timedelta(seconds=found.ttl_s)
            self._cache[name, kind] = Remembered(found, until_utc)
        return found

    def forget(self) -> None:
        """The resolver is started anew."""
        self._cache.clear()

    def leads_to_tenant(self, domain: str) -> bool:
        """Whether mail for a domain goes to the tenant first, as a server outside sees it."""
        exchangers = [value.split(" ") for value in self.resolved(domain, "MX").values]
        best = min(exchangers, key=lambda each: int(each[0]), default=["0", ""])
        return best[1].endswith(TENANT_EXCHANGERS)

    def _asked_anew(self, name: str, kind: str) -> RecordSet:
        for server in self.SERVERS:
            if server not in self.silent:
                found = self.on_server(server, name, kind)
                return self._others.get((name, kind), RecordSet((), 0)) if found is None else found
        return RecordSet((), 0)
