"""One simulated Exchange seen through the port: bound straight to the world, and over HTTP by the real adapter."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bascule.adapters.exchange_online.exchange import ExchangeOnline
from bascule.adapters.exchange_online.gateway import ExchangeGateway
from bascule.domain.plan import TenantPlan
from bascule.domain.sync import SyncUser
from bascule.ports.exchange import Exchange
from sandbox.bound.exchange import WorldExchange
from sandbox.faces.server import Faces
from sandbox.faces.token import TokenDesk
from sandbox.world.cloud import CloudMailbox
from sandbox.world.coexistence import IMAP_SOURCE, prepare_coexistence
from sandbox.world.weather import CALM, Weather
from sandbox.world.world import World

ANNA = "anna@example.org"
BORIS = "boris@example.org"
PASSWORD = 'sehr, "geheim"'
ENDPOINT = IMAP_SOURCE.name
LETTER = b"Message-ID: <1@x>\r\nSubject: private matter\r\n\r\nOne.\r\n"


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
class SeenExchange:
    """A prepared tenant, its clock, and the port on it."""

    world: World
    clock: Clock
    exchange: Exchange

    def add_person(self, address: str, *raws: bytes) -> CloudMailbox:
        """A mailbox at the source with mail in it, and an open one in the tenant."""
        local = address.partition("@")[0]
        source = self.world.source.add(address, PASSWORD)
        for raw in raws or (LETTER,):
            source.store.folder("INBOX").add(raw, frozenset(), self.clock())
        mailbox = CloudMailbox(
            user_id=f"u-{local}",
            exchange_guid=f"g-{local}",
            primary_address=address,
            addresses={address, self.world.naming.routing_address(address)},
            opened_utc=self.clock(),
        )
        self.world.tenant.mailboxes.open(mailbox)
        return mailbox

    def pass_minutes(self, minutes: float = 10) -> None:
        """Move on, and let what is due happen; ten minutes are enough for anything small in calm weather."""
        self.clock.pass_time(minutes * 60)
        with self.world.kernel.look():
            pass

    def user(self, batch: str, address: str) -> SyncUser:
        """One user of a batch."""
        return next(user for user in self.exchange.sync_users(batch) if user.address == address)


def csv_of(*addresses: str, password: str = PASSWORD) -> bytes:
    """Exchange's CSV."""
    quoted = password.replace('"', '""')
    lines = [f'"{a}","{a.partition("@")[0]}","{quoted}"' for a in addresses]
    return "\r\n".join(["EmailAddress,UserName,Password", *lines]).encode()


@contextmanager
def bound_exchange(weather: Weather = CALM) -> Iterator[SeenExchange]:
    """The port bound straight to the world."""
    clock, world, plan = _prepared(weather)
    yield SeenExchange(world, clock, WorldExchange(world, plan))


@contextmanager
def gateway_exchange(weather: Weather = CALM) -> Iterator[SeenExchange]:
    """The real adapter on the simulated gateway, over HTTP."""
    clock, world, plan = _prepared(weather)
    with Faces(world) as faces:
        base_url = faces.addresses["exchange_url"].partition("/adminapi")[0]
        gateway = ExchangeGateway(Credential(world), plan.tenant_id, base_url=base_url)
        try:
            yield SeenExchange(world, clock, ExchangeOnline(gateway, plan))
        finally:
            gateway.close()


def _prepared(weather: Weather) -> tuple[Clock, World, TenantPlan]:
    clock = Clock()
    world = World(7, clock, weather)
    names = prepare_coexistence(world)
    plan = TenantPlan(
        tenant_id=world.tenant.tenant_id,
        domains=(world.naming.domain,),
        routing_domain=world.naming.initial_domain,
        coexistence_group=names.group_address,
        migration_endpoint=names.endpoint_name,
        probe_sender=names.report_address,
        report_mailbox=names.report_address,
    )
    # The preparation was yesterday: whatever replicates late has arrived.
    clock.pass_time(24 * 3600)
    return clock, world, plan
