"""Serves the management API and the app's HTTP functions with aiohttp.

Source: Microsoft Learn, "Azure Functions HTTP trigger" and "HTTP APIs in Durable Functions".
"""

import asyncio
import json
import time
from urllib.parse import unquote

from aiohttp import web

from sandbox.local_host.core import FINISHED
from sandbox.local_host.management import Management, Reply, Request

WAIT_TIMEOUT_DEFAULT_S = 10.0  # createAndWait's default in the extension
WAIT_INTERVAL_DEFAULT_S = 1.0
BODY_BYTES_MAX = 100 * 1024 * 1024  # the product's limit of a request body


class ManagementServer:
    """Answers the management API under one path; `base_url` is what links start with."""

    def __init__(self, management: Management, base_url: str) -> None:
        self._management = management
        self._base_url = base_url

    def add_to(self, app: web.Application, prefix: str) -> None:
        """Serve everything under `prefix`, which has no slash at its end."""

        async def answer(request: web.Request) -> web.Response:
            return _to_response(await self._answer(await self._read(request, prefix)))

        app.router.add_route("*", f"{prefix}/{{rest:.*}}", answer)

    async def _read(self, request: web.Request, prefix: str) -> Request:
        segments = request.rel_url.raw_path.removeprefix(f"{prefix}/").split("/")
        return Request(
            method=request.method,
            path=tuple(unquote(segment) for segment in segments),
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
            base_url=self._base_url,
        )

    async def _answer(self, request: Request) -> Reply:
        reply = self._management.handle(request)
        is_start = request.path[0] == "orchestrators" and reply.status_code == 202
        if not is_start or "timeout" not in request.query:
            return reply
        finished = await self._wait(request, reply.document["id"])
        return finished or reply

    async def _wait(self, request: Request, instance_id: str) -> Reply | None:
        timeout_s = float(request.query.get("timeout") or WAIT_TIMEOUT_DEFAULT_S)
        interval_s = float(request.query.get("pollingInterval") or WAIT_INTERVAL_DEFAULT_S)
        end_s = time.monotonic() + timeout_s
        while True:
            reply = self._management.status(request, instance_id)
            if reply.document and reply.document["runtimeStatus"] in FINISHED:
                return _finished_reply(reply)
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                return None
            await asyncio.sleep(min(interval_s, left_s))


def _finished_reply(reply: Reply) -> Reply:
    """A finished instance answers its creator with its output, a failed one with 500."""
    status = reply.document["runtimeStatus"]
    if status == "Completed":
        return Reply(200, reply.document["output"])
    return Reply(500 if status == "Failed" else 200, reply.document)


def _to_response(reply: Reply) -> web.Response:
    if reply.document is None:
        return web.Response(status=reply.status_code, headers=dict(reply.headers))
    return web.Response(
        status=reply.status_code,
        text=json.dumps(reply.document),
        content_type="application/json",
        headers=dict(reply.headers),
    )
