"""What public DNS says, as values: servers, answers, records; and how a record looks in a zone file.

Names are lower case without a dot at the end. Source: RFC 1035, 2181, 2308.
"""

from dataclasses import dataclass
from enum import StrEnum

# RFC 1035 3.3: one character string holds 255 octets; longer texts are several, read as one (RFC 7208 3.3).
STRING_LENGTH_MAX = 255
_PRINTABLE_FIRST, _PRINTABLE_LAST = 0x20, 0x7E


class DnsKind(StrEnum):
    """The kinds of records we ask for."""

    A = "A"
    AAAA = "AAAA"
    CNAME = "CNAME"
    MX = "MX"
    NS = "NS"
    PTR = "PTR"
    SRV = "SRV"
    TXT = "TXT"


class Outcome(StrEnum):
    """How a question to one server ended."""

    FOUND = "found"
    NO_DATA = "no_data"
    """The name exists without records of this kind."""
    NO_NAME = "no_name"
    """NXDOMAIN: nothing at all under this name."""
    FAILED = "failed"
    """SERVFAIL and other errors of the server; a broken answer, too."""
    REFUSED = "refused"
    """The server does not answer for this name, or not to us."""
    SILENT = "silent"
    """No answer in time, nobody at that address, or a server whose own address is not known."""


@dataclass(frozen=True)
class NameServer:
    """A server to ask."""

    name: str
    """For people: the host name of an authoritative server, the address of a resolver."""
    address: str
    """IP address, with `:port` (`[...]:port` for IPv6) when it is not 53; empty: its name leads nowhere."""
    is_authority: bool = False


@dataclass(frozen=True)
class DnsRecord:
    """One record."""

    name: str
    kind: DnsKind
    value: str
    """The text of a TXT, its strings joined; `preference target` of an MX; `priority weight port target` of a SRV; else
    the target or the address. Not ASCII in a text stands as the code points of its octets."""
    ttl_s: int

    def in_zone_file(self) -> str:
        """The record as one line of a zone file, its name absolute."""
        return f"{self.name}. {self.ttl_s} IN {self.kind} {_in_zone_file(self)}"


@dataclass(frozen=True)
class Answer:
    """What one server said to one question."""

    server: NameServer
    name: str
    kind: DnsKind
    outcome: Outcome
    records: tuple[DnsRecord, ...] = ()
    """Those of the kind asked for; behind an alias those of its target, as far as the server told them."""
    alias: str = ""
    """Where the name itself points with a CNAME, when it does and a CNAME was not asked for."""
    alias_ttl_s: int = 0

    @property
    def is_known(self) -> bool:
        """Whether the server said what it has, even if that is nothing."""
        return self.outcome in (Outcome.FOUND, Outcome.NO_DATA, Outcome.NO_NAME)

    @property
    def values(self) -> tuple[str, ...]:
        """What the records say, sorted."""
        return tuple(sorted(record.value for record in self.records))


def _in_zone_file(record: DnsRecord) -> str:
    if record.kind is DnsKind.TXT:
        return quoted(record.value)
    if record.kind in (DnsKind.A, DnsKind.AAAA):
        return record.value
    return f"{record.value}."


def quoted(text: str) -> str:
    """A text as character strings of a zone file. Source: RFC 1035 5.1."""
    pieces = [
        text[at : at + STRING_LENGTH_MAX] for at in range(0, len(text), STRING_LENGTH_MAX)
    ] or [""]
    return " ".join(f'"{"".join(_escaped(mark) for mark in piece)}"' for piece in pieces)


def _escaped(mark: str) -> str:
    if mark in '"\\':
        return f"\\{mark}"
    code = ord(mark)
    if _PRINTABLE_FIRST <= code <= _PRINTABLE_LAST:
        return mark
    return f"\\{code & 0xFF:03d}"
