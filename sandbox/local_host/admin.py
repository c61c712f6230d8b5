"""The host's own endpoints under `/admin`: is it running, and run this function now.

Source: Microsoft Learn, "Manually run a non HTTP-triggered function".
"""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

from aiohttp import web
from azure.core.exceptions import AzureError

from sandbox.local_host.blob_triggers import BlobTriggers
from sandbox.local_host.core import LOG
from sandbox.local_host.loader import App
from sandbox.local_host.timer_triggers import TimerTriggers


class Admin:
    """Answers `/admin`; a run is begun, not awaited."""

    def __init__(self, app: App, timers: TimerTriggers, blobs: BlobTriggers | None) -> None:
        self._app = app
        self._timers = timers
        self._blobs = blobs
        self._jobs: set[asyncio.Task[bool]] = set()

    def add_to(self, app: web.Application) -> None:
        """Serve the endpoints."""
        app.router.add_get("/admin/host/status", self._status)
        app.router.add_post("/admin/functions/{name}", self._run)

    async def _status(self, _: web.Request) -> web.Response:
        return web.json_response({"state": "Running"})

    async def _run(self, request: web.Request) -> web.Response:
        """202 when begun, 404 for an unknown function, 400 for a kind which cannot be run by hand."""
        function = self._app.named(request.match_info["name"])
        if function is None:
            return web.Response(status=404)
        if function.kind == "timerTrigger":
            self._begin(self._timers.run_by_hand(function.name))
        elif function.kind == "blobTrigger" and self._blobs is not None:
            given = _input_of(await request.text())
            self._begin(self._blobs.run_by_hand(function.name, given))
        else:
            return web.Response(status=400)
        return web.Response(status=202)

    def _begin(self, run: Coroutine[Any, Any, bool]) -> None:
        job = asyncio.create_task(run)
        self._jobs.add(job)
        job.add_done_callback(self._finished)

    def _finished(self, job: asyncio.Task[bool]) -> None:
        self._jobs.discard(job)
        if not job.cancelled() and isinstance(job.exception(), AzureError):
            LOG.warning("the blob of a run by hand cannot be read")


def _input_of(body: str) -> str:
    """The `input` field of a body; empty when there is none."""
    document = json.loads(body) if body.strip() else {}
    return str(document.get("input", ""))
