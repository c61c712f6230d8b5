"""Everything a rehearsal needs, started together on one line of time and stopped again.

with Rig(folder, seed=1, speed=600) as rig:
    people = populate(rig.world, 12)
    rig.open()                      # faces, storage, app
    rig.upload("pilot", csv)
"""

import secrets
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient

from sandbox.faces.server import Faces
from sandbox.local_host.clock import CLOCK_VARIABLE, ScaledClock, real_now_utc
from sandbox.rig.app_process import AppProcess
from sandbox.rig.azurite import Azurite
from sandbox.rig.plan_text import MESSAGE_SIZE_MAX_BYTES, merged, plan_text
from sandbox.rig.source_host import EmbeddedSource, SourceHost
from sandbox.world.coexistence import Coexistence, prepare_coexistence
from sandbox.world.naming import Naming
from sandbox.world.weather import CALM, Weather
from sandbox.world.world import World

KEY_BYTES = 32
ALIAS_MAP_STEPS = ("survey_source", "check_route", "find_bypasses", "switch_route")


@dataclass(frozen=True)
class RigOptions:
    """How the rehearsal runs. `speed` is virtual seconds in a real second."""

    seed: int = 1
    speed: float = 600.0
    weather: Weather = CALM
    plan: Path | None = None
    naming: Naming | None = None
    storage_on_disk: bool = False
    start_utc: datetime | None = None
    """Where virtual time begins; now unless given. Two runs of one seed and start have the same mail."""


class Rig:
    """The world is there from the beginning; `open` starts the servers and the app."""

    def __init__(self, folder: Path, options: RigOptions, source: SourceHost | None = None) -> None:
        """`folder` is private to this run: keys, state and log stand in it. `source`: the embedded one unless given."""
        self.folder = folder
        self.options = options
        self._source: SourceHost = source or EmbeddedSource(folder / "aliases.db")
        now_utc = real_now_utc()
        # Time stands still until `open`, so that what is prepared does not depend on how fast the machine is.
        self.clock = ScaledClock(now_utc, options.start_utc or now_utc, 0.0)
        # The plan's limit and the service's are one number, or the certificate would name what had arrived.
        weather = replace(options.weather, migration_message_max_bytes=MESSAGE_SIZE_MAX_BYTES)
        self.world = World(options.seed, self._now_utc, weather, naming=options.naming)
        self.coexistence: Coexistence = prepare_coexistence(self.world)
        self._stack = ExitStack()
        self.storage = ""
        self.addresses: Mapping[str, Any] = {}
        self.app = AppProcess(folder, {})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def open(self) -> None:
        """Start the storage, the faces and the app, in this order."""
        self.clock = self.clock.continued(self.options.speed)
        data = self.folder / "storage" if self.options.storage_on_disk else None
        azurite = self._stack.enter_context(Azurite(self.folder, data))
        self.storage = azurite.connection_string
        faces = Faces(self.world, alias_path=self._source.alias_path)
        self.addresses = self._stack.enter_context(faces).addresses
        self._source.open(self.world, self.addresses)
        (self.folder / "plan.toml").write_text(self._plan(), encoding="utf-8")
        key = self.folder / "wrapping.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(KEY_BYTES))
        self.app = AppProcess(self.folder, self._environment())
        self._stack.callback(self._stop_app)
        self.app.start()

    def go_on_at(self, speed: float) -> None:
        """Carry this line of time on at another speed; the app starts anew, because it reads its clock once."""
        self.app.stop()
        self.clock = self.clock.continued(speed)
        self.app = AppProcess(self.folder, self._environment())
        self.app.start()

    def upload(self, batch: str, content: bytes) -> None:
        """Put a batch file into its container with the storage SDK, as an operator's tool does."""
        service = BlobServiceClient.from_connection_string(self.storage)
        with service, service.get_container_client("batches") as container:
            with suppress(ResourceExistsError):  # the app may have made it first
                container.create_container()
            container.upload_blob(f"{batch}.csv", content, overwrite=True)

    def report(self, path: str) -> bytes:
        """A report that the app wrote."""
        service = BlobServiceClient.from_connection_string(self.storage)
        with service, service.get_blob_client("reports", path) as blob:
            return blob.download_blob().readall()

    def uploads_left(self) -> list[str]:
        """Names of the batch files that the app has not taken in: they hold passwords."""
        service = BlobServiceClient.from_connection_string(self.storage)
        with service, service.get_container_client("batches") as container:
            return sorted(blob.name for blob in container.list_blobs())

    def calls(self, kind: str) -> int:
        """How often a system was called: graph, exchange, imap_sessions, alias_map."""
        if kind != "alias_map":
            return self.world.calls[kind]
        # The app opens the file itself; what is seen of it is which steps ran.
        log = self.app.log_path.read_text(encoding="utf-8")
        return sum(log.count(f"activity {step} runs") for step in ALIAS_MAP_STEPS)

    def _stop_app(self) -> None:
        """Whichever runs then: a change of speed starts another one."""
        self.app.stop()

    def _now_utc(self) -> datetime:
        return self.clock.now_utc()

    def _plan(self) -> str:
        places = self._source.places()
        played = plan_text(self.world, self.coexistence, self.addresses, places)
        if self.options.plan is None:
            return played
        return merged(self.options.plan.read_text(encoding="utf-8"), played)

    def _environment(self) -> dict[str, str]:
        said = {name: str(value) for name, value in self.addresses.items()}
        return {
            CLOCK_VARIABLE: self.clock.to_json(),
            "AzureWebJobsStorage": self.storage,
            "BASCULE_STORAGE": self.storage,
            "BASCULE_PLAN": str(self.folder / "plan.toml"),
            "BASCULE_KEY": str(self.folder / "wrapping.key"),
            "BASCULE_GRAPH_URL": said["graph_url"],
            "BASCULE_EXCHANGE_URL": said["exchange_url"].partition("/adminapi")[0],
            "BASCULE_TOKEN_URL": said["token_url"],
            "BASCULE_CLIENT_ID": said["client_id"],
            "BASCULE_CLIENT_SECRET": said["client_secret"],
            **self._source.environment(),
        }
