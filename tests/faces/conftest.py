"""A simulated tenant and a caller of its Graph, without sockets."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from sandbox.faces.graph import GraphFace
from sandbox.faces.graph_wire import Reply, Request
from sandbox.world.cloud import CloudMailbox
from sandbox.world.directory import User
from sandbox.world.licences import LicenceChange
from sandbox.world.registered_app import BASCULE_ROLES
from sandbox.world.weather import CALM, Span, Weather
from sandbox.world.world import World

ROOT_URL = "http://127.0.0.1/v1.0"
# Longer than any mailbox of the calm weather takes to open.
PROVISIONED_AFTER_S = 301


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now_utc = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now_utc

    def pass_time(self, seconds: float) -> None:
        """Move on."""
        self.now_utc += timedelta(seconds=seconds)


class GraphDesk:
    """Asks the Graph of one world, with a token of all roles unless told otherwise."""

    def __init__(self, weather: Weather = CALM) -> None:
        self.clock = Clock()
        self.world = World(7, self.clock, weather)
        self.face = GraphFace(self.world)

    def call(
        self,
        method: str,
        url: str,
        body: object = None,
        *,
        roles: frozenset[str] = BASCULE_ROLES,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request; a body that is not bytes goes as JSON."""
        parts = urlsplit(url.removeprefix(ROOT_URL))
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = Request(
            method=method,
            path=parts.path.strip("/"),
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers=headers or {"Content-Type": "application/json"},
            body=b"" if body is None else content,
            roles=roles,
            root_url=ROOT_URL,
        )
        return self.face.answer(request)

    def get(self, url: str, **options: Any) -> dict[str, Any]:
        """The JSON of a successful GET."""
        reply = self.call("GET", url, **options)
        assert reply.status == 200, reply.body
        assert isinstance(reply.body, dict)
        return reply.body

    def error(self, method: str, url: str, body: object = None, **options: Any) -> tuple[int, str]:
        """Status and code of a refusal."""
        reply = self.call(method, url, body, **options)
        assert isinstance(reply.body, dict), reply
        return reply.status, reply.body["error"]["code"]

    def sku_id(self, part_number: str) -> str:
        """The identifier of a product."""
        return self.world.tenant.directory.shelf.by_part_number(part_number).sku_id

    def add_user(self, local: str = "anna") -> User:
        """An account with a country and no licence."""
        draft = User(
            "",
            f"{local}@example.org",
            local.title(),
            local,
            self.clock(),
            password="Tr0ub4dor&3",
            usage_location="FR",
        )
        return self.world.tenant.directory.create(draft)

    def add_mailbox(self, local: str = "anna") -> CloudMailbox:
        """An account whose mailbox is open."""
        user = self.add_user(local)
        change = LicenceChange({self.sku_id("EXCHANGESTANDARD"): frozenset()}, frozenset())
        self.world.tenant.directory.assign(user.user_id, change)
        self.clock.pass_time(PROVISIONED_AFTER_S)
        with self.world.kernel.look():
            mailbox = self.world.tenant.mailboxes.of_user(user.user_id)
        assert mailbox is not None
        return mailbox

    def store(self, mailbox: CloudMailbox, raw: bytes, folder: str = "Inbox") -> None:
        """Put a message into a folder, delivered now, and let a second pass."""
        mailbox.store.folder(folder).add(raw, frozenset(), self.clock())
        self.clock.pass_time(1)


@pytest.fixture
def desk() -> GraphDesk:
    """A tenant in calm weather."""
    return GraphDesk()


@pytest.fixture
def stormy_desk() -> GraphDesk:
    """A tenant where every write takes a while to be seen everywhere."""
    return GraphDesk(Weather(graph_replication=Span(30, 30)))
