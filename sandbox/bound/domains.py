"""The domains port, on the world's tenant."""

from bascule.domain.codes import Code
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.tenant_domains import EMAIL_SERVICE, DomainRecord, RecordKind, TenantDomain
from sandbox.bound.graph_call import REPLICATION_WAIT_S, graph_call
from sandbox.faces.graph_domains import (
    DOMAIN_READERS,
    DOMAIN_WRITERS,
    PROOF_PREFERENCE,
    RECORD_TTL_S,
)
from sandbox.world.directory_errors import DirectoryRefused, Reason
from sandbox.world.domains import Domain
from sandbox.world.world import World


class WorldDomains:
    """Implements `bascule.ports.domains.Domains`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._domains = world.tenant.directory.domains

    def all(self) -> tuple[TenantDomain, ...]:
        """Every domain."""
        with graph_call(self._world, "graph.GET domains", DOMAIN_READERS):
            return tuple(_domain(found) for found in self._domains.all())

    def find(self, name: str) -> TenantDomain | None:
        """One domain."""
        with graph_call(self._world, "graph.GET domains", DOMAIN_READERS):
            try:
                return _domain(self._domains.get(name))
            except DirectoryRefused as no:
                if no.reason is Reason.NOT_FOUND:
                    return None
                raise

    def add(self, name: str) -> TenantDomain:
        """Add a domain; ours already is answered as it is."""
        with graph_call(self._world, "graph.POST domains", DOMAIN_WRITERS):
            if "." not in name:
                raise Refusal(Code.REQUEST_REJECTED, f"{name} is no domain")
            try:
                return _domain(self._domains.add(name))
            except DirectoryRefused as no:
                if no.reason is Reason.ALREADY_EXISTS:
                    return _domain(self._domains.get(name))
                raise Refusal(Code.REQUEST_REJECTED, no.message) from no

    def verification_records(self, name: str) -> tuple[DomainRecord, ...]:
        """The text and the exchanger of which either proves the domain."""
        with graph_call(self._world, "graph.GET verificationDnsRecords", DOMAIN_READERS):
            domain = self._known(name)
            text = self._domains.verification_text(domain.name)
            exchanger = f"{text.partition('=')[2]}.msv1.invalid"
            return (
                _record(RecordKind.TXT, domain.name, text),
                _record(RecordKind.MX, domain.name, exchanger, PROOF_PREFERENCE),
            )

    def verify(self, name: str) -> bool:
        """Look into the world's public DNS."""
        with graph_call(self._world, "graph.POST verify", DOMAIN_WRITERS):
            try:
                return self._domains.verify(name).is_verified
            except DirectoryRefused as no:
                if no.reason is Reason.DNS_NOT_VISIBLE:
                    return False
                raise

    def set_services(self, name: str, services: tuple[str, ...]) -> None:
        """Say which services use the domain."""
        with graph_call(self._world, "graph.PATCH domains", DOMAIN_WRITERS):
            self._domains.set_services(name, services)

    def service_records(self, name: str) -> tuple[DomainRecord, ...]:
        """What mail needs in DNS."""
        with graph_call(self._world, "graph.GET serviceConfigurationRecords", DOMAIN_READERS):
            domain = self._known(name)
            if EMAIL_SERVICE not in domain.supported_services or domain.is_initial:
                return ()
            label = domain.name.replace(".", "-")
            return (
                _record(RecordKind.MX, domain.name, f"{label}.mail.protection.outlook.com"),
                _record(
                    RecordKind.TXT, domain.name, "v=spf1 include:spf.protection.outlook.com -all"
                ),
                _record(
                    RecordKind.CNAME, f"autodiscover.{domain.name}", "autodiscover.outlook.com"
                ),
            )

    def _known(self, name: str) -> Domain:
        try:
            return self._domains.get(name)
        except DirectoryRefused as no:
            raise NotYet(REPLICATION_WAIT_S, no.message) from no


def _domain(found: Domain) -> TenantDomain:
    return TenantDomain(
        name=found.name,
        is_verified=found.is_verified,
        is_default=found.is_default,
        is_initial=found.is_initial,
        authentication=found.authentication_type,
        services=found.supported_services,
    )


def _record(kind: RecordKind, name: str, value: str, preference: int = 0) -> DomainRecord:
    return DomainRecord(
        kind=kind,
        name=name,
        value=value,
        ttl_s=RECORD_TTL_S,
        preference=preference,
        service=EMAIL_SERVICE,
    )
