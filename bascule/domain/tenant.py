"""What a tenant needs for coexistence, as values: what the plan wants, what is found, and where the two differ.

accepted domains   InternalRelay: mail for addresses the tenant does not know goes on to Postfix
group              its members are the mailboxes that are not migrated yet
outbound connector the way to every Postfix server, used by the rule alone
rule               mail to members goes through the connector, stamped once; stamped mail is left alone
inbound connector  what Postfix delivers is the tenant's own mail
endpoint           how Exchange reaches Dovecot, and how much at once
report mailbox     where Exchange mails its reports
"""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from bascule.domain.addresses import normal_address
from bascule.domain.plan import Plan
from bascule.domain.plan_mail_flow import ConnectorTls, MailFlowPlan

INTERNAL_RELAY = "InternalRelay"
AUTHORITATIVE = "Authoritative"
CLOSED = "Closed"
ON_PREMISES = "OnPremises"
ENFORCE = "Enforce"
DEFER = "Defer"
SHARED = "SharedMailbox"
MISSING = "missing"


class Part(StrEnum):
    """The parts of a prepared tenant, in the order in which they are made."""

    DOMAIN = "domain"
    """Added to the directory and proved there."""
    ACCEPTED_DOMAIN = "accepted_domain"
    GROUP = "group"
    OUTBOUND_CONNECTOR = "outbound_connector"
    RULE = "rule"
    INBOUND_CONNECTOR = "inbound_connector"
    ENDPOINT = "endpoint"
    REPORT_MAILBOX = "report_mailbox"


@dataclass(frozen=True)
class AcceptedDomain:
    """A domain the tenant takes mail for, in lower case; `kind` in Exchange's words."""

    name: str
    kind: str


@dataclass(frozen=True)
class CoexistenceGroup:
    """The group of mailboxes that are not migrated yet; `name` is its address."""

    name: str
    is_hidden: bool = True
    join: str = CLOSED
    depart: str = CLOSED
    takes_known_senders_only: bool = True
    """Nobody outside may write to it; the rule reads its members and needs no mail to it."""
    guid: str = field(default="", compare=False)


@dataclass(frozen=True)
class OutboundConnector:
    """The way from the tenant to Postfix."""

    name: str
    hosts: tuple[str, ...]
    tls: str = ""
    """TlsSettings in Exchange's words; empty: whatever Postfix offers."""
    tls_domain: str = ""
    kind: str = ON_PREMISES
    is_rule_scoped: bool = True
    uses_mx: bool = False
    is_enabled: bool = True


@dataclass(frozen=True)
class RoutingRule:
    """The mail flow rule that sends members' mail to Postfix; `groups` are addresses."""

    name: str
    groups: tuple[str, ...]
    connector: str
    stamp_header: str
    stamp_value: str
    except_header: str
    except_words: tuple[str, ...]
    is_last: bool = True
    error_action: str = DEFER
    mode: str = ENFORCE
    is_enabled: bool = True
    priority: int = 0


@dataclass(frozen=True)
class InboundConnector:
    """How mail from Postfix is known."""

    name: str
    ips: tuple[str, ...] = ()
    certificate: str = ""
    sender_domains: tuple[str, ...] = ("*",)
    kind: str = ON_PREMISES
    requires_tls: bool = True
    is_enabled: bool = True


@dataclass(frozen=True)
class MigrationEndpoint:
    """How Exchange reaches Dovecot; `security` in Exchange's words."""

    name: str
    host: str
    port: int
    security: str
    migrations_max: int
    deltas_max: int


@dataclass(frozen=True)
class ReportMailbox:
    """The mailbox for reports; `name` is its address. A shared one is made; any other serves as well."""

    name: str
    kind: str = field(default=SHARED, compare=False)


