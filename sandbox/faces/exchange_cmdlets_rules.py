"""The cmdlets of mail flow rules, connectors and accepted domains.

Source: Microsoft Learn, "New-TransportRule", "Set-TransportRule", "Enable-TransportRule", "New-OutboundConnector",
"New-InboundConnector", "Set-InboundConnector", "Set-AcceptedDomain".
"""

from dataclasses import replace

from sandbox.faces.exchange_cmdlet import (
    RESULT_SIZE,
    Arguments,
    Cmdlet,
    Parameter,
    Row,
    Session,
    cmdlet,
    lists,
    switches,
    wanted,
)
from sandbox.faces.exchange_encoding import Kind
from sandbox.world.connectors import ConnectorType, InboundConnector, OutboundConnector
from sandbox.world.exchange_refusals import NotFound
from sandbox.world.management_roles import (
    REMOTE_AND_ACCEPTED_DOMAINS,
    TRANSPORT_RULES,
    VIEW_ONLY_CONFIGURATION,
)
from sandbox.world.recipients import AcceptedDomain, DomainType
from sandbox.world.rules import RuleErrorAction, RuleMode, TransportRule

RULE_ROLES = {TRANSPORT_RULES}
DOMAIN_ROLES = {REMOTE_AND_ACCEPTED_DOMAINS}


def _new_rule(session: Session, call: Arguments) -> list[Row]:
    rules = session.world.tenant.rules
    draft = _edited(TransportRule(guid="", name=call.text("Name")), call)
    draft = replace(draft, is_enabled=call.flag("Enabled", default=True))
    made = rules.add_rule(draft, _priority(call))
    return [_rule_row(made, rules.rules_seen().index(made) if made in rules.rules_seen() else 0)]


def _set_rule(session: Session, call: Arguments) -> list[Row]:
    rules = session.world.tenant.rules
    before = rules.rule_written(call.text("Identity"))
    rules.change_rule(_edited(before, call), _priority(call))
    return []


def _edited(before: TransportRule, call: Arguments) -> TransportRule:
    return replace(
        before,
        name=call.text("Name", before.name),
        sent_to_member_of=call.texts("SentToMemberOf", before.sent_to_member_of),
        connector=call.text("RouteMessageOutboundConnector", before.connector or "") or None,
        except_header=call.text("ExceptIfHeaderContainsMessageHeader", before.except_header or "")
        or None,
        except_words=call.texts("ExceptIfHeaderContainsWords", before.except_words),
        stamp_name=call.text("SetHeaderName", before.stamp_name or "") or None,
        stamp_value=call.text("SetHeaderValue", before.stamp_value or "") or None,
        stops=call.flag("StopRuleProcessing", default=before.stops),
        error_action=RuleErrorAction(call.text("RuleErrorAction", before.error_action)),
        mode=RuleMode(call.text("Mode", before.mode)),
        comments=call.text("Comments", before.comments),
    )


def _priority(call: Arguments) -> int | None:
    return call.number("Priority", 0) if call.has("Priority") else None


def _get_rules(session: Session, call: Arguments) -> list[Row]:
    ordered = list(session.world.tenant.rules.rules_seen())
    found = wanted(call, ordered, TransportRule.answers_to)
    if found is None:
        raise NotFound.object_named(call.text("Identity"))
    return [_rule_row(rule, ordered.index(rule)) for rule in found]


def _enable_rule(session: Session, call: Arguments) -> list[Row]:
    rules = session.world.tenant.rules
    rules.change_rule(replace(rules.rule_written(call.text("Identity")), is_enabled=True))
    return []


def _disable_rule(session: Session, call: Arguments) -> list[Row]:
    rules = session.world.tenant.rules
    rules.change_rule(replace(rules.rule_written(call.text("Identity")), is_enabled=False))
    return []


def _remove_rule(session: Session, call: Arguments) -> list[Row]:
    session.world.tenant.rules.remove_rule(call.text("Identity"))
    return []


def _rule_row(rule: TransportRule, priority: int) -> Row:
    return {
        "Identity": rule.name,
        "Guid": rule.guid,
        "Name": rule.name,
        "Priority": priority,
        "State": "Enabled" if rule.is_enabled else "Disabled",
        "Mode": rule.mode,
        "SentToMemberOf": rule.sent_to_member_of,
        "RouteMessageOutboundConnector": rule.connector,
        "ExceptIfHeaderContainsMessageHeader": rule.except_header,
        "ExceptIfHeaderContainsWords": rule.except_words,
        "SetHeaderName": rule.stamp_name,
        "SetHeaderValue": rule.stamp_value,
        "StopRuleProcessing": rule.stops,
        "RuleErrorAction": rule.error_action,
        "RecipientAddressType": "Resolved",
        "Comments": rule.comments,
    }


# -- connectors -----------------------------------------------------------------------------------


