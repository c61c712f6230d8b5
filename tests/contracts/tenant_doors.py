"""Two doors into one simulated tenant: the real adapters over its protocols, and its world without any protocol."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from bascule.adapters.exchange_online import ExchangeGateway, ExchangeOnline
from bascule.adapters.exchange_online.mail_flow import ExchangeMailFlow
from bascule.adapters.graph import GraphClient, GraphCloudMail, GraphDirectory
from bascule.adapters.graph.domains import GraphDomains
from bascule.domain.plan import TenantPlan
from bascule.ports.cloud_mail import CloudMail
from bascule.ports.directory import Directory
from bascule.ports.domains import Domains
from bascule.ports.exchange import Exchange
from bascule.ports.mail_flow import MailFlow
from sandbox.bound.cloud_mail import WorldCloudMail
from sandbox.bound.directory import WorldDirectory
from sandbox.bound.domains import WorldDomains
from sandbox.bound.exchange import WorldExchange
from sandbox.bound.mail_flow import WorldMailFlow
from sandbox.faces.server import Faces
from sandbox.world.coexistence import prepare_coexistence
from sandbox.world.misfortune import Failure, FailureKind
from sandbox.world.weather import CALM, Weather
from sandbox.world.world import World

# How each port is reached: over the wire with the real adapter, or in the world directly.
DOORS = ("wire", "world")
THROTTLED = Failure(FailureKind.THROTTLED, 429, 7)
UNWELL = Failure(FailureKind.TRANSIENT, 503)
LOST = Failure(FailureKind.LOST_REPLY, 504)


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now_utc = datetime(2026, 3, 1, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now_utc


@dataclass(frozen=True)
class Tenant:
    """A tenant prepared for coexistence, with its clock and the plan that names its parts."""

    world: World
    clock: Clock
    plan: TenantPlan

    def pass_time(self, **units: float) -> None:
        """Let everything happen that is due meanwhile."""
        self.clock.now_utc += timedelta(**units)
        with self.world.kernel.look():
            pass

    def fails_once(self, call: str, failure: Failure) -> None:
        """Let the next call of that name fail."""
        self.world.misfortune.provoke(call, failure)


def tenant(weather: Weather = CALM) -> Tenant:
    """A fresh tenant in calm weather; mailboxes open within two minutes."""
    clock = Clock()
    world = World(7, clock, weather)
    prepared = prepare_coexistence(world)
    plan = TenantPlan(
        tenant_id=world.tenant.tenant_id,
        domains=(world.naming.domain,),
        routing_domain=world.naming.initial_domain,
        coexistence_group=prepared.group_address,
        migration_endpoint=prepared.endpoint_name,
        probe_sender=prepared.report_address,
        report_mailbox=prepared.report_address,
    )
    return Tenant(world, clock, plan)


@dataclass(frozen=True)
class _Token:
    token: str
    expires_on: int


class TokenFaceCredential:
    """Client credentials at the tenant's own token endpoint."""

    def __init__(self, addresses: dict[str, Any]) -> None:
        self._addresses = addresses

    def get_token(self, *scopes: str, **_: Any) -> _Token:
        """A new token, every time."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self._addresses["client_id"],
            "client_secret": self._addresses["client_secret"],
            "scope": scopes[0],
        }
        answer = httpx.post(self._addresses["token_url"], data=form).raise_for_status().json()
        return _Token(answer["access_token"], int(time.time()) + int(answer["expires_in"]))


@contextmanager
def directory(door: str, of: Tenant) -> Iterator[Directory]:
    """The directory port through one of the doors."""
    if door == "world":
        yield WorldDirectory(of.world)
        return
    with _graph(of) as client:
        yield GraphDirectory(client)


@contextmanager
def domains(door: str, of: Tenant) -> Iterator[Domains]:
    """The domains port through one of the doors."""
    if door == "world":
        yield WorldDomains(of.world)
        return
    with _graph(of) as client:
        yield GraphDomains(client)


@contextmanager
def cloud_mail(door: str, of: Tenant) -> Iterator[CloudMail]:
    """The cloud mail port through one of the doors."""
    if door == "world":
        yield WorldCloudMail(of.world)
        return
    with _graph(of) as client:
        yield GraphCloudMail(client)


@contextmanager
def exchange(door: str, of: Tenant) -> Iterator[Exchange]:
    """The Exchange port through one of the doors."""
    if door == "world":
        yield WorldExchange(of.world, of.plan)
        return
    with _gateway(of) as gateway:
        yield ExchangeOnline(gateway, of.plan)


@contextmanager
def mail_flow(door: str, of: Tenant) -> Iterator[MailFlow]:
    """The mail flow port through one of the doors."""
    if door == "world":
        yield WorldMailFlow(of.world)
        return
    with _gateway(of) as gateway:
        yield ExchangeMailFlow(gateway)


@contextmanager
def _gateway(of: Tenant) -> Iterator[ExchangeGateway]:
    with Faces(of.world) as faces:
        base_url = faces.addresses["exchange_url"].partition("/adminapi")[0]
        gateway = ExchangeGateway(
            TokenFaceCredential(faces.addresses), of.plan.tenant_id, base_url=base_url
        )
        try:
            yield gateway
        finally:
            gateway.close()


@contextmanager
def _graph(of: Tenant) -> Iterator[GraphClient]:
    with Faces(of.world) as faces:
        addresses = faces.addresses
        client = GraphClient(TokenFaceCredential(addresses), base_url=addresses["graph_url"])
        try:
            yield client
        finally:
            client.close()
