"""The domains of the tenant and the DNS records it asks for."""

from typing import Protocol

from bascule.domain.tenant_domains import DomainRecord, TenantDomain


class Domains(Protocol):
    """The tenant's domains.

    Every method may raise Unreachable, Throttled, NotYet (a domain just added that is not seen everywhere) and
    Refusal(PERMISSION_MISSING | REQUEST_REJECTED). No method retries by itself.
    """

    def all(self) -> tuple[TenantDomain, ...]:
        """Every domain of the tenant."""
        ...

    def find(self, name: str) -> TenantDomain | None:
        """One domain; None when the tenant does not have it."""
        ...

    def add(self, name: str) -> TenantDomain:
        """Add a domain, to be proved; one that the tenant has already is answered as it is.

        Raises:
            Refusal(REQUEST_REJECTED): another tenant has it, or it is no domain.
        """
        ...

    def verification_records(self, name: str) -> tuple[DomainRecord, ...]:
        """The records of which any one proves who owns the domain; the same at every call."""
        ...

    def verify(self, name: str) -> bool:
        """Whether the domain is proved now; False while the tenant does not find a record in public DNS."""
        ...

    def set_services(self, name: str, services: tuple[str, ...]) -> None:
        """Say which services use a proved domain; the same services twice are no change."""
        ...

    def service_records(self, name: str) -> tuple[DomainRecord, ...]:
        """What to publish so that the domain's services work; none for services it is not used for."""
        ...
