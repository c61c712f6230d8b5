"""One simulated tenant seen through the ports: bound straight to the world, and through Graph by the real adapters."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bascule.adapters.graph import GraphClient, GraphCloudMail, GraphDirectory
from bascule.domain.directory import Account, Assignment, LicenceChange, NewAccount
from bascule.ports.cloud_mail import CloudMail
from bascule.ports.directory import Directory
from sandbox.bound.cloud_mail import WorldCloudMail
from sandbox.bound.directory import WorldDirectory
from sandbox.faces.server import Faces
from sandbox.faces.token import GRAPH_AUDIENCE, TokenDesk
from sandbox.world.cloud import CloudMailbox
from sandbox.world.weather import CALM, Weather
from sandbox.world.world import World

# Longer than any mailbox of the calm weather takes to open, and any letter to arrive.
LONG_ENOUGH_S = 301


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now_utc = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now_utc

    def pass_time(self, seconds: float) -> None:
        """Move on."""
        self.now_utc += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Bearer:
    """A token as azure-identity returns it."""

    token: str
    expires_on: int = 4_000_000_000


class Credential:
    """Takes its tokens from the world's own desk."""

    def __init__(self, world: World) -> None:
        self._world = world

    def get_token(self, *scopes: str, **_: Any) -> Bearer:
        """A token with the roles the app has now."""
        tenant = self._world.tenant
        form = {
            "grant_type": "client_credentials",
            "client_id": tenant.app.client_id,
            "client_secret": tenant.app.client_secret,
            "scope": scopes[0],
        }
        return Bearer(str(TokenDesk.of(self._world).issue(tenant.tenant_id, form)["access_token"]))


@dataclass(frozen=True)
class SeenTenant:
    """A tenant, its clock, and the two ports on it."""

    world: World
    clock: Clock
    directory: Directory
    mail: CloudMail

    def sku_id(self, part_number: str) -> str:
        """The identifier of a product."""
        return self.world.tenant.directory.shelf.by_part_number(part_number).sku_id

    def add_account(self, local: str = "anna", usage_location: str = "FR") -> Account:
        """Create an account through the port."""
        new = NewAccount(f"{local}@example.org", local.title(), usage_location, "Tr0ub4dor&3")
        return self.directory.create_account(new)

    def add_mailbox(self, local: str = "anna") -> CloudMailbox:
        """An account whose mailbox is open."""
        account = self.add_account(local)
        given = Assignment(self.sku_id("EXCHANGESTANDARD"))
        self.directory.change_licences(account.account_id, LicenceChange((given,)))
        self.clock.pass_time(LONG_ENOUGH_S)
        with self.world.kernel.look():
            opened = self.world.tenant.mailboxes.of_user(account.account_id)
        assert opened is not None
        return opened

    def store(self, mailbox: CloudMailbox, raw: bytes, folder: str = "Inbox") -> None:
        """Put a message into a folder, delivered now, and let a second pass."""
        with self.world.kernel.look():
            mailbox.store.folder(folder).add(raw, frozenset({"\\Seen"}), self.clock())
        self.clock.pass_time(1)


@contextmanager
def bound_tenant(weather: Weather = CALM) -> Iterator[SeenTenant]:
    """The ports bound straight to the world."""
    clock = Clock()
    world = World(7, clock, weather)
    yield SeenTenant(world, clock, WorldDirectory(world), WorldCloudMail(world))


@contextmanager
def graph_tenant(weather: Weather = CALM) -> Iterator[SeenTenant]:
    """The real adapters on the simulated Graph, over HTTP."""
    clock = Clock()
    world = World(7, clock, weather)
    with Faces(world) as faces:
        client = GraphClient(
            Credential(world),
            base_url=faces.addresses["graph_url"],
            scope=f"{GRAPH_AUDIENCE}/.default",
        )
        try:
            yield SeenTenant(world, clock, GraphDirectory(client), GraphCloudMail(client))
        finally:
            client.close()
