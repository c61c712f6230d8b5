"""What public DNS says: the records a domain shows at one server, and whom SPF lets send."""

from typing import Protocol

from bascule.domain.dns_records import Answer, DnsKind, NameServer
from bascule.domain.spf import SpfVerdict


class PublicDns(Protocol):
    """Questions to DNS servers, each bounded in time. A server's failure is an answer, never an exception."""

    def session(self) -> "PublicDns":
        """The same for one look: it says again what it was told, and asks a server that was silent no further.

        With it a look costs one timeout per silent server, however many questions SPF has.
        """
        ...

    def resolvers(self) -> tuple[NameServer, ...]:
        """The resolvers of the plan, or the machine's own; at least one.

        Raises:
            Unreachable: the plan names none and the machine has none.
        """
        ...

    def authorities(self, domain: str) -> tuple[NameServer, ...]:
        """Every authoritative server of the zone that holds the domain, once per address.

        A server of the zone whose address nobody knows is among them without one: asked, it is silent.

        Raises:
            Unreachable: no resolver says which they are.
        """
        ...

    def look_up(self, name: str, kind: DnsKind, server: NameServer) -> Answer:
        """Ask one server for one set of records, over TCP when the answer does not fit into a datagram.

        An authoritative server is asked without recursion, so that nothing but its own zone speaks.
        """
        ...

    def check_sender(self, domain: str, record: str, sender: str) -> SpfVerdict:
        """What a receiver that sees `record` as the SPF record of `domain` makes of mail from the address `sender`.

        What the record includes is asked of the resolvers.
        """
        ...
