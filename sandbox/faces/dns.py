"""Public DNS of the simulated world over UDP: the two servers of every zone, and a resolver that remembers.

Source: RFC 1035, RFC 6895. Over UDP alone: no record of this world is too long for a datagram.
"""

import asyncio
from collections.abc import Callable
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import dns.rrset

from sandbox.world.dns import RecordSet
from sandbox.world.world import World

TXT_STRING_BYTES = 255
# The records whose values end in a host name.
POINTING = frozenset({"CNAME", "MX", "NS", "PTR", "SRV"})
Peer = tuple[str, int]


class NameServerDoor(asyncio.DatagramProtocol):
    """One server of the world; `server` is its name, or empty for the resolver."""

    def __init__(self, world: World, server: str) -> None:
        self._world = world
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, wire: bytes, peer: Peer) -> None:
        """Answer one question; what is none gets no answer, and a silent server gives none."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return
        if len(query.question) != 1 or self._transport is None:
            return
        with self._world.kernel.look():
            if self._server not in self._world.dns.silent:
                self._transport.sendto(self._answer(query).to_wire(), peer)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        asked = query.question[0]
        name = asked.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(asked.rdtype)
        response = dns.message.make_response(query, recursion_available=not self._server)
        found = self._found(name, kind)
        if found is None:
            response.set_rcode(dns.rcode.REFUSED)
            return response
        if self._server:
            response.flags |= dns.flags.AA
        alias = RecordSet((), 0) if kind == "CNAME" else self._found(name, "CNAME")
        for each, said in ((kind, found), ("CNAME", alias)):
            if said is not None and said.values:
                response.answer.append(_rrset(asked.name, each, said))
        if not response.answer and not self._world.dns.has_name(name):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response

    def _found(self, name: str, kind: str) -> RecordSet | None:
        zones = self._world.dns
        return (
            zones.on_server(self._server, name, kind)
            if self._server
            else zones.resolved(name, kind)
        )


async def open_dns(
    world: World, host: str, on_close: Callable[[Callable[[], None]], object]
) -> dict[str, list[str]]:
    """Open the three doors; {"authorities": [...], "resolvers": [...]} as `host:port`."""
    authorities = [await _open(world, name, host, on_close) for name in world.dns.SERVERS]
    return {"authorities": authorities, "resolvers": [await _open(world, "", host, on_close)]}


async def _open(
    world: World, server: str, host: str, on_close: Callable[[Callable[[], None]], object]
) -> str:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: NameServerDoor(world, server), local_addr=(host, 0)
    )
    on_close(transport.close)
    return f"{host}:{transport.get_extra_info('sockname')[1]}"


def _rrset(name: dns.name.Name, kind: str, found: RecordSet) -> dns.rrset.RRset:
    if kind == "TXT":
        texts = [_text(value) for value in found.values]
        return dns.rrset.from_rdata_list(name, found.ttl_s, texts)
    dot = "." if kind in POINTING else ""
    return dns.rrset.from_text_list(
        name, found.ttl_s, "IN", kind, [f"{value}{dot}" for value in found.values]
    )


def _text(value: str) -> dns.rdata.Rdata:
    octets = value.encode("latin-1")
    strings = [octets[at : at + TXT_STRING_BYTES] for at in range(0, len(octets), TXT_STRING_BYTES)]
    return dns.rdtypes.ANY.TXT.TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings or [b""])
