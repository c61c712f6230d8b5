"""The vendor's own managed identity credential against the simulated endpoint."""

import asyncio
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.identity.aio import ManagedIdentityCredential

from sandbox.faces import managed_identity
from sandbox.faces.token import GRAPH_AUDIENCE, TokenDesk

# The fixtures' type; pytest loads conftest by path, so it cannot be imported by name.
GraphDesk = Any


def test_the_credential_of_production_gets_a_token_without_a_secret(
    desk: GraphDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one credential that runs in production would be the one never run before."""

    async def ask() -> str:
        app = web.Application()
        app.add_routes(managed_identity.routes(desk.world))
        async with TestServer(app) as server:
            monkeypatch.setenv("IDENTITY_ENDPOINT", str(server.make_url(managed_identity.PATH)))
            monkeypatch.setenv("IDENTITY_HEADER", managed_identity.identity_header(desk.world))
            async with ManagedIdentityCredential() as credential:
                return str((await credential.get_token(f"{GRAPH_AUDIENCE}/.default")).token)

    token = asyncio.run(ask())
    claims = TokenDesk.of(desk.world).read(f"Bearer {token}", GRAPH_AUDIENCE)

    assert claims.client_id == desk.world.tenant.app.client_id


@pytest.mark.parametrize(
    ("header", "query", "status"),
    [
        ("wrong", {"api-version": "2019-08-01", "resource": GRAPH_AUDIENCE}, 403),
        (None, {"api-version": "2017-09-01", "resource": GRAPH_AUDIENCE}, 400),
        (None, {"api-version": "2019-08-01", "resource": "https://elsewhere.example"}, 400),
        (None, {"api-version": "2019-08-01", "resource": GRAPH_AUDIENCE, "client_id": "x"}, 400),
    ],
)
def test_a_stranger_gets_no_token(
    desk: GraphDesk, header: str | None, query: dict[str, str], status: int
) -> None:
    """Another program on the machine would hold the keys of the tenant."""

    async def ask() -> int:
        app = web.Application()
        app.add_routes(managed_identity.routes(desk.world))
        right = managed_identity.identity_header(desk.world)
        async with TestServer(app) as server, httpx.AsyncClient() as client:
            url = str(server.make_url(managed_identity.PATH))
            headers = {managed_identity.HEADER: header or right}
            return (await client.get(url, params=query, headers=headers)).status_code

    assert asyncio.run(ask()) == status
