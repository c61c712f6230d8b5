"""Connectors: the ways between the tenant and somebody's own mail servers.

Source: Microsoft Learn, "Configure mail flow using connectors in Exchange Online".
"""

from dataclasses import dataclass
from enum import StrEnum


class ConnectorType(StrEnum):
    """Whose servers stand behind a connector."""

    ON_PREMISES = "OnPremises"
    PARTNER = "Partner"


@dataclass(frozen=True)
class OutboundConnector:
    """The way from the tenant to somebody's servers."""

    guid: str
    name: str
    type: ConnectorType = ConnectorType.PARTNER
    smart_hosts: tuple[str, ...] = ()
    recipient_domains: tuple[str, ...] = ()
    uses_mx: bool = True
    is_rule_scoped: bool = False
    is_enabled: bool = True
    tls_settings: str | None = None
    tls_domain: str | None = None
    comment: str = ""

    def answers_to(self, identity: str) -> bool:
        """Whether the identity (GUID or name) names this connector."""
        return identity.lower() in {self.guid, self.name.lower()}


@dataclass(frozen=True)
class InboundConnector:
    """How mail from somebody's servers is recognised."""

    guid: str
    name: str
    type: ConnectorType = ConnectorType.PARTNER
    sender_domains: tuple[str, ...] = ()
    sender_ip_addresses: tuple[str, ...] = ()
    requires_tls: bool = False
    tls_certificate_name: str | None = None
    is_enabled: bool = True

    def answers_to(self, identity: str) -> bool:
        """Whether the identity (GUID or name) names this connector."""
        return identity.lower() in {self.guid, self.name.lower()}
