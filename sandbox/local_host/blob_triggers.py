"""Runs the app's blob functions by polling containers; one receipt per function, blob and ETag.

A blob is tried five times, then its receipt says poison. Both trigger sources, polling and Event Grid, are served
alike.

Source: Microsoft Learn, "Azure Blob storage trigger for Azure Functions" (blob receipts, poison blobs).
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import azure.functions as func
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobServiceClient, ContainerClient

from sandbox.local_host.clock import Clock, instant_text
from sandbox.local_host.core import LOG
from sandbox.local_host.loader import App, AppFunction, AppInvalidError
from sandbox.local_host.store import Store

POLL_INTERVAL_S = 0.4  # a person at a terminal takes this for at once; the emulator does not mind
ERROR_PAUSE_S = 5.0  # a storage service which does not answer is not asked more often than this
PARAMETER = re.compile(r"\{(\w+)\}")

DONE, TRYING, POISON = "done", "trying", "poison"

Invoke = Callable[[AppFunction, Any], Awaitable[Any]]


@dataclass(frozen=True)
class BlobPath:
    """A trigger's path: the container, what every blob name begins with, and the pattern of the whole name."""

    container: str
    prefix: str
    pattern: re.Pattern[str]


def compile_path(path: str) -> BlobPath:
    """The parts of `container/pattern`; `{name}` matches any text, slashes included.

    Raises:
        AppInvalidError: the container is no fixed name.
    """
    container, _, name = path.strip("/").partition("/")
    if not container or PARAMETER.search(container):
        raise AppInvalidError(f"blob path '{path}' needs a fixed container name")
    name = name or "{blobname}"
    pattern, end = "", 0
    for found in PARAMETER.finditer(name):
        pattern += re.escape(name[end : found.start()]) + f"(?P<{found[1]}>.+)"
        end = found.end()
    pattern += re.escape(name[end:])
    return BlobPath(container, name.partition("{")[0], re.compile(pattern))


class Receipts:
    """Remembers which blobs a function has had."""

    def __init__(self, store: Store, clock: Clock, try_max: int) -> None:
        self._store = store
        self._clock = clock
        self._try_max = try_max
        found = store.rows("SELECT function, blob, etag FROM receipts WHERE state<>?", TRYING)
        self._settled = {(row["function"], row["blob"], row["etag"]) for row in found}

    def is_settled(self, function: str, blob: str, etag: str) -> bool:
        """Whether the function is done with this version of the blob, or has given it up."""
        return (function, blob, etag) in self._settled

    def begin_try(self, function: str, blob: str, etag: str) -> None:
        """Count one more try before it is made, so that a crash counts too."""
        with self._store.transaction():
            self._store.run(
                "INSERT INTO receipts VALUES (?,?,?,1,?,?) ON CONFLICT (function, blob, etag)"
                " DO UPDATE SET tries=tries+1, updated_utc=excluded.updated_utc",
                *(function, blob, etag, TRYING, instant_text(self._clock.now_utc())),
            )

    def end_try(self, function: str, blob: str, etag: str, *, succeeded: bool) -> str:
        """Write down how a try ended; return the receipt's state."""
        key = (function, blob, etag)
        found = self._store.row(
            "SELECT tries FROM receipts WHERE function=? AND blob=? AND etag=?", *key
        )
        tries = found["tries"] if found else 0
        state = DONE if succeeded else POISON if tries >= self._try_max else TRYING
        with self._store.transaction():
            self._store.run(
                "UPDATE receipts SET state=? WHERE function=? AND blob=? AND etag=?", state, *key
            )
        if state != TRYING:
            self._settled.add(key)
        return state

    def poisoned(self) -> list[tuple[str, str]]:
        """Function and blob of every blob which was given up."""
        found = self._store.rows("SELECT function, blob FROM receipts WHERE state=?", POISON)
        return [(row["function"], row["blob"]) for row in found]


