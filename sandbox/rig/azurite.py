"""The storage emulator as a child process on free loopback ports."""

import socket
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

REPOSITORY = Path(__file__).parents[2]
AZURITE = REPOSITORY / "node_modules" / ".bin" / "azurite"
# The emulator's well-known account. Source: "Use the Azurite emulator", Microsoft Learn.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
START_PATIENCE_S = 60.0
LOOK_INTERVAL_S = 0.05
STOP_PATIENCE_S = 10.0


class Azurite:
    """Blobs, queues and tables that live as long as the `with` block; on disk only when a folder is given."""

    def __init__(self, work_folder: Path, data_folder: Path | None = None) -> None:
        """`work_folder`: where it starts, because it leaves a settings file there."""
        self._work_folder = work_folder
        self._data_folder = data_folder
        self._ports = free_ports(3)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def connection_string(self) -> str:
        """With the well-known account and its key."""
        names = ("Blob", "Queue", "Table")
        ends = [
            f"{name}Endpoint=http://127.0.0.1:{port}/{ACCOUNT}"
            for name, port in zip(names, self._ports, strict=True)
        ]
        account = ["DefaultEndpointsProtocol=http", f"AccountName={ACCOUNT}"]
        return ";".join([*account, f"AccountKey={ACCOUNT_KEY}", *ends]) + ";"

    def __enter__(self) -> Self:
        if not AZURITE.exists():
            raise FileNotFoundError(f"{AZURITE} is not installed: run `make setup`")
        self._process = subprocess.Popen(  # noqa: S603  a fixed program with our own arguments
            self._command(),
            cwd=self._work_folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for port in self._ports:
            wait_for_port(port)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(STOP_PATIENCE_S)

    def _command(self) -> list[str]:
        command = [str(AZURITE), "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
        for name, port in zip(("blob", "queue", "table"), self._ports, strict=True):
            command += [f"--{name}Port", str(port)]
        if self._data_folder is None:
            return [*command, "--inMemoryPersistence"]
        return [*command, "--location", str(self._data_folder)]


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_for_port(port: int) -> None:
    """Wait until something listens there. Raises TimeoutError when nothing does in time."""
    for _ in range(int(START_PATIENCE_S / LOOK_INTERVAL_S)):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            threading.Event().wait(LOOK_INTERVAL_S)
        else:
            return
    raise TimeoutError(f"nothing listens on port {port} after {START_PATIENCE_S} s")
