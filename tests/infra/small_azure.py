"""Azure's own addresses in small, on loopback: storage that takes tokens only of an identity, a vault, and the identity's endpoint.

The emulator misreads transactions on tables when the account is named by the host, so tables are reached through a door that names it in
the path. The app is given nothing but production's settings. A proxy leads the three public names here and no other name anywhere; TLS is verified
against an authority made for the test. What differs from Azure: the emulator reads a token's issuer, audience and lifetime, but neither its
signature nor its roles.

Sources: "Use the Azurite emulator", OAuth; "Keys: Get Key, Unwrap Key", Key Vault REST API; Microsoft Learn.
"""

import asyncio
import base64
import contextlib
import os
import secrets
import ssl
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Self

import jwt
from aiohttp import ClientSession, TCPConnector, web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from yarl import URL

from sandbox.faces import managed_identity
from sandbox.rig.azurite import AZURITE, free_ports, wait_for_port
from sandbox.world.world import World
from tests.infra.certificates import certificate_for

ACCOUNT, VAULT, KEY = "stbasculeabcdefghijklm", "kvk-abcdefghijklm", "batch-wrapping"
VAULT_HOST = f"{VAULT}.vault.azure.net"
TABLE_HOST = f"{ACCOUNT}.table.core.windows.net"
PASSED_ON = ("authorization", "content-type", "accept", "if-match", "prefer", "dataserviceversion")
STORAGE, VAULTS = "https://storage.azure.com", "https://vault.azure.net"
VERSION = "0123456789abcdef0123456789abcdef"
START_S, STOP_S = 60.0, 10.0