def _new_outbound(session: Session, call: Arguments) -> list[Row]:
    draft = _edited_outbound(OutboundConnector(guid="", name=call.text("Name")), call)
    return [_outbound_row(session.world.tenant.rules.add_outbound(draft))]


def _set_outbound(session: Session, call: Arguments) -> list[Row]:
    rules = session.world.tenant.rules
    rules.change_outbound(_edited_outbound(rules.outbound_written(call.text("Identity")), call))
    return []


def _edited_outbound(before: OutboundConnector, call: Arguments) -> OutboundConnector:
    return replace(
        before,
        name=call.text("Name", before.name),
        type=ConnectorType(call.text("ConnectorType", before.type)),
        smart_hosts=call.texts("SmartHosts", before.smart_hosts),
        recipient_domains=call.texts("RecipientDomains", before.recipient_domains),
        uses_mx=call.flag("UseMXRecord", default=before.uses_mx),
        is_rule_scoped=call.flag("IsTransportRuleScoped", default=before.is_rule_scoped),
        is_enabled=call.flag("Enabled", default=before.is_enabled),
        tls_settings=call.text("TlsSettings", before.tls_settings or "") or None,
        tls_domain=call.text("TlsDomain", before.tls_domain or "") or None,
        comment=call.text("Comment", before.comment),
    )


def _get_outbound(session: Session, call: Arguments) -> list[Row]:
    found = wanted(
        call, list(session.world.tenant.rules.outbound_seen()), OutboundConnector.answers_to
    )
    if found is None:
        raise NotFound.object_named(call.text("Identity"))
    if call.has("IsTransportRuleScoped"):
        scoped = call.flag("IsTransportRuleScoped")
        found = [connector for connector in found if connector.is_rule_scoped is scoped]
    return [_outbound_row(connector) for connector in found]


def _remove_outbound(session: Session, call: Arguments) -> list[Row]:
    session.world.tenant.rules.remove_outbound(call.text("Identity"))
    return []


def _outbound_row(connector: OutboundConnector) -> Row:
    return {
        "Identity": connector.name,
        "Guid": connector.guid,
        "Name": connector.name,
        "ConnectorType": connector.type,
        "Enabled": connector.is_enabled,
        "SmartHosts": connector.smart_hosts,
        "RecipientDomains": connector.recipient_domains,
        "UseMXRecord": connector.uses_mx,
        "IsTransportRuleScoped": connector.is_rule_scoped,
        "TlsSettings": connector.tls_settings,
        "TlsDomain": connector.tls_domain,
        "CloudServicesMailEnabled": False,
        "TestMode": False,
        "Comment": connector.comment,
    }


def _new_inbound(session: Session, call: Arguments) -> list[Row]:
    draft = _edited_inbound(InboundConnector(guid="", name=call.text("Name")), call)
    return [_inbound_row(session.world.tenant.rules.add_inbound(draft))]


def _set_inbound(session: Session, call: Arguments) -> list[Row]:
    rules = session.world.tenant.rules
    rules.change_inbound(_edited_inbound(rules.inbound_written(call.text("Identity")), call))
    return []


def _edited_inbound(before: InboundConnector, call: Arguments) -> InboundConnector:
    certificate = call.text("TlsSenderCertificateName", before.tls_certificate_name or "")
    return replace(
        before,
        type=ConnectorType(call.text("ConnectorType", before.type)),
        sender_domains=call.texts("SenderDomains", before.sender_domains),
        sender_ip_addresses=call.texts("SenderIPAddresses", before.sender_ip_addresses),
        requires_tls=call.flag("RequireTls", default=before.requires_tls),
        tls_certificate_name=certificate or None,
        is_enabled=call.flag("Enabled", default=before.is_enabled),
    )


def _get_inbound(session: Session, call: Arguments) -> list[Row]:
    found = wanted(call, session.world.tenant.rules.inbound, InboundConnector.answers_to)
    if found is None:
        raise NotFound.object_named(call.text("Identity"))
    return [_inbound_row(connector) for connector in found]


def _remove_inbound(session: Session, call: Arguments) -> list[Row]:
    session.world.tenant.rules.remove_inbound(call.text("Identity"))
    return []


def _inbound_row(connector: InboundConnector) -> Row:
    return {
        "Identity": connector.name,
        "Guid": connector.guid,
        "Name": connector.name,
        "ConnectorType": connector.type,
        "Enabled": connector.is_enabled,
        "SenderDomains": connector.sender_domains,
        "SenderIPAddresses": connector.sender_ip_addresses,
        "RequireTls": connector.requires_tls,
        "TlsSenderCertificateName": connector.tls_certificate_name,
    }


# -- accepted domains -----------------------------------------------------------------------------