class BlobTriggers:
    """Watches the containers of an app's blob functions."""

    def __init__(
        self, app: App, receipts: Receipts, connection: str, parallel_max: int, invoke: Invoke
    ) -> None:
        self._functions = [
            (one, compile_path(one.trigger["path"])) for one in app.of_kind("blobTrigger")
        ]
        self._receipts = receipts
        self._connection = connection
        self._slots = asyncio.Semaphore(parallel_max)
        self._invoke = invoke
        self._busy: set[tuple[str, str]] = set()

    async def run(self) -> None:
        """Run until cancelled."""
        if not self._functions:
            return
        async with (
            BlobServiceClient.from_connection_string(self._connection) as service,
            asyncio.TaskGroup() as jobs,
        ):
            for function, path in self._functions:
                jobs.create_task(self._watch(service, function, path, jobs))

    async def run_by_hand(self, name: str, full_name: str) -> bool:
        """Run a blob function on `container/blob`, receipts aside; False when there is none of this name."""
        function = next((one for one, _ in self._functions if one.name == name), None)
        if function is None:
            return False
        container_name, _, blob_name = full_name.partition("/")
        async with BlobServiceClient.from_connection_string(self._connection) as service:
            container = service.get_container_client(container_name)
            await self._call(function, await blob_input(container, blob_name, {}))
        return True

    async def _watch(
        self,
        service: BlobServiceClient,
        function: AppFunction,
        path: BlobPath,
        jobs: asyncio.TaskGroup,
    ) -> None:
        container = service.get_container_client(path.container)
        while True:
            try:
                await self._look(container, function, path, jobs)
            except ResourceNotFoundError:
                LOG.debug("container %s is not there yet", path.container)
            except AzureError as fault:
                LOG.warning("storage cannot be listed: %s", type(fault).__name__)
                await asyncio.sleep(ERROR_PAUSE_S)
            await asyncio.sleep(POLL_INTERVAL_S)

    async def _look(
        self,
        container: ContainerClient,
        function: AppFunction,
        path: BlobPath,
        jobs: asyncio.TaskGroup,
    ) -> None:
        async for blob in container.list_blobs(name_starts_with=path.prefix or None):
            found = path.pattern.fullmatch(blob.name)
            full_name = f"{path.container}/{blob.name}"
            key = (function.name, full_name)
            if not found or key in self._busy:
                continue
            if not self._receipts.is_settled(function.name, full_name, str(blob.etag)):
                self._busy.add(key)
                jobs.create_task(self._try(container, function, blob, found.groupdict()))

    async def _try(
        self,
        container: ContainerClient,
        function: AppFunction,
        blob: BlobProperties,
        parameters: dict[str, str],
    ) -> None:
        full_name, etag = f"{container.container_name}/{blob.name}", str(blob.etag)
        try:
            async with self._slots:
                trigger = await blob_input(container, str(blob.name), parameters)
                self._receipts.begin_try(function.name, full_name, etag)
                succeeded = await self._call(function, trigger)
                state = self._receipts.end_try(function.name, full_name, etag, succeeded=succeeded)
                if state == POISON:
                    LOG.warning("function %s gave up a blob: poison", function.name)
        except ResourceNotFoundError:
            LOG.info("a blob for function %s went before it was read", function.name)
        except AzureError as fault:
            LOG.warning("storage cannot be read: %s", type(fault).__name__)
        finally:
            self._busy.discard((function.name, full_name))

    async def _call(self, function: AppFunction, trigger: Any) -> bool:
        LOG.info("blob function %s runs", function.name)
        try:
            await self._invoke(function, trigger)
        except Exception as raised:  # noqa: BLE001 - whatever the app raises counts as one failed try
            LOG.warning("blob function %s failed with %s", function.name, type(raised).__name__)
            return False
        return True


async def blob_input(container: ContainerClient, name: str, parameters: dict[str, str]) -> Any:
    """The value of a blob function's parameter: the whole blob in memory, as the worker has it."""
    client = container.get_blob_client(name)
    download = await client.download_blob()
    content = await download.readall()
    properties = download.properties
    metadata = {
        "BlobTrigger": func.meta.Datum(f"{container.container_name}/{name}", "string"),
        "Uri": func.meta.Datum(json.dumps(client.url.partition("?")[0]), "json"),
        "Properties": func.meta.Datum(
            json.dumps({"ETag": properties.etag, "Length": len(content)}), "json"
        ),
        "Metadata": func.meta.Datum(json.dumps(dict(properties.metadata or {})), "json"),
        **{key: func.meta.Datum(value, "string") for key, value in parameters.items()},
    }
    registry: Any = func.get_binding_registry  # untyped in azure-functions
    datum = func.meta.Datum(content, "bytes")
    return registry().get("blobTrigger").decode(datum, trigger_metadata=metadata)
