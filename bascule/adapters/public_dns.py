"""Public DNS, asked server by server with dnspython. Source: RFC 1035, 2181, 2308, 7766."""

from collections.abc import Iterator

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import dns.rrset

from bascule.adapters.dns_memory import DnsMemory
from bascule.adapters.spf import check_sender
from bascule.domain.dns_records import Answer, DnsKind, DnsRecord, NameServer, Outcome
from bascule.domain.errors import Unreachable
from bascule.domain.plan_dns import PORT_DEFAULT, SERVER_COUNT_MAX, DnsPlan, address_of
from bascule.domain.spf import SpfVerdict

# No zone of a mail domain is deeper; the walk up to its apex ends there.
LABEL_COUNT_MAX = 8
# What passes every path unfragmented. Source: DNS Flag Day 2020.
DATAGRAM_MAX_BYTES = 1_232

_OUTCOMES = {
    dns.rcode.NOERROR: Outcome.NO_DATA,
    dns.rcode.NXDOMAIN: Outcome.NO_NAME,
    dns.rcode.REFUSED: Outcome.REFUSED,
    dns.rcode.NOTAUTH: Outcome.REFUSED,
}


class DnsPythonPublicDns:
    """The contract of public DNS over UDP and TCP."""

    def __init__(self, plan: DnsPlan, port: int = PORT_DEFAULT) -> None:
        """`port` is where the servers that a zone names are asked."""
        self._plan = plan
        self._port = port

    def session(self) -> "DnsPythonPublicDns":
        """With a memory."""
        return _Session(self._plan, self._port)

    def resolvers(self) -> tuple[NameServer, ...]:
        """The plan's, or the machine's own."""
        if self._plan.resolvers:
            return tuple(NameServer(address, address) for address in self._plan.resolvers)
        try:
            found = dns.resolver.Resolver().nameservers
        except dns.resolver.NoResolverConfiguration as none:
            raise Unreachable("the plan names no resolver and this machine has none") from none
        own = tuple(NameServer(str(address), str(address)) for address in found)
        if not own:
            raise Unreachable("the plan names no resolver and this machine has none")
        return own[:SERVER_COUNT_MAX]

    def authorities(self, domain: str) -> tuple[NameServer, ...]:
        """The plan's, or those of the zone that holds the domain."""
        if self._plan.authorities:
            return tuple(
                NameServer(each, each, is_authority=True) for each in self._plan.authorities
            )
        hosts = self._hosts(domain)
        servers = [server for host in hosts for server in self._addresses(host)]
        return tuple(dict.fromkeys(servers))[:SERVER_COUNT_MAX]

    def look_up(self, name: str, kind: DnsKind, server: NameServer) -> Answer:
        """Ask one server."""
        where = address_of(server.address)
        if where is None:
            return Answer(server, name, kind, Outcome.SILENT)
        try:
            response = self._asked(name, kind, server, where)
            return _answer(response, name, kind, server)
        except (dns.exception.Timeout, OSError):
            return Answer(server, name, kind, Outcome.SILENT)
        except dns.exception.DNSException:
            return Answer(server, name, kind, Outcome.FAILED)

    def check_sender(self, domain: str, record: str, sender: str) -> SpfVerdict:
        """Evaluate as a receiver behind our resolvers does."""
        return check_sender(self._resolved, domain, record, sender)

    def _asked(
        self, name: str, kind: DnsKind, server: NameServer, where: tuple[str, int]
    ) -> dns.message.Message:
        query = dns.message.make_query(
            dns.name.from_text(name), str(kind), use_edns=0, payload=DATAGRAM_MAX_BYTES
        )
        if server.is_authority:
            query.flags &= ~dns.flags.RD
        address, port = where
        response, _ = dns.query.udp_with_fallback(
            query, address, self._plan.timeout_s, port, ignore_unexpected=True
        )
        return response

    def _resolved(self, name: str, kind: DnsKind) -> Answer:
        """The first resolver's answer that is one; else the last one's failure."""
        answers = (self.look_up(name, kind, server) for server in self.resolvers())
        for answer in answers:
            if answer.is_known:
                return answer
        return answer

    def _hosts(self, domain: str) -> tuple[str, ...]:
        labels = domain.split(".")
        for depth in range(min(len(labels) - 1, LABEL_COUNT_MAX)):
            answer = self._resolved(".".join(labels[depth:]), DnsKind.NS)
            if not answer.is_known:
                raise Unreachable(f"no resolver says which servers {domain} has: {answer.outcome}")
            if answer.outcome is Outcome.FOUND and not answer.alias:
                return answer.values
        raise Unreachable(f"no resolver knows a zone that holds {domain}")

    def _addresses(self, host: str) -> Iterator[NameServer]:
        # IPv6 only where there is nothing else: an app without an IPv6 way out would wait for ever.
        for kind in (DnsKind.A, DnsKind.AAAA):
            found = self._resolved(host, kind).values
            yield from (
                NameServer(host, self._with_port(each), is_authority=True) for each in found
            )
            if found:
                return
        yield NameServer(host, "", is_authority=True)

    def _with_port(self, address: str) -> str:
        if self._port == PORT_DEFAULT:
            return address
        return f"[{address}]:{self._port}" if ":" in address else f"{address}:{self._port}"


class _Session(DnsPythonPublicDns):
    """One look; every question of it comes through here."""

    def __init__(self, plan: DnsPlan, port: int) -> None:
        super().__init__(plan, port)
        self._memory = DnsMemory()

    def look_up(self, name: str, kind: DnsKind, server: NameServer) -> Answer:
        return self._memory.answer(name, kind, server, super().look_up)


def _answer(response: dns.message.Message, name: str, kind: DnsKind, server: NameServer) -> Answer:
    outcome = _OUTCOMES.get(response.rcode(), Outcome.FAILED)
    if outcome not in (Outcome.NO_DATA, Outcome.NO_NAME):
        return Answer(server, name, kind, outcome)
    if server.is_authority and not response.flags & dns.flags.AA:
        # A server that only points elsewhere does not hold the zone, whatever the parent says.
        return Answer(server, name, kind, Outcome.REFUSED)
    if not isinstance(response, dns.message.QueryMessage):
        return Answer(server, name, kind, Outcome.FAILED)
    chain = response.resolve_chaining()
    alias = chain.cnames[0] if chain.cnames else None
    return Answer(
        server,
        name,
        kind,
        outcome if chain.answer is None else Outcome.FOUND,
        () if chain.answer is None else _records(chain.answer, kind),
        alias="" if alias is None else _host(alias[0].to_text().split()[-1]),
        alias_ttl_s=0 if alias is None else alias.ttl,
    )


def _records(found: dns.rrset.RRset, kind: DnsKind) -> tuple[DnsRecord, ...]:
    name = _host(found.name.to_text())
    return tuple(DnsRecord(name, kind, _value(each, kind), found.ttl) for each in found)


def _value(record: dns.rdata.Rdata, kind: DnsKind) -> str:
    if kind is DnsKind.TXT:
        strings: tuple[bytes, ...] = record.strings  # type: ignore[attr-defined]
        return b"".join(strings).decode("latin-1")
    return _host(record.to_text())


def _host(text: str) -> str:
    return text.lower().rstrip(".")


__all__ = ["DnsPythonPublicDns"]
