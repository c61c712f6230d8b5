"""Passwords that can be told from everything else are sent through a whole batch, and looked for everywhere after it."""

import base64
import gzip
import json
import threading
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from sandbox.world.population import Person
from tests.end_to_end.killer import Killer
from tests.end_to_end.leak_scanner import leaks, leaks_in_file
from tests.end_to_end.mistaken_file import mistaken_file
from tests.end_to_end.rehearsal import (
    COLUMNS,
    REQUEST_TIMEOUT_S,
    Rehearsal,
    csv_of,
    csv_rows,
    rehearsal,
)

# The killed host loads every library anew at each start.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

KILL_COUNT = 6
PROCESSES = Path("/proc")
LOOK_INTERVAL_S = 0.05
# Octets of deleted blobs lie in the emulator's extents until its collector runs, minutes later, as deleted blocks do
# on any disk: a property of the emulator, not of the app. What blobs there are is read through the API instead.
EXTENTS = "__blobstorage__"


@dataclass
class Secrets:
    """The canaries by what they were, and where any of them was seen while the batch ran."""

    by_use: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def new(self, use: str) -> str:
        """A password like no other text, which the directory's rules accept."""
        self.by_use[use] = f"Kanari{len(self.by_use):03d}vogel{use.title()}Zq7"
        return self.by_use[use]

    def look(self, where: str, content: bytes) -> None:
        """Note every canary in the content."""
        self.seen |= {f"{where}: {secret}" for secret in leaks(content, self.by_use.values())}


class CommandLines:
    """Reads the command line of every process of the machine again and again, while the `with` block lasts."""

    def __init__(self) -> None:
        self.read: set[bytes] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="command lines")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_INTERVAL_S):
            for process in PROCESSES.glob("[0-9]*/cmdline"):
                try:
                    self.read.add(process.read_bytes())
                except OSError:
                    continue  # it has ended since it was listed


@dataclass(frozen=True)
class Aftermath:
    """What is left when everything has stopped."""

    folder: Path
    secrets: Secrets
    command_lines: frozenset[bytes]
    stages: dict[str, int]
    kill_count: int


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    """A batch with refusals, mistakes, a wrong password, a changed file and kills; stopped, so that all is written."""
    run = rehearsal(tmp_path_factory.mktemp("secrets") / "rig", 4, disk=True)
    secrets = Secrets()
    people = tuple(_with_canary(run, person, secrets) for person in run.people)
    with run.rig, CommandLines() as lines:
        run.rig.open()
        killer = Killer(run, seed=3, count_max=KILL_COUNT)
        run.disturb = killer.watch
        _refusals(run, people, secrets)
        _life(run, people, secrets)
        stages = run.batch("pilot")["stages"]
    return Aftermath(run.rig.folder, secrets, frozenset(lines.read), stages, killer.count)


def test_no_password_is_in_any_answer_history_table_blob_or_mail(
    aftermath: Aftermath,
) -> None:
    """One glance at the portal, a backup or a report mailbox would otherwise give a school's passwords away."""
    assert aftermath.kill_count == KILL_COUNT
    assert aftermath.stages == {"MIGRATED": 4}
    assert aftermath.secrets.seen == set()


def test_no_password_is_in_any_file(aftermath: Aftermath) -> None:
    """The host's state, its log, the alias table and the storage's tables and queues, a crash at any moment included."""
    paths = [
        path for path in aftermath.folder.rglob("*") if path.is_file() and EXTENTS not in path.parts
    ]
    names = {path.name for path in paths}
    found = {
        f"{path.name}: {secret}"
        for path in paths
        for secret in leaks_in_file(path, aftermath.secrets.by_use.values())
    }

    assert {"host.sqlite", "host.log", "aliases.db"} <= names
    assert {"__azurite_db_table__.json", "__azurite_db_queue__.json"} <= names
    assert found == set()


def test_no_password_is_on_any_command_line(aftermath: Aftermath) -> None:
    """Everybody on a machine may read every command line."""
    assert any(b"sandbox.local_host" in line for line in aftermath.command_lines)
    assert leaks(b"\n".join(aftermath.command_lines), aftermath.secrets.by_use.values()) == set()


@pytest.mark.parametrize("form", ["plain", "nest", "zlib", "utf-16", "numbers", "shifted", "hex"])
def test_the_scanner_finds_what_is_hidden(tmp_path: Path, form: str) -> None:
    """A scanner that finds nothing anywhere proves nothing."""
    secret = Secrets().new("planted")
    hidden = {
        "plain": secret.encode(),
        "nest": base64.b64encode(gzip.compress(b"<" + base64.urlsafe_b64encode(secret.encode()))),
        "zlib": b"\x00\x01" + zlib.compress(json.dumps({"password": secret}).encode()),
        "utf-16": secret.encode("utf-16-le"),
        "numbers": json.dumps(list(f"x,{secret}\r\n".encode())).encode(),
        "shifted": b"key/" + b"abc" + base64.b64encode(b"user:" + secret.encode()),
        "hex": secret.encode().hex().encode(),
    }
    log = tmp_path / "host.log"
    log.write_bytes(b"2026-11-22 INFO before " + hidden[form] + b" after\n")

    assert leaks_in_file(log, [secret]) == {secret}