def _get_domains(session: Session, call: Arguments) -> list[Row]:
    found = wanted(call, session.world.tenant.recipients.domains(), _is_domain)
    if found is None:
        raise NotFound.object_named(call.text("Identity"))
    return [
        {
            "Identity": domain.name,
            "Name": domain.name,
            "DomainName": domain.name,
            "DomainType": domain.type,
            "Default": domain.is_default,
            "InitialDomain": domain.name == session.world.tenant.initial_domain,
        }
        for domain in found
    ]


def _set_domain(session: Session, call: Arguments) -> list[Row]:
    if call.has("DomainType"):
        kind = DomainType(call.text("DomainType"))
        session.world.tenant.recipients.set_domain_type(call.text("Identity"), kind)
    return []


def _is_domain(domain: AcceptedDomain, identity: str) -> bool:
    return domain.name == identity.lower()


_RULE_PARTS: tuple[Parameter | str, ...] = (
    *lists("SentToMemberOf", "ExceptIfHeaderContainsWords"),
    "RouteMessageOutboundConnector",
    "ExceptIfHeaderContainsMessageHeader",
    "SetHeaderName",
    "SetHeaderValue",
    "Comments",
    *switches("StopRuleProcessing"),
    Parameter("Mode", values=tuple(RuleMode)),
    Parameter("RuleErrorAction", values=tuple(RuleErrorAction)),
    Parameter("Priority", Kind.NUMBER),
)
_OUTBOUND_PARTS: tuple[Parameter | str, ...] = (
    Parameter("ConnectorType", values=tuple(ConnectorType)),
    *lists("SmartHosts", "RecipientDomains"),
    *switches("UseMXRecord", "IsTransportRuleScoped", "Enabled"),
    Parameter(
        "TlsSettings", values=("EncryptionOnly", "CertificateValidation", "DomainValidation")
    ),
    "TlsDomain",
    "Comment",
)
_RULE_READERS = {TRANSPORT_RULES, VIEW_ONLY_CONFIGURATION}
_DOMAIN_READERS = {REMOTE_AND_ACCEPTED_DOMAINS, VIEW_ONLY_CONFIGURATION}

CMDLETS: tuple[Cmdlet, ...] = (
    cmdlet("New-TransportRule", RULE_ROLES, _new_rule, "!Name", *switches("Enabled"), *_RULE_PARTS),
    cmdlet("Get-TransportRule", _RULE_READERS, _get_rules, "Identity", RESULT_SIZE),
    cmdlet("Set-TransportRule", RULE_ROLES, _set_rule, "!Identity", "Name", *_RULE_PARTS),
    cmdlet("Enable-TransportRule", RULE_ROLES, _enable_rule, "!Identity"),
    cmdlet("Disable-TransportRule", RULE_ROLES, _disable_rule, "!Identity"),
    cmdlet("Remove-TransportRule", RULE_ROLES, _remove_rule, "!Identity"),
    cmdlet("New-OutboundConnector", DOMAIN_ROLES, _new_outbound, "!Name", *_OUTBOUND_PARTS),
    cmdlet(
        "Get-OutboundConnector",
        _DOMAIN_READERS,
        _get_outbound,
        "Identity",
        *switches("IsTransportRuleScoped", "IncludeTestModeConnectors"),
    ),
    cmdlet(
        "Set-OutboundConnector", DOMAIN_ROLES, _set_outbound, "!Identity", "Name", *_OUTBOUND_PARTS
    ),
    cmdlet("Remove-OutboundConnector", DOMAIN_ROLES, _remove_outbound, "!Identity"),
    cmdlet(
        "New-InboundConnector",
        DOMAIN_ROLES,
        _new_inbound,
        "!Name",
        Parameter("ConnectorType", values=tuple(ConnectorType)),
        Parameter("SenderDomains", Kind.TEXTS, is_mandatory=True),
        *lists("SenderIPAddresses"),
        "TlsSenderCertificateName",
        *switches("RequireTls", "Enabled"),
    ),
    cmdlet(
        "Set-InboundConnector",
        DOMAIN_ROLES,
        _set_inbound,
        "!Identity",
        Parameter("ConnectorType", values=tuple(ConnectorType)),
        *lists("SenderDomains", "SenderIPAddresses"),
        "TlsSenderCertificateName",
        *switches("RequireTls", "Enabled"),
    ),
    cmdlet("Get-InboundConnector", _DOMAIN_READERS, _get_inbound, "Identity"),
    cmdlet("Remove-InboundConnector", DOMAIN_ROLES, _remove_inbound, "!Identity"),
    cmdlet("Get-AcceptedDomain", _DOMAIN_READERS, _get_domains, "Identity", RESULT_SIZE),
    cmdlet(
        "Set-AcceptedDomain",
        DOMAIN_ROLES,
        _set_domain,
        "!Identity",
        Parameter("DomainType", values=tuple(DomainType)),
    ),
)
