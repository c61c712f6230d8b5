"""The Microsoft 365 tenant: who it is, and the parts that live in it."""

import uuid
from dataclasses import dataclass, field
from enum import StrEnum

from sandbox.world.cloud import CloudMailboxes
from sandbox.world.kernel import Kernel
from sandbox.world.naming import Naming
from sandbox.world.trace import Trace
from sandbox.world.transport import Transport
from sandbox.world.weather import Weather


class DomainType(StrEnum):
    """What the tenant does with a recipient of its domain whom it does not know."""

    AUTHORITATIVE = "Authoritative"
    INTERNAL_RELAY = "InternalRelay"


@dataclass
class AppRegistration:
    """The application that the product signs in as, with what it may do."""

    client_id: str
    client_secret: str = field(repr=False)
    roles: set[str] = field(default_factory=set)


class Tenant:
    """One tenant; its directory, groups, rules and migration service are added by `World`."""

    def __init__(self, kernel: Kernel, weather: Weather, trace: Trace, naming: Naming) -> None:
        self.kernel = kernel
        self.weather = weather
        self.naming = naming
        self.tenant_id = _guid(kernel.seed, "tenant")
        self.initial_domain = naming.initial_domain
        self.app = AppRegistration(_guid(kernel.seed, "client"), _guid(kernel.seed, "secret"))
        self.accepted_domains: dict[str, DomainType] = {
            naming.initial_domain: DomainType.AUTHORITATIVE,
            naming.domain: DomainType.AUTHORITATIVE,
        }
        self.mailboxes = CloudMailboxes()
        self.transport = Transport(kernel, weather, trace, self)


def _guid(seed: int, what: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"bascule:{seed}:{what}"))
