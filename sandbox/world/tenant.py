"""The Microsoft 365 tenant: who it is, and the parts that live in it."""

import uuid

from sandbox.world.cloud import CloudMailboxes
from sandbox.world.directory import Directory
from sandbox.world.domains import Domains
from sandbox.world.groups import Groups
from sandbox.world.kernel import Kernel
from sandbox.world.licences import Shelf
from sandbox.world.management_roles import MANAGEMENT_ROLES
from sandbox.world.migration import MigrationService
from sandbox.world.naming import Naming
from sandbox.world.provisioning import Provisioning
from sandbox.world.recipients import DomainType, Recipients
from sandbox.world.registered_app import RegisteredApp
from sandbox.world.rules import Rules
from sandbox.world.source import Source
from sandbox.world.trace import Trace
from sandbox.world.transport import Transport
from sandbox.world.weather import Weather


class Tenant:
    """One tenant; its migration service reads from the source."""

    def __init__(
        self, kernel: Kernel, weather: Weather, trace: Trace, naming: Naming, source: Source
    ) -> None:
        self.kernel = kernel
        self.weather = weather
        self.naming = naming
        self.tenant_id = _guid(kernel.seed, "tenant")
        self.initial_domain = naming.initial_domain
        self.app = RegisteredApp(_guid(kernel.seed, "client"), _guid(kernel.seed, "secret"))
        self.is_synchronised: bool | None = None
        """Whether accounts come from a directory on site; False when they did once. Graph: onPremisesSyncEnabled."""
        self.accepted_domains: dict[str, DomainType] = {
            naming.initial_domain: DomainType.AUTHORITATIVE,
            naming.domain: DomainType.AUTHORITATIVE,
        }
        self.mailboxes = CloudMailboxes()
        domains = Domains(naming.initial_domain)
        domains.add_verified(naming.domain)
        self.directory = Directory(kernel, weather, domains, Shelf.stocked())
        self.provisioning = Provisioning(kernel, weather, self.directory, self.mailboxes)
        self.recipients = Recipients(kernel, weather, self.mailboxes, self.accepted_domains)
        domains.takes_mail = self.recipients.accept_new_domain
        self.groups = Groups(kernel, weather, self.recipients)
        self.rules = Rules(kernel, weather, self.groups)
        self.migration = MigrationService.of(self.recipients, source)
        # The management roles that the app holds in Exchange, beside what its token says.
        self.exchange_roles: set[str] = set(MANAGEMENT_ROLES)
        self.transport = Transport(kernel, weather, trace, self)
        self.transport.rules = self.rules


def _guid(seed: int, what: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"bascule:{seed}:{what}"))
