"""What every test may ask for: the storage emulator, and names that no other test uses."""

import shutil
import socket
import subprocess
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

AZURITE = Path(__file__).parents[1] / "node_modules" / ".bin" / "azurite"
# The emulator's well-known account. Source: "Use the Azurite emulator", Microsoft Learn.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
START_PATIENCE_S = 30
LOOK_INTERVAL_S = 0.05
STOP_PATIENCE_S = 10


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of a storage emulator that lives as long as the test run; takes two seconds to start."""
    if not AZURITE.exists() or shutil.which("node") is None:
        pytest.skip("the storage emulator is not installed: make setup")
    blob, queue, table = free_ports(3)
    command = [str(AZURITE), "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    command += ["--inMemoryPersistence", "--blobPort", str(blob), "--queuePort", str(queue)]
    command += ["--tablePort", str(table)]
    # In its own folder, because it leaves a settings file where it is started.
    folder, silent = tmp_path_factory.mktemp("azurite"), subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=folder, stdout=silent, stderr=silent)
    try:
        for port in (blob, queue, table):
            wait_for_port(port)
        yield connection_string(blob, queue, table)
    finally:
        process.terminate()
        process.wait(STOP_PATIENCE_S)


@pytest.fixture
def table_prefix() -> str:
    """A table prefix that no other test uses."""
    return f"t{uuid.uuid4().hex[:12]}"


def connection_string(blob: int, queue: int, table: int) -> str:
    """The connection string of an emulator on these ports."""
    hosts = {"Blob": blob, "Queue": queue, "Table": table}
    ends = [f"{name}Endpoint=http://127.0.0.1:{port}/{ACCOUNT}" for name, port in hosts.items()]
    parts = ["DefaultEndpointsProtocol=http", f"AccountName={ACCOUNT}", f"AccountKey={ACCOUNT_KEY}"]
    return ";".join([*parts, *ends]) + ";"


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
