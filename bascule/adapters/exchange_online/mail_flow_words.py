"""The parts of a prepared tenant in Exchange's words: which cmdlets, which parameters, which properties.

One entry of WORDS for each kind: how its cmdlets end, how a row is read, and what is sent to create and to correct it.
An empty text or list there means that the setting is not wanted; `to_create` and `to_correct` put that into words.
Source: Microsoft Learn, "New-TransportRule", "New-OutboundConnector", "Set-OutboundConnector", "New-InboundConnector",
"Set-InboundConnector", "New-DistributionGroup", "Set-DistributionGroup", "New-MigrationEndpoint",
"Set-MigrationEndpoint", "Set-AcceptedDomain", "New-Mailbox".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bascule.adapters.exchange_online.encoding import Row, smtp_addresses
from bascule.domain.addresses import local_part, normal_address
from bascule.domain.tenant import (
    AcceptedDomain,
    CoexistenceGroup,
    InboundConnector,
    MigrationEndpoint,
    OutboundConnector,
    ReportMailbox,
    RoutingRule,
    TenantObject,
)

Parameters = dict[str, Any]
HASH_TABLE = "#Exchange.GenericHashTable"
# New-DistributionGroup, New-Mailbox: names have at most 64 characters.
NAME_LENGTH_MAX = 64


@dataclass(frozen=True)
class Words:
    """One kind: `noun` is what its cmdlets end with; `on_write` goes with every write to an object that exists."""

    noun: str
    read: Callable[[Row], TenantObject]
    created: Callable[[Any], Parameters] | None
    """Parameters of New-; None when the kind cannot be created here."""
    corrected: Callable[[Any], Parameters]
    """Parameters of Set-, without the identity."""
    on_write: tuple[tuple[str, Any], ...] = ()


def to_create(words: Words, wanted: TenantObject) -> Parameters | None:
    """What New- is sent; None when the kind cannot be created here."""
    if words.created is None:
        return None
    return {name: value for name, value in words.created(wanted).items() if not _is_empty(value)}


def to_correct(words: Words, wanted: TenantObject, found: TenantObject) -> Parameters:
    """What Set- is sent; a setting that is there and not wanted is taken away, which no empty value can say."""
    ours, theirs = words.corrected(wanted), words.corrected(found)
    sent: Parameters = {}
    for name, value in ours.items():
        if not _is_empty(value):
            sent[name] = value
        elif isinstance(value, list) and theirs[name]:
            sent[name] = {"@odata.type": HASH_TABLE, "Remove": theirs[name]}
        elif theirs[name]:
            sent[name] = None
    return {**sent, **dict(words.on_write)}


def _is_empty(value: object) -> bool:
    return value in ("", [])


def _domain(row: Row) -> AcceptedDomain:
    return AcceptedDomain(_text(row, "DomainName").lower(), _text(row, "DomainType"))


def _group(row: Row) -> CoexistenceGroup:
    addresses = smtp_addresses(row)
    return CoexistenceGroup(
        name=addresses[0] if addresses else "",
        is_hidden=bool(row.get("HiddenFromAddressListsEnabled")),
        join=_text(row, "MemberJoinRestriction"),
        depart=_text(row, "MemberDepartRestriction"),
        takes_known_senders_only=bool(row.get("RequireSenderAuthenticationEnabled")),
        guid=_text(row, "Guid"),
    )


def _group_settings(group: CoexistenceGroup) -> Parameters:
    return {
        "MemberJoinRestriction": group.join,
        "MemberDepartRestriction": group.depart,
        "RequireSenderAuthenticationEnabled": group.takes_known_senders_only,
    }


def _new_group(group: CoexistenceGroup) -> Parameters:
    local = local_part(group.name)
    return {
        "Name": local[:NAME_LENGTH_MAX],
        "Alias": local[:NAME_LENGTH_MAX],
        "Type": "Distribution",
        "PrimarySmtpAddress": group.name,
        **_group_settings(group),
    }


def _changed_group(group: CoexistenceGroup) -> Parameters:
    return {"HiddenFromAddressListsEnabled": group.is_hidden, **_group_settings(group)}


def _outbound(row: Row) -> OutboundConnector:
    return OutboundConnector(
        name=_text(row, "Name"),
        hosts=tuple(sorted(host.lower() for host in _texts(row, "SmartHosts"))),
        tls=_text(row, "TlsSettings"),
        tls_domain=_text(row, "TlsDomain"),
        kind=_text(row, "ConnectorType"),
        is_rule_scoped=bool(row.get("IsTransportRuleScoped")),
        uses_mx=bool(row.get("UseMXRecord")),
        is_enabled=bool(row.get("Enabled")),
    )


def _outbound_settings(connector: OutboundConnector) -> Parameters:
    return {
        "ConnectorType": connector.kind,
        "IsTransportRuleScoped": connector.is_rule_scoped,
        "UseMXRecord": connector.uses_mx,
        "SmartHosts": list(connector.hosts),
        "Enabled": connector.is_enabled,
        "TlsSettings": connector.tls,
        "TlsDomain": connector.tls_domain,
    }


def _rule(row: Row) -> RoutingRule:
    return RoutingRule(
        name=_text(row, "Name"),
        groups=tuple(normal_address(each) for each in _texts(row, "SentToMemberOf")),
        connector=_text(row, "RouteMessageOutboundConnector"),
        stamp_header=_text(row, "SetHeaderName"),
        stamp_value=_text(row, "SetHeaderValue"),
        except_header=_text(row, "ExceptIfHeaderContainsMessageHeader"),
        except_words=_texts(row, "ExceptIfHeaderContainsWords"),
        is_last=bool(row.get("StopRuleProcessing")),
        error_action=_text(row, "RuleErrorAction"),
        mode=_text(row, "Mode"),
        is_enabled=_text(row, "State") == "Enabled",
        priority=int(row.get("Priority") or 0),
    )


def _rule_settings(rule: RoutingRule) -> Parameters:
    return {
        "SentToMemberOf": list(rule.groups),
        "RouteMessageOutboundConnector": rule.connector,
        "ExceptIfHeaderContainsMessageHeader": rule.except_header,
        "ExceptIfHeaderContainsWords": list(rule.except_words),
        "SetHeaderName": rule.stamp_header,
        "SetHeaderValue": rule.stamp_value,
        "StopRuleProcessing": rule.is_last,
        "Mode": rule.mode,
        "RuleErrorAction": rule.error_action,
        "Priority": rule.priority,
    }


def _inbound(row: Row) -> InboundConnector:
    return InboundConnector(
        name=_text(row, "Name"),
        ips=tuple(sorted(_texts(row, "SenderIPAddresses"))),
        certificate=_text(row, "TlsSenderCertificateName"),
        sender_domains=tuple(_sender_domain(each) for each in _texts(row, "SenderDomains")),
        kind=_text(row, "ConnectorType"),
        requires_tls=bool(row.get("RequireTls")),
        is_enabled=bool(row.get("Enabled")),
    )


def _sender_domain(text: str) -> str:
    """The service shows `smtp:*;1` for what was sent as `*`."""
    return text.lower().removeprefix("smtp:").partition(";")[0]


def _inbound_settings(connector: InboundConnector) -> Parameters:
    return {
        "ConnectorType": connector.kind,
        "SenderDomains": list(connector.sender_domains),
        "SenderIPAddresses": list(connector.ips),
        "TlsSenderCertificateName": connector.certificate,
        "RequireTls": connector.requires_tls,
        "Enabled": connector.is_enabled,
    }


def _endpoint(row: Row) -> MigrationEndpoint:
    return MigrationEndpoint(
        name=_text(row, "Identity"),
        host=_text(row, "RemoteServer").lower(),
        port=int(str(row.get("Port") or 0)),
        security=_text(row, "Security"),
        migrations_max=_count(row, "MaxConcurrentMigrations"),
        deltas_max=_count(row, "MaxConcurrentIncrementalSyncs"),
    )


def endpoint_settings(endpoint: MigrationEndpoint) -> Parameters:
    """How the source is reached, as New-, Set- and Test- take it alike."""
    return {
        "RemoteServer": endpoint.host,
        "Port": endpoint.port,
        "Security": endpoint.security,
    }


def _endpoint_limits(endpoint: MigrationEndpoint) -> Parameters:
    return {
        **endpoint_settings(endpoint),
        "MaxConcurrentMigrations": endpoint.migrations_max,
        "MaxConcurrentIncrementalSyncs": endpoint.deltas_max,
    }


def _report(row: Row) -> ReportMailbox:
    addresses = smtp_addresses(row)
    return ReportMailbox(addresses[0] if addresses else "", _text(row, "RecipientTypeDetails"))


def _new_report(mailbox: ReportMailbox) -> Parameters:
    local = local_part(mailbox.name)[:NAME_LENGTH_MAX]
    return {
        "Shared": True,
        "Name": local,
        "DisplayName": local,
        "PrimarySmtpAddress": mailbox.name,
    }


def _text(row: Row, name: str) -> str:
    return str(row.get(name) or "").strip()


def _texts(row: Row, name: str) -> tuple[str, ...]:
    value = row.get(name) or ()
    return (value,) if isinstance(value, str) else tuple(str(each) for each in value)


def _count(row: Row, name: str) -> int:
    """A limit; `Unlimited` is more than any plan allows, so it differs from all of them."""
    text = str(row.get(name) or 0)
    return int(text) if text.isdecimal() else -1


WORDS: Mapping[type, Words] = MappingProxyType(
    {
        AcceptedDomain: Words(
            "AcceptedDomain", _domain, None, lambda domain: {"DomainType": domain.kind}
        ),
        CoexistenceGroup: Words(
            "DistributionGroup",
            _group,
            _new_group,
            _changed_group,
            # An application cannot own a group.
            (("BypassSecurityGroupManagerCheck", True),),
        ),
        OutboundConnector: Words(
            "OutboundConnector",
            _outbound,
            lambda connector: {"Name": connector.name, **_outbound_settings(connector)},
            _outbound_settings,
        ),
        RoutingRule: Words(
            "TransportRule",
            _rule,
            lambda rule: {"Name": rule.name, "Enabled": rule.is_enabled, **_rule_settings(rule)},
            _rule_settings,
        ),
        InboundConnector: Words(
            "InboundConnector",
            _inbound,
            lambda connector: {"Name": connector.name, **_inbound_settings(connector)},
            _inbound_settings,
        ),
        MigrationEndpoint: Words(
            "MigrationEndpoint",
            _endpoint,
            lambda endpoint: {"IMAP": True, "Name": endpoint.name, **_endpoint_limits(endpoint)},
            _endpoint_limits,
        ),
        ReportMailbox: Words(
            "Mailbox",
            _report,
            _new_report,
            lambda mailbox: {"DisplayName": local_part(mailbox.name)},
        ),
    }
)
