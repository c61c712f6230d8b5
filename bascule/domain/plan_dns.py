"""The part of the plan about public DNS: whom to ask, and how long to be patient."""

import ipaddress
import re
from dataclasses import dataclass

Problem = tuple[str, str] | None
_ADDRESS = re.compile(
    r"\[(?P<six>[^\]]+)\](:(?P<six_port>\d+))?|(?P<four>[^:\[\]]+)(:(?P<port>\d+))?"
)
PORT_DEFAULT = 53
PORT_MAX = 65_535
# Every server is asked for every record at every look.
SERVER_COUNT_MAX = 12


@dataclass(frozen=True)
class DnsPlan:
    """Public DNS, as the completion of the tenant looks at it."""

    resolvers: tuple[str, ...] = ()
    """IP addresses of resolvers that must show the records, `address` or `address:port`; empty: this machine's own."""
    authorities: tuple[str, ...] = ()
    """Authoritative servers instead of those that the zone names, as addresses; empty: those of the zone."""
    source_senders: tuple[str, ...] = ()
    """IP addresses from which the source's servers send mail to the world: SPF must allow them until the end."""
    timeout_s: int = 5
    """For one question to one server, over UDP and then over TCP."""
    ttl_s_max: int = 3_600
    """The TTL of what will be changed must be this low before it is changed."""
    look_s: int = 300
    """Between two looks at public DNS."""
    patience_h: int = 72
    """When records are not there after so long, the operator is reminded; the completion goes on waiting."""


def address_of(text: str) -> tuple[str, int] | None:
    """(IP address, port) of `1.2.3.4`, `1.2.3.4:5353`, `[2001:db8::1]:5353` or `2001:db8::1`; None when it is none."""
    if _is_ip(text):
        return text, PORT_DEFAULT
    found = _ADDRESS.fullmatch(text)
    if found is None or not _is_ip(found["six"] or found["four"]):
        return None
    port = int(found["six_port"] or found["port"] or PORT_DEFAULT)
    return (found["six"] or found["four"], port) if 1 <= port <= PORT_MAX else None


def servers_problem(found: tuple[str, ...]) -> Problem:
    """What is wrong with a list of servers."""
    if len(found) > SERVER_COUNT_MAX:
        return f"names {len(found)} servers", f"Name at most {SERVER_COUNT_MAX}"
    wrong = [text for text in found if address_of(text) is None]
    if wrong:
        return f"has no address: {wrong[0]!r}", "Write IP addresses, such as 192.0.2.53"
    return None


def senders_problem(found: tuple[str, ...]) -> Problem:
    """What is wrong with a list of senders."""
    wrong = [text for text in found if not _is_ip(text)]
    if wrong:
        return (
            f"has no IP address: {wrong[0]!r}",
            "Write the addresses that others see, such as 192.0.2.25",
        )
    if len(found) > SERVER_COUNT_MAX:
        return f"names {len(found)} senders", f"Name at most {SERVER_COUNT_MAX}"
    return None


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
