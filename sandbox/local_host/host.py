"""Puts the host together: clock, state, app, engine, servers and triggers; the one place which picks them."""

import asyncio
import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from azure.durable_functions.models.utils.http_utils import _close_session

from sandbox.local_host.admin import Admin
from sandbox.local_host.blob_triggers import BlobTriggers, Receipts
from sandbox.local_host.client_binding import WEBHOOK_PATH, binding_text
from sandbox.local_host.clock import CLOCK_VARIABLE, ScaledClock
from sandbox.local_host.core import LOG
from sandbox.local_host.engine import Engine
from sandbox.local_host.http_triggers import HttpFunctions
from sandbox.local_host.loader import load_app
from sandbox.local_host.scheduler import Scheduler
from sandbox.local_host.settings import apply_local_settings, read_host_settings, resolve
from sandbox.local_host.store import Store
from sandbox.local_host.timer_triggers import TimerTriggers
from sandbox.local_host.web import BODY_BYTES_MAX, ManagementServer

LOOPBACK = "127.0.0.1"
RPC_PREFIX = "/durabletask"
THREADS_VARIABLE = "PYTHON_THREADPOOL_THREAD_COUNT"
SHUTDOWN_TIMEOUT_S = 2.0  # open requests get this long when the host is stopped
META_CLOCK = "clock"


@dataclass(frozen=True)
class HostOptions:
    """What the command line says. Port 0 means any free port; `storage` None switches blob triggers off."""

    app_folder: Path
    port: int
    rpc_port: int
    storage: str | None
    state_path: Path
    clock_factor: float


class Host:
    """A running host. `serve` returns when it is cancelled."""

    def __init__(self, options: HostOptions) -> None:
        apply_local_settings(options.app_folder)
        self._options = options
        self._store = Store(options.state_path)
        self._clock = restore_clock(self._store, options.clock_factor)
        os.environ[CLOCK_VARIABLE] = self._clock.to_json()
        self._socket = _listen(options.port)
        self._rpc_socket = _listen(options.rpc_port)
        self._settings = read_host_settings(options.app_folder)
        self._app = load_app(options.app_folder)
        self._binding = binding_text(self._settings.hub_name, self.url, self.rpc_url)
        self._engine = Engine(
            self._app,
            self._store,
            self._clock,
            settings=self._settings,
            make_client=self._client,
        )

    @property
    def url(self) -> str:
        """Where HTTP functions and the public management API are served."""
        return f"http://{LOOPBACK}:{self._socket.getsockname()[1]}"

    @property
    def rpc_url(self) -> str:
        """Where the SDK's client calls."""
        return f"http://{LOOPBACK}:{self._rpc_socket.getsockname()[1]}"

    def _client(self) -> str:
        """The binding text; the SDK's middleware makes a client of it."""
        return self._binding

    async def serve(self) -> None:
        """Serve until cancelled; says so in one line of JSON on stdout when ready."""
        with ThreadPoolExecutor(thread_count(), thread_name_prefix="worker") as pool:
            scheduler = Scheduler(self._engine, pool)
            timers = TimerTriggers(self._app, self._store, self._clock, scheduler.invoke)
            blobs = self._blob_triggers(scheduler)
            admin = Admin(self._app, timers, blobs)
            runners = [
                await self._start_server(self._main_app(scheduler, admin), self._socket),
                await self._start_server(self._rpc_app(), self._rpc_socket),
            ]
            ready = {"http": self.url, "rpc": f"{self.rpc_url}{RPC_PREFIX}/", "pid": os.getpid()}
            print(json.dumps(ready), flush=True)
            LOG.info("serving %d functions", len(self._app.functions))
            try:
                async with asyncio.TaskGroup() as jobs:
                    jobs.create_task(scheduler.run())
                    jobs.create_task(timers.run())
                    if blobs is not None:
                        jobs.create_task(blobs.run())
            finally:
                for runner in runners:
                    await runner.cleanup()
                # The SDK keeps one session for the life of the process and offers no public way to close it.
                await _close_session()
                self._engine.close()

    def _blob_triggers(self, scheduler: Scheduler) -> BlobTriggers | None:
        connection = storage_text(self._options.storage)
        if connection is None:
            return None
        receipts = Receipts(self._store, self._clock, self._settings.poison_blob_threshold)
        parallel_max = self._settings.blob_parallelism_max
        return BlobTriggers(self._app, receipts, connection, parallel_max, scheduler.invoke)

    def _main_app(self, scheduler: Scheduler, admin: Admin) -> web.Application:
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        self._add_management(app, WEBHOOK_PATH)
        admin.add_to(app)
        functions = HttpFunctions(
            self._app.of_kind("httpTrigger"), self._settings.route_prefix, scheduler.invoke
        )
        app.router.add_route("*", "/{path:.*}", functions.answer)
        return app

    def _rpc_app(self) -> web.Application:
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        self._add_management(app, RPC_PREFIX)
        return app

    def _add_management(self, app: web.Application, prefix: str) -> None:
        ManagementServer(self._engine.management, f"{self.url}{WEBHOOK_PATH}").add_to(app, prefix)

    async def _start_server(self, app: web.Application, listener: socket.socket) -> web.AppRunner:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        return runner


def restore_clock(store: Store, factor: float) -> ScaledClock:
    """The line of time this host follows; kept in the store.

    A line given in LOCAL_HOST_CLOCK, by whoever runs several processes on one line, goes before the one of an
    earlier run, which goes before a new one.
    """
    given, kept = os.environ.get(CLOCK_VARIABLE), store.meta(META_CLOCK)
    if given:
        clock = ScaledClock.from_json(given)
    elif kept:
        clock = ScaledClock.from_json(kept).continued(factor)
    else:
        clock = ScaledClock.starting_now(factor)
    with store.transaction():
        store.remember(META_CLOCK, clock.to_json())
    return clock


def thread_count() -> int | None:
    """The worker's number of threads; None means Python's own default."""
    text = os.environ.get(THREADS_VARIABLE)
    return int(text) if text else None


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, port))
    listener.listen()
    return listener


def storage_text(given: str | None) -> str | None:
    """The connection string meant by `--storage`, which may name an app setting instead.

    Raises:
        SettingMissingError: it is neither a connection string nor the name of a setting.
    """
    if given is None or "=" in given:
        return given
    return resolve(f"%{given}%", os.environ)