TenantObject = (
    AcceptedDomain
    | CoexistenceGroup
    | OutboundConnector
    | RoutingRule
    | InboundConnector
    | MigrationEndpoint
    | ReportMailbox
)
PARTS: MappingProxyType[type[TenantObject], Part] = MappingProxyType(
    {
        AcceptedDomain: Part.ACCEPTED_DOMAIN,
        CoexistenceGroup: Part.GROUP,
        OutboundConnector: Part.OUTBOUND_CONNECTOR,
        RoutingRule: Part.RULE,
        InboundConnector: Part.INBOUND_CONNECTOR,
        MigrationEndpoint: Part.ENDPOINT,
        ReportMailbox: Part.REPORT_MAILBOX,
    }
)
TLS_SETTINGS = MappingProxyType(
    {
        ConnectorTls.NONE: "",
        ConnectorTls.ENCRYPTION: "EncryptionOnly",
        ConnectorTls.CERTIFICATE: "CertificateValidation",
        ConnectorTls.DOMAIN: "DomainValidation",
    }
)
SECURITIES = MappingProxyType({"ssl": "Ssl", "starttls": "Tls", "none": "None"})
# Without these a message takes another way than the one a cutover counts on. Empty: any difference of the part.
_ROUTING = MappingProxyType(
    {
        Part.ACCEPTED_DOMAIN: frozenset[str](),
        Part.GROUP: frozenset({MISSING}),
        Part.OUTBOUND_CONNECTOR: frozenset[str](),
        Part.RULE: frozenset(
            {
                MISSING,
                "groups",
                "connector",
                "stamp_header",
                "stamp_value",
                "except_header",
                "except_words",
                "error_action",
                "mode",
                "is_enabled",
            }
        ),
    }
)


@dataclass(frozen=True)
class Difference:
    """One setting of one object that is not as wanted; `setting` is `missing` when the object is not there."""

    part: Part
    name: str
    setting: str
    wanted: str
    found: str

    @property
    def endangers_routing(self) -> bool:
        """Whether mail may take another way because of it."""
        if self.part not in _ROUTING:
            return False
        settings = _ROUTING[self.part]
        return not settings or self.setting in settings

    def __str__(self) -> str:
        if self.setting == MISSING:
            return f"{self.part} {self.name} is missing"
        return f"{self.part} {self.name}: {self.setting} is {self.found}, wanted {self.wanted}"


def wanted_objects(plan: Plan) -> tuple[TenantObject, ...]:
    """What the plan wants in Exchange, in the order in which it can be made."""
    tenant, flow = plan.tenant, plan.mail_flow
    group = normal_address(tenant.coexistence_group)
    objects: list[TenantObject] = [
        AcceptedDomain(domain, INTERNAL_RELAY) for domain in tenant.domains
    ]
    objects += [
        CoexistenceGroup(group),
        OutboundConnector(
            flow.outbound_connector, sorted_hosts(flow), TLS_SETTINGS[flow.tls], flow.tls_domain
        ),
        _rule(flow, group),
    ]
    if flow.has_inbound:
        ips = tuple(sorted(flow.inbound_ips))
        objects.append(InboundConnector(flow.inbound_connector, ips, flow.inbound_certificate))
    objects.append(_endpoint(plan))
    if tenant.report_mailbox:
        objects.append(ReportMailbox(normal_address(tenant.report_mailbox)))
    return tuple(objects)


def sorted_hosts(flow: MailFlowPlan) -> tuple[str, ...]:
    """Postfix's servers, in the one order in which two lists of them are compared."""
    return tuple(sorted(host.lower() for host in flow.postfix_hosts))


def part_of(found: TenantObject) -> Part:
    """Which part of a prepared tenant an object is."""
    return PARTS[type(found)]


def differences(wanted: TenantObject, found: TenantObject | None) -> tuple[Difference, ...]:
    """Every setting in which the object differs from the wanted one; both of one kind."""
    part = part_of(wanted)
    if found is None:
        return (Difference(part, wanted.name, MISSING, "", ""),)
    return tuple(
        Difference(part, wanted.name, each.name, _shown(ours), _shown(theirs))
        for each in dataclasses.fields(wanted)
        if each.compare
        and (ours := getattr(wanted, each.name)) != (theirs := getattr(found, each.name))
    )


def all_differences(
    pairs: Iterable[tuple[TenantObject, TenantObject | None]],
) -> Iterator[Difference]:
    """The differences of many objects, in their order."""
    for wanted, found in pairs:
        yield from differences(wanted, found)


def _rule(flow: MailFlowPlan, group: str) -> RoutingRule:
    return RoutingRule(
        name=flow.rule,
        groups=(group,),
        connector=flow.outbound_connector,
        stamp_header=flow.stamp_header,
        stamp_value=flow.stamp_value,
        except_header=flow.stamp_header,
        except_words=(flow.stamp_value,),
    )


def _endpoint(plan: Plan) -> MigrationEndpoint:
    source, flow = plan.source, plan.mail_flow
    return MigrationEndpoint(
        name=plan.tenant.migration_endpoint,
        host=(flow.endpoint_host or source.host).lower(),
        port=flow.endpoint_port or source.port,
        security=SECURITIES[source.security],
        migrations_max=flow.migrations_max,
        deltas_max=flow.deltas_max,
    )


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value) or "nothing"
    return str(value) if value != "" else "nothing"
