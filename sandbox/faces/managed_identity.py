"""The endpoint inside a Functions app from which a managed identity takes its tokens: no secret, one header.

Point IDENTITY_ENDPOINT and IDENTITY_HEADER at it, and the credential of production works unchanged.

Source: Microsoft Learn, "How to use managed identities for App Service and Azure Functions", REST endpoint reference.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping

from aiohttp import web

from sandbox.faces.token import TOKEN_LIFETIME_S, TokenDesk, TokenRefused
from sandbox.world.world import World

PATH = "/msi/token"
API_VERSION = "2019-08-01"
HEADER = "X-IDENTITY-HEADER"


def identity_header(world: World) -> str:
    """The value the platform would put into IDENTITY_HEADER of this world's app."""
    return hashlib.sha256(f"{world.kernel.seed}/identity-header".encode()).hexdigest()


def routes(world: World) -> web.RouteTableDef:
    """`GET /msi/token`."""
    table = web.RouteTableDef()

    @table.get(PATH)
    async def token(request: web.Request) -> web.Response:
        presented = request.headers.get(HEADER, "")
        if not hmac.compare_digest(presented.encode(), identity_header(world).encode()):
            return _refusal(403, "The identity header is missing or wrong.")
        if request.query.get("api-version") != API_VERSION:
            return _refusal(400, "The api-version is not supported.")
        try:
            return web.json_response(_answer(world, request.query))
        except TokenRefused as no:
            return _refusal(400, str(no))

    return table


def _answer(world: World, query: Mapping[str, str]) -> dict[str, str]:
    app = world.tenant.app
    resource = query.get("resource", "")
    form = {
        "grant_type": "client_credentials",
        "client_id": query.get("client_id", app.client_id),
        "client_secret": app.client_secret,
        "scope": f"{resource}/.default",
    }
    issued = TokenDesk.of(world).issue(world.tenant.tenant_id, form)
    return {
        "access_token": str(issued["access_token"]),
        # A string of digits, and the resource as it was asked for: the client's cache goes by both.
        "expires_on": str(int(time.time()) + TOKEN_LIFETIME_S),
        "resource": resource,
        "token_type": "Bearer",
        "client_id": form["client_id"],
    }


def _refusal(status: int, message: str) -> web.Response:
    return web.json_response({"statusCode": status, "message": message}, status=status)
