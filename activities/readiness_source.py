"""Readiness of the source and of public DNS: Dovecot, the alias table, MX, SPF and autodiscover."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from bascule.domain.alias_grants import AliasPowers
from bascule.domain.dns_records import Answer, DnsKind
from bascule.domain.errors import BasculeError, Refusal, Unreachable, Untrusted
from bascule.domain.readiness import (
    Check,
    SourceEntrance,
    failed,
    green,
    judged,
    red,
    unknown,
)
from bascule.ports.bundle import Ports

# A certificate that ends within the migration stops every sync at once.
CERTIFICATE_LEFT_MIN = timedelta(days=30)
CAPABILITIES_NEEDED = ("IMAP4REV1",)
# Where mail for Microsoft 365 is delivered. Source: Microsoft Learn, "External DNS records required for Microsoft 365".
MICROSOFT_EXCHANGERS = (".mail.protection.outlook.com", ".mx.microsoft")
SPF = "v=spf1"


def source(ports: Ports) -> Iterator[Check]:
    """Does Dovecot answer, with a certificate that lasts, and does it speak what we need?"""
    try:
        entrance = ports.surroundings.source_entrance()
    except Untrusted as distrust:
        yield red("certificate", str(distrust))
        yield unknown("imap", "nothing is said to a server whose certificate does not verify")
        return
    except (Unreachable, Refusal) as away:
        yield red("imap", str(away))
        yield unknown("certificate", "there is no connection")
        return
    yield _certificate(entrance, ports.clock.now_utc())
    spoken = {each.upper() for each in entrance.capabilities}
    missing = [each for each in CAPABILITIES_NEEDED if each not in spoken]
    yield judged("imap", [f"no {each}" for each in missing], ", ".join(entrance.capabilities))


def _certificate(entrance: SourceEntrance, now_utc: datetime) -> Check:
    ends_utc = entrance.certificate_ends_utc
    if ends_utc is None:
        return unknown("certificate", "the connection is not encrypted")
    told = f"valid until {ends_utc:%Y-%m-%d}"
    is_short = ends_utc - now_utc < CERTIFICATE_LEFT_MIN
    return judged("certificate", [told] if is_short else [], told)


def alias_map(ports: Ports) -> Iterator[Check]:
    """Can the app read and turn aliases, and nothing more?"""
    try:
        ports.alias_map.route(f"postmaster@{ports.plan.tenant.domains[0]}")
    except (Unreachable, Refusal) as no:
        yield red("alias_map", str(no))
        yield unknown("alias_grants", "the table cannot be read")
        return
    yield green("alias_map", "readable")
    try:
        yield _alias_grants(ports.alias_map.powers())
    except BasculeError as error:
        yield failed("alias_grants", error)


def _alias_grants(powers: AliasPowers) -> Check:
    if powers.unread:
        return unknown("alias_grants", f"the server says more than we read: {powers.unread[0]}")
    problems = [] if powers.can_read else ["SELECT is missing"]
    problems += [] if powers.can_update else ["UPDATE is missing"]
    problems += [f"more than needed: {each}" for each in powers.excess]
    return judged("alias_grants", problems, "SELECT and UPDATE on the table, and nothing more")


def public_dns(ports: Ports) -> Iterator[Check]:
    """What the world sees of each domain now, and for how long it remembers it."""
    for domain in ports.plan.tenant.domains:
        yield _mx(_asked(ports, domain, DnsKind.MX), domain)
        yield _spf(_asked(ports, domain, DnsKind.TXT), domain)
        yield _autodiscover(_asked(ports, f"autodiscover.{domain}", DnsKind.CNAME), domain)


def _asked(ports: Ports, name: str, kind: DnsKind) -> Answer:
    return ports.public_dns.look_up(name, kind, ports.public_dns.resolvers()[0])


def _mx(answer: Answer, domain: str) -> Check:
    if not answer.is_known:
        return unknown("mx", f"{domain}: the resolver is {answer.outcome}")
    if not answer.records:
        return red("mx", f"{domain} has none")
    to_tenant = [each for each in answer.values if each.endswith(MICROSOFT_EXCHANGERS)]
    if to_tenant:
        return red("mx", f"{domain} leads to the tenant already: {', '.join(to_tenant)}")
    return green("mx", f"{domain}: {_shown(answer)}")


def _spf(answer: Answer, domain: str) -> Check:
    if not answer.is_known:
        return unknown("spf", f"{domain}: the resolver is {answer.outcome}")
    policies = [each for each in answer.records if each.value.lower().startswith(SPF)]
    if len(policies) == 1:
        return green("spf", f"{domain}: {policies[0].value} (TTL {policies[0].ttl_s} s)")
    return red("spf", f"{domain} has {len(policies)} policies, and needs one")


def _autodiscover(answer: Answer, domain: str) -> Check:
    if not answer.is_known:
        return unknown("autodiscover", f"{domain}: the resolver is {answer.outcome}")
    return green("autodiscover", f"{domain}: {_shown(answer) or 'none'}")


def _shown(answer: Answer) -> str:
    return ", ".join(f"{each.value} (TTL {each.ttl_s} s)" for each in answer.records)


SOURCE_CHECKS: Mapping[str, Callable[[Ports], Iterable[Check]]] = MappingProxyType(
    {"source": source, "alias_map": alias_map, "public_dns": public_dns}
)
