"""The tenant's domains and the DNS records that belong to them, as the directory shows them."""

from dataclasses import dataclass
from enum import StrEnum

# The service of a domain that takes mail.
EMAIL_SERVICE = "Email"
MANAGED = "Managed"


class RecordKind(StrEnum):
    """The kinds of DNS records that the directory asks for."""

    CNAME = "CNAME"
    MX = "MX"
    SRV = "SRV"
    TXT = "TXT"


@dataclass(frozen=True)
class TenantDomain:
    """One domain name of the tenant, lower case."""

    name: str
    is_verified: bool
    is_default: bool = False
    is_initial: bool = False
    authentication: str = MANAGED
    """`Managed`, or `Federated` when another identity provider signs its users in."""
    services: tuple[str, ...] = ()
    """Such as `Email`; service records exist only for services that are here."""

    @property
    def is_federated(self) -> bool:
        """Whether passwords kept in the tenant are of no use to its users."""
        return self.authentication != MANAGED


@dataclass(frozen=True)
class DomainRecord:
    """One record that the directory asks the owner of a domain to publish."""

    kind: RecordKind
    name: str
    """The owner name, lower case, without a dot at the end."""
    value: str
    """The text of a TXT record; else the target, lower case, without a dot at the end."""
    ttl_s: int
    preference: int = 0
    """Of an MX record."""
    priority: int = 0
    weight: int = 0
    port: int = 0
    """These three of an SRV record."""
    service: str = ""
    is_optional: bool = False
