"""Microsoft Graph v1.0 over HTTP, as far as a mailbox migration meets it.

Every answer carries the headers by which a support engineer finds a call again. A lost reply is a closed connection
or a 504: the effect has happened, and the caller cannot know.
"""

import json
import uuid
from collections.abc import Mapping
from email.utils import format_datetime
from urllib.parse import unquote

from aiohttp import web

from sandbox.faces import (
    graph_domains,
    graph_errors,
    graph_groups,
    graph_licences,
    graph_mailbox,
    graph_messages,
    graph_send,
    graph_users,
)
from sandbox.faces.graph_batch import answer_batch
from sandbox.faces.graph_errors import GraphError
from sandbox.faces.graph_operations import LostReply, Service
from sandbox.faces.graph_wire import Call, Reply, Request
from sandbox.faces.token import GRAPH_AUDIENCE, BearerRefused, TokenDesk
from sandbox.world.world import World

# A bad gateway answers before Graph could: with a page of its own, which no client can read as JSON.
PROXY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"
OPERATIONS = (
    *graph_licences.OPERATIONS,
    *graph_users.OPERATIONS,
    *graph_domains.OPERATIONS,
    *graph_groups.OPERATIONS,
    *graph_mailbox.OPERATIONS,
    *graph_messages.OPERATIONS,
    *graph_send.OPERATIONS,
)


def routes(world: World) -> web.RouteTableDef:
    """Everything below `/v1.0`."""
    table = web.RouteTableDef()
    face = GraphFace(world)

    @table.route("*", "/v1.0/{path:.*}")
    async def graph(request: web.Request) -> web.StreamResponse:
        return await face.serve(request)

    return table


class GraphFace:
    """Turns HTTP into calls on the service, and its answers into HTTP."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._service = Service(world, OPERATIONS)
        self._desk = TokenDesk.of(world)

    async def serve(self, incoming: web.Request) -> web.StreamResponse:
        """Answer one HTTP request."""
        self._world.calls["graph"] += 1
        body = await incoming.read()
        try:
            reply = self.answer(self._request(incoming, body))
        except GraphError as error:
            reply = self._refusal(error, incoming.headers)
        except LostReply:
            return self._lost(incoming)
        return self._response(reply, incoming.headers)

    def _request(self, incoming: web.Request, body: bytes) -> Request:
        try:
            claims = self._desk.read(incoming.headers.get("Authorization"), GRAPH_AUDIENCE)
        except BearerRefused as no:
            raise graph_errors.unauthorized(no.message) from no
        return Request(
            method=incoming.method,
            # As sent: an escaped slash in a name must not become a separator.
            path=incoming.rel_url.raw_path.partition("/v1.0/")[2],
            query=dict(incoming.query),
            headers={name.title(): value for name, value in incoming.headers.items()},
            body=body,
            roles=claims.roles,
            root_url=f"{incoming.scheme}://{incoming.host}/v1.0",
        )

    def answer(self, request: Request) -> Reply:
        """Answer one request whose token has been read; a refusal is an answer too.

        Raises:
            LostReply: done, but nobody is to be told.
        """
        try:
            if unquote(request.path) != "$batch":
                return self._service.answer(request)
            return self._answer_batch(request)
        except GraphError as error:
            return self._refusal(error, request.headers)

    def _answer_batch(self, request: Request) -> Reply:
        if request.method != "POST":
            raise graph_errors.method_not_allowed()
        body = Call(self._world, request, {}, is_outlook=False).json()
        return answer_batch(request, body, self._answer_inside)

    def _answer_inside(self, request: Request) -> Reply:
        try:
            return self.answer(request)
        except LostReply:
            return self._refusal(graph_errors.gateway_timeout(), request.headers)

    def _refusal(self, error: GraphError, headers: Mapping[str, str]) -> Reply:
        request_id = str(uuid.uuid4())
        if error.status == 502:
            return Reply(502, PROXY_PAGE, {"request-id": request_id}, "text/html")
        date = self._world.kernel.now_utc().strftime("%Y-%m-%dT%H:%M:%S")
        body = error.body(date, request_id, headers.get("Client-Request-Id", request_id))
        return Reply(error.status, body, {**error.headers, "request-id": request_id})

    def _lost(self, incoming: web.Request) -> web.StreamResponse:
        if self._world.kernel.chance("graph-lost-reply").random() < 0.5 and incoming.transport:
            incoming.transport.close()
        return self._response(
            self._refusal(graph_errors.gateway_timeout(), incoming.headers), incoming.headers
        )

    def _response(self, reply: Reply, asked: Mapping[str, str]) -> web.Response:
        request_id = reply.headers.get("request-id", str(uuid.uuid4()))
        headers = {
            **reply.headers,
            "request-id": request_id,
            "client-request-id": asked.get("client-request-id", request_id),
            "Date": format_datetime(self._world.kernel.now_utc(), usegmt=True),
        }
        if reply.body is None:
            return web.Response(status=reply.status, headers=headers)
        is_bytes = isinstance(reply.body, bytes)
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        return web.Response(
            status=reply.status,
            body=content,
            headers=headers,
            content_type=reply.content_type,
            charset=None if is_bytes else "utf-8",
        )