def _with_canary(run: Rehearsal, person: Person, secrets: Secrets) -> Person:
    box = run.rig.world.source.at_address(person.address)
    assert box is not None
    box.password = secrets.new(f"source{len(secrets.by_use)}")
    return replace(person, password=box.password)


def _refusals(run: Rehearsal, people: tuple[Person, ...], secrets: Secrets) -> None:
    """Files that are refused whole: full of mistakes, without seats, misnamed, and no CSV at all."""
    content, _ = mistaken_file(secrets.new("mistaken"))
    run.rig.upload("mistakes", content)
    slipped = [people[0].address, secrets.new("slipped"), "", secrets.new("asname"), ""]
    run.rig.upload("slipped", csv_rows([slipped]))
    rows = [
        [f"prof{n}@example.org", f"prof{n}", secrets.new(f"seat{n}"), "", secrets.new(f"new{n}")]
        for n in range(3)
    ]
    run.rig.upload("seats", csv_rows([[*row, "staff"] for row in rows], [*COLUMNS, "Cohort"]))
    run.rig.upload("Mis Named", csv_rows(rows))
    run.rig.upload("nocsv", f'"{secrets.new("quote")}'.encode())
    run.wait_until_taken_in()
    for name in ("mistakes", "slipped", "seats", "nocsv"):
        run.wait_for_state(name, "refused")
    _look_everywhere(run, secrets)


def _life(run: Rehearsal, people: tuple[Person, ...], secrets: Secrets) -> None:
    """One wrong password, put right by a changed file and a retry; then the cutover, and the end."""
    wrong = replace(people[0], password=secrets.new("wrong"))
    new = {person.address: secrets.new(f"account{n}") for n, person in enumerate(people)}
    run.rig.upload("pilot", csv_of([wrong, *people[1:]], new))
    run.wait_for_stage("pilot", "SYNCED", "SET_ASIDE")
    run.wait_until_taken_in()
    _look_everywhere(run, secrets)
    run.rig.upload("pilot", csv_of(people, new | {people[1].address: secrets.new("changed")}))
    run.wait(lambda: "difference" in run.batch("pilot"), "a difference")
    _look_everywhere(run, secrets)
    fingerprint = run.batch("pilot")["difference"]["fingerprint"]
    run.call("POST", "/batches/pilot/difference", fingerprint=fingerprint)
    run.wait(lambda: "difference" not in run.batch("pilot"), "the difference applied")
    run.wish("pilot", "retry", [people[0].address])
    run.wait_for_stage("pilot", "SYNCED")
    run.wish("pilot", "cutover")
    run.wait_for_stage("pilot", "MIGRATED")
    _look_everywhere(run, secrets)
    run.wait_for_state("pilot", "closed")
    _look_everywhere(run, secrets)


def _look_everywhere(run: Rehearsal, secrets: Secrets) -> None:
    for where, content in (
        *_answers(run),
        *_histories(run),
        *_tables(run),
        *_blobs(run),
        *_mail(run),
    ):
        secrets.look(where, content)


def _answers(run: Rehearsal) -> Iterator[tuple[str, bytes]]:
    names = ("mistakes", "slipped", "seats", "nocsv", "pilot", "Mis Named")
    paths = ["/batches", "/batches/pilot/mailboxes", *(f"/batches/{name}" for name in names)]
    for path in paths:
        answer = httpx.get(f"{run.rig.app.url}/api{path}", timeout=REQUEST_TIMEOUT_S)
        yield f"GET {path}", answer.content


def _histories(run: Rehearsal) -> Iterator[tuple[str, bytes]]:
    everything = {"showHistory": "true", "showHistoryOutput": "true", "showInput": "true"}
    for story in run.stories():
        url = f"{run.rig.app.url}/runtime/webhooks/durabletask/instances/{story['instanceId']}"
        answer = httpx.get(url, params=everything, timeout=REQUEST_TIMEOUT_S)
        yield f"history of {story['instanceId']}", answer.content


def _tables(run: Rehearsal) -> Iterator[tuple[str, bytes]]:
    with TableServiceClient.from_connection_string(run.rig.storage) as service:
        for table in service.list_tables():
            with service.get_table_client(table.name) as client:
                for row in client.list_entities():
                    yield f"table {table.name}", _row_bytes(row)


def _row_bytes(row: Any) -> bytes:
    return b"\n".join(
        value if isinstance(value, bytes) else str(value).encode() for value in row.values()
    )


def _blobs(run: Rehearsal) -> Iterator[tuple[str, bytes]]:
    """Every blob but the uploads that the app has not yet taken in."""
    with BlobServiceClient.from_connection_string(run.rig.storage) as service:
        for container in service.list_containers():
            with service.get_container_client(container.name) as client:
                names = [] if container.name == "batches" else [*client.list_blob_names()]
                for name in names:
                    yield f"blob {container.name}/{name}", client.download_blob(name).readall()


def _mail(run: Rehearsal) -> Iterable[tuple[str, bytes]]:
    with run.rig.world.kernel.look():
        return [
            (f"mail of {box.primary_address}", message.raw)
            for box in run.rig.world.tenant.mailboxes.all()
            for _, message in box.store.walk()
        ]
