"""Looking at a domain in public DNS: every server, every record the tenant asks for, and SPF for each sender."""

from collections.abc import Iterator

from bascule.domain.dns_look import DomainLook, Sender, SenderVerdict, questions, questions_beside
from bascule.domain.dns_records import Answer, DnsKind, NameServer, Outcome
from bascule.domain.spf import STRANGER, first_network_address, includes, spf_records
from bascule.domain.tenant_domains import EMAIL_SERVICE, DomainRecord
from bascule.ports.bundle import Ports
from bascule.ports.public_dns import PublicDns

# As many levels of includes as a receiver would follow look-ups.
INCLUDE_DEPTH_MAX = 10

# What has no service named belongs to the domain itself.
MAIL_SERVICES = frozenset({EMAIL_SERVICE, ""})


def look_at(ports: Ports, domain: str) -> DomainLook:
    """Ask every authoritative server and every resolver of the plan for what the tenant wants of a domain.

    Raises:
        Unreachable: the directory does not answer, or nobody says which servers the zone has.
        Throttled: by the directory.
    """
    # Records of other services, telephony for one, may wait; the mail does not depend on them.
    records = ports.domains.service_records(domain)
    wanted = tuple(each for each in records if each.service in MAIL_SERVICES)
    dns = ports.public_dns.session()
    servers = (*dns.authorities(domain), *dns.resolvers())
    answers = tuple(answer for server in servers for answer in _ask(dns, server, wanted))
    senders = _senders(dns, ports.plan.dns.source_senders, wanted)
    return DomainLook(domain, wanted, answers, tuple(_judge(dns, domain, senders, answers)))


def _ask(dns: PublicDns, server: NameServer, wanted: tuple[DomainRecord, ...]) -> Iterator[Answer]:
    for name, kind in questions(wanted):
        answer = dns.look_up(name, kind, server)
        yield answer
        # A name that is there without what is wanted has something else.
        if answer.outcome is Outcome.NO_DATA:
            for beside in questions_beside(wanted, name, kind):
                yield dns.look_up(*beside, server)


def _judge(
    dns: PublicDns,
    domain: str,
    senders: tuple[tuple[Sender, str], ...],
    answers: tuple[Answer, ...],
) -> Iterator[SenderVerdict]:
    for record in _policies(domain, answers):
        for sender, address in senders:
            verdict = dns.check_sender(domain, record, address)
            yield SenderVerdict(record, sender, address, verdict)


def _policies(domain: str, answers: tuple[Answer, ...]) -> tuple[str, ...]:
    """Every different SPF record that some server shows, of servers that show just one."""
    shown = (
        spf_records(answer.values)
        for answer in answers
        if (answer.name, answer.kind) == (domain, DnsKind.TXT)
    )
    return tuple(dict.fromkeys(records[0] for records in shown if len(records) == 1))


def _senders(
    dns: PublicDns, sources: tuple[str, ...], wanted: tuple[DomainRecord, ...]
) -> tuple[tuple[Sender, str], ...]:
    policies = spf_records(record.value for record in wanted)
    tenant = _tenant_address(dns, policies[0]) if policies else ""
    return (
        *((Sender.SOURCE, address) for address in sources),
        *(((Sender.TENANT, tenant),) if tenant else ()),
        (Sender.STRANGER, STRANGER),
    )


def _tenant_address(dns: PublicDns, record: str) -> str:
    """An address from which the tenant sends: the first that its own record, or what that includes, allows."""
    for _ in range(INCLUDE_DEPTH_MAX):
        address = first_network_address(record)
        inner = includes(record)
        if address or not inner:
            return address
        record = _published(dns, inner[0])
    return ""


def _published(dns: PublicDns, name: str) -> str:
    for server in dns.resolvers():
        records = spf_records(dns.look_up(name, DnsKind.TXT, server).values)
        if len(records) == 1:
            return records[0]
    return ""
