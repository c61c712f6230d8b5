"""All faces at once: they start, say where they are, keep time, and stop without a trace."""

import json
import socket
import stat
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sandbox.faces.server import Faces
from sandbox.world.aliases import FileAliases
from sandbox.world.population import populate
from sandbox.world.world import World

# A loaded machine takes its time to start a process.
START_PATIENCE_S = 60.0
LOOK_INTERVAL_S = 0.05


def noon() -> datetime:
    """The clock of these tests stands still."""
    return datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_the_addresses_say_all_that_a_client_needs(tmp_path: Path) -> None:
    """The product is configured from this mapping alone."""
    world = World(1, noon)
    (person,) = populate(world, 1)

    with Faces(world, alias_path=tmp_path / "aliases.db") as faces:
        found = faces.addresses

    assert set(found) == {
        "tenant_id", "client_id", "client_secret", "token_url", "graph_url", "exchange_url",
        "tenant_smtp", "source_imap", "source_smtp", "alias_map", "accounts", "dns",
    }  # fmt: skip
    assert found["token_url"].endswith("/oauth2/v2.0/token")
    assert found["graph_url"].endswith("/v1.0")
    assert found["exchange_url"].endswith(f"/adminapi/beta/{world.tenant.tenant_id}")
    assert found["accounts"][0]["address"] == person.address
    assert found["alias_map"]["path"] == str(tmp_path / "aliases.db")


def test_shared_alias_rows_keep_what_was_there(tmp_path: Path) -> None:
    """Postfix and the product must read the rows that the population wrote."""
    world = World(1, noon)
    (person,) = populate(world, 1)

    with Faces(world, alias_path=tmp_path / "aliases.db"):
        rows = world.aliases.rows_of(person.address)

    assert isinstance(world.aliases, FileAliases)
    assert rows == [world.naming.source_address(person.address)]


def test_time_passes_without_anybody_asking() -> None:
    """Mail must flow while the product sleeps on a timer."""
    world = World(1, noon)
    happened = threading.Event()

    with Faces(world):
        world.kernel.at(noon(), happened.set)

        assert happened.wait(10)


def test_nothing_is_left_behind() -> None:
    """A port or a thread that stays makes the next run fail for no reason of its own."""
    before = set(threading.enumerate())
    with Faces(World(1, noon)) as faces:
        place = faces.addresses["source_imap"]
        idle = socket.create_connection((place["host"], place["port"]), timeout=10)
        assert idle.recv(4) == b"* OK"

    with idle, pytest.raises(OSError, match="refused"):
        socket.create_connection((place["host"], place["port"]), timeout=10)
    assert set(threading.enumerate()) == before


def test_a_fault_of_the_world_is_told_to_whoever_runs_it() -> None:
    """A world that stopped silently looks like a product that hangs."""
    world = World(1, noon)

    def fault() -> None:
        raise RuntimeError("two of one kind")

    faces = Faces(world)
    faces.__enter__()
    world.kernel.at(noon(), fault)

    with pytest.raises(RuntimeError, match="two of one kind"):
        _wait_and_leave(faces)


def _wait_and_leave(faces: Faces) -> None:
    faces.wait(10)
    faces.__exit__(None, None, None)


def test_an_unknown_path_is_not_found() -> None:
    """A face that answers everything would hide a wrong address in the product's settings."""
    with Faces(World(1, noon)) as faces:
        base = faces.addresses["graph_url"].removesuffix("/v1.0")

        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{base}/beta/users", timeout=10)


def test_the_command_writes_its_ports_file_and_stops_when_told(tmp_path: Path) -> None:
    """Scripts wait for the file and end the process with SIGTERM."""
    ports_file = tmp_path / "ports.json"
    command = [sys.executable, "-m", "sandbox.faces", "--ports-file", str(ports_file)]
    with subprocess.Popen([*command, "--people", "2", "--speed", "60", "--prepared"]) as process:
        try:
            addresses = _when_there(ports_file)
        finally:
            process.terminate()

    assert process.returncode == 0
    assert len(addresses["accounts"]) == 2
    assert addresses["coexistence"]["group_address"].startswith("utilisateurs.non.migres@")
    assert stat.S_IMODE(ports_file.stat().st_mode) == 0o600
    assert not Path(addresses["alias_map"]["path"]).exists()


def _when_there(path: Path) -> dict[str, Any]:
    waiting = threading.Event()
    for _ in range(int(START_PATIENCE_S / LOOK_INTERVAL_S)):
        if path.exists():
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return found
        waiting.wait(LOOK_INTERVAL_S)
    raise AssertionError(f"no ports-file within {START_PATIENCE_S:.0f} s")
