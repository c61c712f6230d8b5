"""What has to change in a zone, as lines that can be pasted into its file. Source: RFC 1035 5.1."""

from collections.abc import Iterable, Iterator

from bascule.domain.dns_findings import SpfAim
from bascule.domain.dns_look import DomainLook, key_of, questions_beside, wanted_value
from bascule.domain.dns_records import Answer, DnsKind, DnsRecord
from bascule.domain.spf import spf_records, with_tenant, without_senders
from bascule.domain.tenant_domains import DomainRecord


def zone_difference(
    look: DomainLook, aim: SpfAim, senders: tuple[str, ...], ttl_s_max: int
) -> tuple[str, ...]:
    """Lines of the zone: `-` to take out, `+` to put in, a blank before what stays. What stands elsewhere is not touched.

    As the first authoritative server that answers shows the zone; new records get the lowered TTL.
    """
    lines: list[str] = []
    for name, kind, wanted in look.wanted_sets():
        today = _today(look, name, kind)
        alias = _alias(look, name, kind)
        values = _values_after(today, wanted, aim, senders)
        lines += [f"-{alias.in_zone_file()}"] if alias else []
        lines += [f"{_sign(each, values)}{each.in_zone_file()}" for each in today]
        lines += [f"-{each.in_zone_file()}" for each in _beside(look, name, kind, today)]
        standing = {each.value for each in today}
        lines += [
            f"+{DnsRecord(name, kind, value, min(ttl_s_max, _ttl_s(wanted))).in_zone_file()}"
            for value in values
            if value not in standing
        ]
    return tuple(lines)


def _today(look: DomainLook, name: str, kind: DnsKind) -> tuple[DnsRecord, ...]:
    answer = _first_known(look.answers_to(name, kind))
    if answer is None or answer.alias:
        return ()
    return tuple(sorted(answer.records, key=lambda record: record.value))


def _beside(
    look: DomainLook, name: str, kind: DnsKind, today: tuple[DnsRecord, ...]
) -> Iterator[DnsRecord]:
    """What has to go before a CNAME can come; where one stands already nothing else can."""
    if not today:
        for beside in questions_beside(look.wanted, name, kind):
            yield from _today(look, *beside)


def _alias(look: DomainLook, name: str, kind: DnsKind) -> DnsRecord | None:
    answer = _first_known(look.answers_to(name, kind))
    if answer is None or not answer.alias:
        return None
    return DnsRecord(name, DnsKind.CNAME, answer.alias, answer.alias_ttl_s)


def _first_known(answers: Iterable[Answer]) -> Answer | None:
    return next((each for each in answers if each.server.is_authority and each.is_known), None)


def _values_after(
    today: tuple[DnsRecord, ...],
    wanted: tuple[DomainRecord, ...],
    aim: SpfAim,
    senders: tuple[str, ...],
) -> tuple[str, ...]:
    values = tuple(wanted_value(record) for record in wanted)
    if key_of(wanted[0])[1] is not DnsKind.TXT:
        return values
    standing = tuple(record.value for record in today)
    others = [value for value in standing if value not in spf_records(standing)]
    return tuple(dict.fromkeys([*others, *_texts_after(standing, values, aim, senders)]))


def _texts_after(
    standing: tuple[str, ...], values: tuple[str, ...], aim: SpfAim, senders: tuple[str, ...]
) -> Iterator[str]:
    policies = spf_records(values)
    yield from (value for value in values if value not in policies)
    today = spf_records(standing)
    for tenant in policies[:1]:
        both = with_tenant(today[0] if len(today) == 1 else "", tenant, senders)
        yield both if aim is SpfAim.BOTH else without_senders(both, senders)


def _sign(record: DnsRecord, values: tuple[str, ...]) -> str:
    return " " if record.value in values else "-"


def _ttl_s(wanted: tuple[DomainRecord, ...]) -> int:
    return min(record.ttl_s for record in wanted)
