"""The Exchange admin gateway over HTTP.

A lost reply is a connection closed without an answer, or a 504: the effect has happened, and the caller cannot know.
"""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta

from aiohttp import web

from sandbox.faces.exchange_errors import Reply
from sandbox.faces.exchange_gateway import Gateway, Request
from sandbox.world.world import World

# Calls a caller may make in one window; the service says so in headers and does not publish the figures.
RATE_LIMIT = 1_000
RATE_WINDOW = timedelta(minutes=5)

Answer = Callable[[str, Request], Reply]


def routes(world: World) -> web.RouteTableDef:
    """Everything below `/adminapi`. A batch file of 10 MB arrives as four characters a byte: allow large bodies."""
    table = web.RouteTableDef()
    face = ExchangeFace(world)

    @table.post("/adminapi/beta/{tenant}/InvokeCommand")
    async def invoke(request: web.Request) -> web.StreamResponse:
        return await face.serve(request, face.gateway.invoke)

    @table.post("/adminapi/beta/{tenant}/$batch")
    async def batch(request: web.Request) -> web.StreamResponse:
        return await face.serve(request, face.gateway.batch)

    @table.get("/adminapi/v1.0/{tenant}/EXOModuleFile")
    async def module_file(request: web.Request) -> web.StreamResponse:
        return await face.serve(request, face.gateway.module_file)

    return table


class ExchangeFace:
    """Turns HTTP into calls on the gateway, and its replies into HTTP."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.gateway = Gateway(world)
        self._window_ends_utc = world.kernel.now_utc() + RATE_WINDOW
        self._left = RATE_LIMIT

    async def serve(self, incoming: web.Request, answer: Answer) -> web.StreamResponse:
        """Answer one HTTP request."""
        request = Request(
            url=str(incoming.url),
            headers={name.lower(): value for name, value in incoming.headers.items()},
            body=await incoming.read(),
        )
        reply = answer(incoming.match_info["tenant"], request)
        if reply.is_lost:
            return self._lost(incoming)
        return self._response(reply, request)

    def _lost(self, incoming: web.Request) -> web.StreamResponse:
        closes = self._world.kernel.chance("exchange-lost-replies").random() < 0.5
        if closes and incoming.transport is not None:
            incoming.transport.close()
        return web.Response(status=504, text="The gateway timed out.")

    def _response(self, reply: Reply, request: Request) -> web.Response:
        headers = {
            "request-id": str(uuid.uuid4()),
            "X-CalculatedBETarget": "DB8PR05MB0001.eurprd05.prod.outlook.com",
            **self._rate_headers(),
            **reply.headers,
        }
        if "client-request-id" in request.headers:
            headers["client-request-id"] = request.headers["client-request-id"]
        body = reply.body
        text = body if isinstance(body, bytes) else json.dumps(body).encode() if body else b""
        # An empty success has no type; an odd body keeps the type it claims.
        if reply.status == 204 or not text:
            return web.Response(status=reply.status, headers=headers)
        headers["Content-Type"] = reply.content_type
        return web.Response(status=reply.status, body=text, headers=headers)

    def _rate_headers(self) -> dict[str, str]:
        now_utc = self._world.kernel.now_utc()
        if now_utc >= self._window_ends_utc:
            self._window_ends_utc, self._left = now_utc + RATE_WINDOW, RATE_LIMIT
        self._left = max(0, self._left - 1)
        return {
            "Rate-Limit-Limit": str(RATE_LIMIT),
            "Rate-Limit-Remaining": str(self._left),
            "Rate-Limit-Reset": f"{self._window_ends_utc:%Y-%m-%dT%H:%M:%SZ}",
        }