class SmallAzure:
    """Open as long as the `with` block; `environment` is what the platform would set around the app."""

    def __init__(self, folder: Path, world: World) -> None:
        self._folder, self._world = folder, world
        names = [f"{ACCOUNT}.{kind}.core.windows.net" for kind in ("blob", "queue", "table")]
        self._certificate = certificate_for(folder, [*names, VAULT_HOST])
        self._ports = dict(zip(names, free_ports(3), strict=True))
        self._account_key = base64.b64encode(secrets.token_bytes(64)).decode()
        self._vault_key = rsa.generate_private_key(65537, 3072)
        self._header = managed_identity.identity_header(world)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._places: Future[tuple[int, int]] = Future()
        self._stop: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._storage: subprocess.Popen[bytes] | None = None
        self.strangers: list[str] = []
        """Every name that was asked for and is not Azure's."""

    @property
    def environment(self) -> dict[str, str]:
        """Proxy, authority and identity endpoint."""
        proxy, identity = self._places.result(START_S)
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{proxy}",
            "NO_PROXY": "127.0.0.1,localhost",
            "REQUESTS_CA_BUNDLE": str(self._certificate.ca_file),
            "SSL_CERT_FILE": str(self._certificate.ca_file),
            "IDENTITY_ENDPOINT": f"http://127.0.0.1:{identity}{managed_identity.PATH}",
            "IDENTITY_HEADER": self._header,
        }

    @property
    def host_storage(self) -> str:
        """For the host's own look at the uploads, never for the app: in Azure, Event Grid looks."""
        port = self._ports[f"{ACCOUNT}.blob.core.windows.net"]
        ends = f"BlobEndpoint=https://127.0.0.1:{port}/{ACCOUNT};"
        return f"AccountName={ACCOUNT};AccountKey={self._account_key};{ends}"

    def __enter__(self) -> Self:
        self._storage = subprocess.Popen(
            self._command(),
            cwd=self._folder,
            env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{self._account_key}"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._thread.start()
        for port in self._ports.values():
            wait_for_port(port)
        self._places.result(START_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stop:
            self._stop[0].call_soon_threadsafe(self._stop[1].set)
        self._thread.join(STOP_S)
        if self._storage:
            self._storage.terminate()
            self._storage.wait(STOP_S)

    def _command(self) -> list[str]:
        fixed = ["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence"]
        pair = self._certificate
        tls = ["--oauth", "basic", "--cert", str(pair.cert_file), "--key", str(pair.key_file)]
        ports = [
            word
            for kind, port in zip(("blob", "queue", "table"), self._ports.values(), strict=True)
            for word in (f"--{kind}Port", str(port))
        ]
        return [str(AZURITE), *fixed, *tls, *ports]

    async def _serve(self) -> None:
        stop = asyncio.Event()
        self._stop = (asyncio.get_running_loop(), stop)
        async with contextlib.AsyncExitStack() as stack:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(self._certificate.cert_file, self._certificate.key_file)
            vault = await _open(stack, self._vault(), tls)
            identity = await _open(stack, self._identity(), None)
            tables = await _open(stack, await self._tables(stack), tls)
            doors = {**self._ports, VAULT_HOST: vault, TABLE_HOST: tables}
            proxy = await asyncio.start_server(lambda r, w: self._connect(doors, r, w), "127.0.0.1")
            stack.callback(proxy.close)
            self._places.set_result((int(proxy.sockets[0].getsockname()[1]), identity))
            await stop.wait()

    def _identity(self) -> web.Application:
        application = web.Application()
        (faces,) = list(managed_identity.routes(self._world))

        async def token(request: web.Request) -> web.StreamResponse:
            resource = request.query.get("resource", "")
            if resource not in (STORAGE, VAULTS):
                return await faces.handler(request)  # type: ignore[attr-defined, no-any-return]
            if request.headers.get(managed_identity.HEADER) != self._header:
                return web.json_response({}, status=403)
            return web.json_response(_token(resource, request.query["client_id"]))

        application.router.add_get(managed_identity.PATH, token)
        return application

    def _vault(self) -> web.Application:
        application = web.Application(middlewares=[_challenge])
        application.router.add_get(f"/keys/{KEY}{{version:(/.*)?}}", self._show_key)
        application.router.add_post(f"/keys/{KEY}/{VERSION}/unwrapkey", self._unwrap)
        return application

    async def _tables(self, stack: contextlib.AsyncExitStack) -> web.Application:
        trusted = ssl.create_default_context(cafile=str(self._certificate.ca_file))
        connector = TCPConnector(ssl=trusted)
        client = await stack.enter_async_context(ClientSession(connector=connector))
        there = f"https://127.0.0.1:{self._ports[TABLE_HOST]}/{ACCOUNT}"

        async def forward(request: web.Request) -> web.Response:
            said = (await request.read()).replace(f"https://{TABLE_HOST}".encode(), there.encode())
            url = URL(f"{there}{request.rel_url.raw_path_qs}", encoded=True)
            kept = {name: text for name, text in request.headers.items() if _is_passed_on(name)}
            async with client.request(request.method, url, data=said, headers=kept) as answer:
                back = {name: text for name, text in answer.headers.items() if _is_passed_on(name)}
                return web.Response(status=answer.status, body=await answer.read(), headers=back)

        application = web.Application(client_max_size=32 * 1024 * 1024)
        application.router.add_route("*", "/{anything:.*}", forward)
        return application

    async def _show_key(self, request: web.Request) -> web.Response:
        del request
        numbers = self._vault_key.public_key().public_numbers()
        key = {"kid": _key_id(), "kty": "RSA", "key_ops": ["wrapKey", "unwrapKey"]}
        key |= {
            "n": _text(numbers.n.to_bytes(384, "big")),
            "e": _text(numbers.e.to_bytes(3, "big")),
        }
        return web.json_response({"key": key, "attributes": {"enabled": True}})

    async def _unwrap(self, request: web.Request) -> web.Response:
        wrapped = await request.json()
        assert wrapped["alg"] == "RSA-OAEP-256"
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        sealed = base64.urlsafe_b64decode(wrapped["value"] + "==")
        opened = self._vault_key.decrypt(sealed, oaep)
        return web.json_response({"kid": _key_id(), "value": _text(opened)})

    async def _connect(
        self, doors: dict[str, int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        line = (await reader.readuntil(b"\r\n\r\n")).split(b" ")
        host = line[1].rpartition(b":")[0].decode()
        if line[0] != b"CONNECT" or host not in doors:
            self.strangers.append(host)
            writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            writer.close()
            return
        there = await asyncio.open_connection("127.0.0.1", doors[host])
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        # The end of the loop cancels who still waits; nobody has to hear of it.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(_pipe(reader, there[1]), _pipe(there[0], writer))


async def _open(
    stack: contextlib.AsyncExitStack, application: web.Application, tls: ssl.SSLContext | None
) -> int:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    return int(runner.addresses[0][1])


def _is_passed_on(name: str) -> bool:
    return name.lower() in (*PASSED_ON, "etag") or name.lower().startswith("x-ms-")


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
    writer.close()


@web.middleware
async def _challenge(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """The vault's first answer says where tokens come from. Source: "Authentication, requests and responses", Key Vault."""
    if request.headers.get("Authorization", "").startswith("Bearer "):
        return await handler(request)
    where = f'Bearer authorization="https://login.microsoftonline.com/tenant", resource="{VAULTS}"'
    return web.json_response({}, status=401, headers={"WWW-Authenticate": where})


def _key_id() -> str:
    return f"https://{VAULT_HOST}/keys/{KEY}/{VERSION}"


def _token(resource: str, client_id: str) -> dict[str, str]:
    now_s = int(time.time())
    claims = {"aud": resource, "iss": "https://sts.windows.net/tenant/", "appid": client_id}
    claims_s = {"iat": now_s, "nbf": now_s, "exp": now_s + 3600}
    return {
        "access_token": jwt.encode(claims | claims_s, secrets.token_bytes(32), "HS256"),
        "expires_on": str(now_s + 3600),
        "resource": resource,
        "token_type": "Bearer",
        "client_id": client_id,
    }


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
