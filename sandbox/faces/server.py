"""All faces of one world, on free loopback ports, in one event loop in one thread.

with Faces(world) as faces:
    faces.addresses["graph_url"]     # the same mapping as the ports-file
"""

import asyncio
import concurrent.futures
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from sandbox.faces import exchange, graph, token
from sandbox.faces.dns import open_dns
from sandbox.faces.imap_server import ImapServer, Security
from sandbox.faces.private_ca import PrivateCa, private_ca
from sandbox.faces.smtp import source_smtp, tenant_smtp
from sandbox.world.aliases import AliasTable, FileAliases
from sandbox.world.world import World

LOOPBACK = "127.0.0.1"

# Mail flows even when nobody asks: the world is looked at this often.
TICK_S = 0.05

# Starting takes milliseconds; a machine under load may need seconds, never this long.
START_S = 60.0
STOP_S = 60.0

# A batch file of 10 MB arrives as JSON with every octet as a number.
HTTP_BODY_BYTES_MAX = 64 * 1024 * 1024


class Faces:
    """The running servers of one world."""

    def __init__(
        self,
        world: World,
        *,
        imap_security: Security = Security.NONE,
        alias_path: Path | None = None,
        ca_file: Path | None = None,
    ) -> None:
        """`alias_path`: share the alias rows as an SQLite file there. `ca_file`: where the private CA is written."""
        self._world = world
        self._security = imap_security
        self._ca_file = ca_file
        self._alias_path = alias_path
        self._thread = threading.Thread(target=self._run, name="faces", daemon=True)
        self._started: Future[dict[str, Any]] = Future()
        self._ended: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    @property
    def addresses(self) -> dict[str, Any]:
        """Where everything listens, with the credentials to be used there; the content of the ports-file."""
        return self._started.result(START_S)

    def __enter__(self) -> Self:
        if self._alias_path is not None:
            self._world.share_aliases(AliasTable(self._alias_path))
        self._thread.start()
        self._started.result(START_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._loop is not None and self._stop is not None and not self._ended.done():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_S)
        self._ended.result(STOP_S)

    def wait(self, timeout_s: float) -> bool:
        """Whether the servers went down within this time, by a fault of the world; leaving tells which."""
        return bool(concurrent.futures.wait([self._ended], timeout_s).done)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
            self._ended.set_result(None)
        except BaseException as problem:  # noqa: BLE001 - handed to whoever waits in the other thread
            if not self._started.done():
                self._started.set_exception(problem)
            self._ended.set_exception(problem)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with AsyncExitStack() as stack:
            ticker = asyncio.create_task(self._tick())
            stopped = asyncio.create_task(self._stop.wait())
            stack.callback(ticker.cancel)
            stack.callback(stopped.cancel)
            self._started.set_result(await self._open_all(stack))
            done, _ = await asyncio.wait({ticker, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if ticker in done:
                await ticker

    async def _tick(self) -> None:
        while True:
            with self._world.kernel.look():
                pass
            await asyncio.sleep(TICK_S)

    async def _open_all(self, stack: AsyncExitStack) -> dict[str, Any]:
        imap = await self._open_imap(stack)
        tenant = await _open_smtp(stack, self._world, tenant_smtp)
        source = await _open_smtp(stack, self._world, source_smtp)
        dns = await open_dns(self._world, LOOPBACK, stack.callback)
        return {
            **_http_addresses(self._world, await self._open_http(stack)),
            "tenant_smtp": {"host": LOOPBACK, "port": tenant},
            "source_imap": imap,
            "dns": dns,
            "source_smtp": {"host": LOOPBACK, "port": source},
            **_alias_map(self._world),
            "accounts": [
                {"address": box.address, "user_name": box.user_name, "password": box.password}
                for box in self._world.source.all()
            ],
        }

    async def _open_http(self, stack: AsyncExitStack) -> int:
        application = web.Application(client_max_size=HTTP_BODY_BYTES_MAX)
        for face in (token, graph, exchange):
            application.add_routes(face.routes(self._world))
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, LOOPBACK, 0).start()
        return int(runner.addresses[0][1])

    async def _open_imap(self, stack: AsyncExitStack) -> dict[str, Any]:
        ca = self._private_ca(stack)
        imap = ImapServer(self._world, self._security, ca.context if ca else None)
        server = await imap.start(LOOPBACK)
        stack.push_async_callback(imap.hang_up)
        stack.push_async_callback(_closed(server))
        place = {"host": LOOPBACK, "port": _port(server), "security": self._security.value}
        return place | ({"ca_file": str(ca.ca_file)} if ca else {})

    def _private_ca(self, stack: AsyncExitStack) -> PrivateCa | None:
        if self._security is Security.NONE:
            return None
        ca_file = self._ca_file
        if ca_file is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bascule-ca-"))
            ca_file = Path(folder) / "ca.pem"
        return private_ca(ca_file, datetime.fromtimestamp(time.time(), UTC))


async def _open_smtp(
    stack: AsyncExitStack, world: World, connection: Callable[[World], asyncio.Protocol]
) -> int:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: connection(world), LOOPBACK, 0)
    stack.push_async_callback(_closed(server))
    return _port(server)


def _closed(server: asyncio.Server) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        server.close()
        await server.wait_closed()

    return close


def _port(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


def _http_addresses(world: World, port: int) -> dict[str, str]:
    base, tenant = f"http://{LOOPBACK}:{port}", world.tenant
    return {
        "tenant_id": tenant.tenant_id,
        "client_id": tenant.app.client_id,
        "client_secret": tenant.app.client_secret,
        "token_url": f"{base}/{tenant.tenant_id}/oauth2/v2.0/token",
        "graph_url": f"{base}/v1.0",
        "exchange_url": f"{base}/adminapi/beta/{tenant.tenant_id}",
    }


def _alias_map(world: World) -> dict[str, Any]:
    if not isinstance(world.aliases, FileAliases):
        return {}
    table = world.aliases.table
    return {
        "alias_map": {
            "driver": "sqlite",
            "path": str(table.path),
            "table": table.table,
            "source_column": table.source_column,
            "destination_column": table.destination_column,
        }
    }
