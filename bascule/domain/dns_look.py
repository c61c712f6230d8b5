"""One look at a domain in public DNS: what was asked, what each server said, what SPF makes of it. Values only."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from bascule.domain.dns_records import Answer, DnsKind, NameServer
from bascule.domain.spf import SpfVerdict
from bascule.domain.tenant_domains import DomainRecord, RecordKind

# What most often stands where a CNAME must stand alone. Source: RFC 1034 3.6.2.
BESIDE_ALIAS = (DnsKind.A, DnsKind.AAAA, DnsKind.MX, DnsKind.TXT)


class Sender(StrEnum):
    """Whose mail SPF is asked about."""

    SOURCE = "source"
    TENANT = "tenant"
    STRANGER = "stranger"
    """Nobody's: such mail is compared with every term, so every question is counted."""


@dataclass(frozen=True)
class SenderVerdict:
    """What a receiver that sees `record` makes of mail from one address."""

    record: str
    sender: Sender
    address: str
    verdict: SpfVerdict


@dataclass(frozen=True)
class DomainLook:
    """Everything one look has seen of one domain."""

    domain: str
    wanted: tuple[DomainRecord, ...]
    """What the tenant asks for."""
    answers: tuple[Answer, ...]
    verdicts: tuple[SenderVerdict, ...] = ()

    @property
    def servers(self) -> tuple[NameServer, ...]:
        """Who was asked, each once."""
        return tuple(dict.fromkeys(answer.server for answer in self.answers))

    def answers_to(self, name: str, kind: DnsKind) -> tuple[Answer, ...]:
        """What every server said to one question."""
        return tuple(each for each in self.answers if (each.name, each.kind) == (name, kind))

    def wanted_sets(self) -> Iterator[tuple[str, DnsKind, tuple[DomainRecord, ...]]]:
        """The records wanted, set by set; the text of SPF is a set of its own."""
        for name, kind in questions(self.wanted):
            yield name, kind, tuple(each for each in self.wanted if key_of(each) == (name, kind))


def questions(wanted: Iterable[DomainRecord]) -> tuple[tuple[str, DnsKind], ...]:
    """The sets of records to ask for, each once, in the tenant's order."""
    return tuple(dict.fromkeys(key_of(record) for record in wanted))


def questions_beside(
    wanted: Iterable[DomainRecord], name: str, kind: DnsKind
) -> tuple[tuple[str, DnsKind], ...]:
    """The sets to ask for besides, where a CNAME is wanted and something else is in its place."""
    if kind is not DnsKind.CNAME:
        return ()
    asked = questions(wanted)
    return tuple((name, other) for other in BESIDE_ALIAS if (name, other) not in asked)


def key_of(record: DomainRecord) -> tuple[str, DnsKind]:
    """The name and the kind under which a record stands."""
    return record.name, DnsKind(record.kind.value)


def wanted_value(record: DomainRecord) -> str:
    """What a record must say, spelled as answers spell it."""
    match record.kind:
        case RecordKind.MX:
            return f"{record.preference} {record.value}"
        case RecordKind.SRV:
            return f"{record.priority} {record.weight} {record.port} {record.value}"
        case _:
            return record.value
