"""A caller of the simulated Exchange gateway, as clients of the real one are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from sandbox.faces.server import Faces
from sandbox.world.cloud import CloudMailbox
from sandbox.world.coexistence import prepare_coexistence
from sandbox.world.weather import CALM, Weather
from sandbox.world.world import World

ANNA = "anna@example.org"
GROUP = "utilisateurs.non.migres@exampleorg.onmicrosoft.com"
CSV = b'EmailAddress,UserName,Password\r\n"anna@example.org","anna","geheim, sehr"\r\n'


def bytes_of(data: bytes) -> dict[str, Any]:
    return {"@odata.type": "#Exchange.ByteArrayType", "Data": list(data)}


@dataclass
class Client:
    """A caller of the gateway, and the world behind it with a clock moved by hand."""

    world: World
    url: str
    token: str
    hand: list[datetime]
    http: httpx.Client

    def headers(self, **changes: str) -> dict[str, str]:
        anchor = "SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}"
        return {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json; charset=utf-8",
            "X-AnchorMailbox": f"APP:{anchor}@{self.world.tenant.tenant_id}",
            "X-ResponseFormat": "json",
            "Prefer": "odata.maxpagesize=1000",
        } | changes

    def call(
        self, name: str, headers: dict[str, str] | None = None, **parameters: Any
    ) -> httpx.Response:
        body = {"CmdletInput": {"CmdletName": name, "Parameters": parameters}}
        return self.http.post(
            f"{self.url}/InvokeCommand", json=body, headers=headers or self.headers()
        )

    def rows(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        answer = self.call(name, **parameters)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["value"]
        return found

    def pass_time(self, **units: float) -> None:
        self.hand[0] += timedelta(**units)


def fetch_token(addresses: dict[str, Any], scope: str) -> str:
    answer = httpx.post(
        addresses["token_url"],
        data={
            "grant_type": "client_credentials",
            "client_id": addresses["client_id"],
            "client_secret": addresses["client_secret"],
            "scope": scope,
        },
        trust_env=False,
    )
    return str(answer.json()["access_token"])


@contextmanager
def gateway_client(weather: Weather = CALM) -> Iterator[Client]:
    """A client of a prepared tenant in which Anna has a mailbox."""
    hand = [datetime(2026, 3, 1, 8, tzinfo=UTC)]
    world = World(5, lambda: hand[0], weather)
    world.source.add(ANNA, "geheim, sehr")
    world.tenant.mailboxes.open(
        CloudMailbox("u-anna", "g-anna", ANNA, {ANNA, "anna@exampleorg.onmicrosoft.com"}, hand[0])
    )
    prepare_coexistence(world)
    with Faces(world) as faces, httpx.Client(trust_env=False) as http:
        token = fetch_token(faces.addresses, "https://outlook.office365.com/.default")
        yield Client(world, faces.addresses["exchange_url"], token, hand, http)


def error_of(answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["error"]
    return found


def type_of(answer: httpx.Response) -> str:
    """The .NET type in the first detail."""
    return str(error_of(answer)["details"][0]["message"]).split("|", 2)[1]
