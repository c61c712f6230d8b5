"""The durable state of the host in one SQLite file, and the transactions which keep it whole.

Write-ahead logging with synchronous=NORMAL: a committed transaction is in the operating system's hands, so killing
the process at any moment loses nothing. Only a power cut may lose the last commits (never tear them), which a
machine for rehearsals can bear.

Source: SQLite manual, "Write-Ahead Logging" and "PRAGMA synchronous".
"""

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.local_host.history import Event, encode

MEMORY = ":memory:"
# A turn takes at most this many messages, as a control queue batch is bounded too.
MESSAGES_PER_TURN_MAX = 1_000
OPERATIONS_PER_BATCH_MAX = 5_000  # maxEntityOperationBatchSize outside the Consumption plan
BUSY_TIMEOUT_S = 30.0  # another process reading the file, such as a person with the sqlite3 shell

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS instances (
    instance_id TEXT PRIMARY KEY, name TEXT NOT NULL, execution_id TEXT NOT NULL, version TEXT NOT NULL,
    parent TEXT, status TEXT NOT NULL, input TEXT, output TEXT, custom_status TEXT,
    created_utc TEXT NOT NULL, updated_utc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS history (
    instance_id TEXT NOT NULL, position INTEGER NOT NULL, event TEXT NOT NULL,
    PRIMARY KEY (instance_id, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, instance_id TEXT NOT NULL, execution_id TEXT,
    rank INTEGER NOT NULL, event TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS messages_of_instance ON messages (instance_id, rank, id);
CREATE TABLE IF NOT EXISTS tasks (
    instance_id TEXT NOT NULL, execution_id TEXT NOT NULL, task_id INTEGER NOT NULL,
    name TEXT NOT NULL, input TEXT, PRIMARY KEY (instance_id, execution_id, task_id));
CREATE TABLE IF NOT EXISTS timers (
    instance_id TEXT NOT NULL, execution_id TEXT NOT NULL, timer_id INTEGER NOT NULL,
    fire_at_utc TEXT NOT NULL, PRIMARY KEY (instance_id, execution_id, timer_id));
CREATE INDEX IF NOT EXISTS timers_by_time ON timers (fire_at_utc);
CREATE TABLE IF NOT EXISTS entities (
    entity_id TEXT PRIMARY KEY, state TEXT, is_present INTEGER NOT NULL, updated_utc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS operations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, entity_id TEXT NOT NULL, name TEXT NOT NULL, input TEXT,
    caller_id TEXT, caller_execution_id TEXT, request_id TEXT);
CREATE INDEX IF NOT EXISTS operations_of_entity ON operations (entity_id, id);
CREATE TABLE IF NOT EXISTS receipts (
    function TEXT NOT NULL, blob TEXT NOT NULL, etag TEXT NOT NULL, tries INTEGER NOT NULL,
    state TEXT NOT NULL, updated_utc TEXT NOT NULL, PRIMARY KEY (function, blob, etag));
CREATE TABLE IF NOT EXISTS schedules (function TEXT PRIMARY KEY, last_utc TEXT, next_utc TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Instance:
    """One orchestration instance. Texts are JSON; `parent` is the ParentInstance field of its first event."""

    instance_id: str
    name: str
    execution_id: str
    version: str
    parent: Event | None
    status: str
    input: str | None
    output: str | None
    custom_status: str | None
    created_utc: str
    updated_utc: str


@dataclass(frozen=True)
class Message:
    """An event on its way to an instance; `execution_id` None means whichever generation is there."""

    message_id: int
    execution_id: str | None
    event: Event


@dataclass(frozen=True)
class Task:
    """An activity call which has not been answered yet; `input` is JSON text."""

    instance_id: str
    execution_id: str
    task_id: int
    name: str
    input: str | None


TaskKey = tuple[str, str, int]


@dataclass(frozen=True)
class Timer:
    """A timer which has not fired yet."""

    instance_id: str
    execution_id: str
    timer_id: int
    fire_at_utc: str


class Store:
    """SQL behind names. Writing methods must be called inside `transaction`."""

    def __init__(self, path: Path | str = MEMORY) -> None:
        if path != MEMORY:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_S
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file; the store is of no use afterwards."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: everything written inside is committed at the end, or rolled back on an exception."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def run(self, sql: str, *values: object) -> int:
        """Execute one statement; return how many rows it changed."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """All rows of one query."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        """The first row of one query, or None."""
        found = self.rows(sql, *values)
        return found[0] if found else None

    # --- meta

    def meta(self, key: str) -> str | None:
        """A remembered fact about the host itself."""
        found = self.row("SELECT value FROM meta WHERE key=?", key)
        return found["value"] if found else None

    def remember(self, key: str, value: str) -> None:
        """Keep a fact about the host itself."""
        self.run("INSERT OR REPLACE INTO meta VALUES (?,?)", key, value)

    # --- instances

    def instance(self, instance_id: str) -> Instance | None:
        """The instance of this id, or None."""
        found = self.row("SELECT * FROM instances WHERE instance_id=?", instance_id)
        return _instance(found) if found else None

    def select_instances(
        self, where: str, values: Sequence[object], top: int, skip: int
    ) -> list[Instance]:
        """Instances which fit, oldest first; `where` is a constant condition built by the caller."""
        sql = f"SELECT * FROM instances WHERE {where} ORDER BY created_utc, instance_id LIMIT ? OFFSET ?"  # noqa: S608 - constants only
        return [_instance(found) for found in self.rows(sql, *values, top, skip)]

    def put_instance(self, instance: Instance) -> None:
        """Write an instance over whatever had its id."""
        self.run(
            "INSERT OR REPLACE INTO instances VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            instance.instance_id,
            instance.name,
            instance.execution_id,
            instance.version,
            json.dumps(instance.parent) if instance.parent else None,
            instance.status,
            instance.input,
            instance.output,
            instance.custom_status,
            instance.created_utc,
            instance.updated_utc,
        )

    def forget_work(self, instance_id: str) -> None:
        """Drop history and timers of an instance whose generation is over."""
        self.run("DELETE FROM history WHERE instance_id=?", instance_id)
        self.run("DELETE FROM timers WHERE instance_id=?", instance_id)

    def forget_instance(self, instance_id: str) -> None:
        """Drop every trace of an instance."""
        self.forget_work(instance_id)
        self.run("DELETE FROM messages WHERE instance_id=?", instance_id)
        self.run("DELETE FROM tasks WHERE instance_id=?", instance_id)
        self.run("DELETE FROM instances WHERE instance_id=?", instance_id)

    # --- history and messages

    def history(self, instance_id: str) -> list[Event]:
        """The events of the current generation, in order."""
        found = self.rows(
            "SELECT event FROM history WHERE instance_id=? ORDER BY position", instance_id
        )
        return [json.loads(row["event"]) for row in found]

    def append_history(self, instance_id: str, position: int, events: Sequence[Event]) -> None:
        """Add events after the first `position` ones."""
        with self._lock:
            self._connection.executemany(
                "INSERT INTO history VALUES (?,?,?)",
                [(instance_id, position + i, encode(one)) for i, one in enumerate(events)],
            )

    def post(self, instance_id: str, event: Event, execution_id: str | None, rank: int) -> None:
        """Put a message into an instance's box; lower ranks are read first."""
        self.run(
            "INSERT INTO messages (instance_id, execution_id, rank, event) VALUES (?,?,?,?)",
            instance_id,
            execution_id,
            rank,
            json.dumps(event),
        )

    def messages(self, instance_id: str) -> list[Message]:
        """The waiting messages of an instance, in the order in which they are to be read."""
        found = self.rows(
            "SELECT id, execution_id, event FROM messages WHERE instance_id=? ORDER BY rank, id LIMIT ?",
            instance_id,
            MESSAGES_PER_TURN_MAX,
        )
        return [Message(row["id"], row["execution_id"], json.loads(row["event"])) for row in found]

    def drop_messages(self, message_ids: Sequence[int]) -> None:
        """Remove messages which have been read."""
        with self._lock:
            self._connection.executemany(
                "DELETE FROM messages WHERE id=?", [(one,) for one in message_ids]
            )

    def addressees(self) -> list[str]:
        """The instances which have messages."""
        return [
            row["instance_id"] for row in self.rows("SELECT DISTINCT instance_id FROM messages")
        ]

    # --- activities and timers

    def put_task(self, task: Task) -> None:
        """Remember that an activity is to be run."""
        self.run(
            "INSERT OR IGNORE INTO tasks VALUES (?,?,?,?,?)",
            task.instance_id,
            task.execution_id,
            task.task_id,
            task.name,
            task.input,
        )

    def task(self, key: TaskKey) -> Task | None:
        """The unanswered call of this key, or None."""
        found = self.row(
            "SELECT * FROM tasks WHERE instance_id=? AND execution_id=? AND task_id=?", *key
        )
        return Task(*found) if found else None

    def task_keys(self) -> list[TaskKey]:
        """The keys of all unanswered calls, oldest first."""
        found = self.rows("SELECT instance_id, execution_id, task_id FROM tasks ORDER BY rowid")
        return [(row[0], row[1], row[2]) for row in found]

    def drop_task(self, key: TaskKey) -> bool:
        """Take an answered call away; False when somebody did so before."""
        changed = self.run(
            "DELETE FROM tasks WHERE instance_id=? AND execution_id=? AND task_id=?", *key
        )
        return changed == 1

    def put_timer(self, timer: Timer) -> None:
        """Remember that a timer is to fire."""
        self.run(
            "INSERT OR IGNORE INTO timers VALUES (?,?,?,?)",
            timer.instance_id,
            timer.execution_id,
            timer.timer_id,
            timer.fire_at_utc,
        )

    def next_timer_utc(self) -> str | None:
        """When the next timer is due, or None."""
        found = self.row("SELECT MIN(fire_at_utc) AS soonest FROM timers")
        return found["soonest"] if found else None

    def due_timers(self, now_utc: str) -> list[Timer]:
        """The timers due at `now_utc`, the earliest first."""
        found = self.rows(
            "SELECT * FROM timers WHERE fire_at_utc<=? ORDER BY fire_at_utc, rowid", now_utc
        )
        return [Timer(*row) for row in found]

    def drop_timer(self, timer: Timer) -> None:
        """Take a fired timer away."""
        self.run(
            "DELETE FROM timers WHERE instance_id=? AND execution_id=? AND timer_id=?",
            timer.instance_id,
            timer.execution_id,
            timer.timer_id,
        )


def _instance(found: sqlite3.Row) -> Instance:
    fields: dict[str, Any] = dict(found)
    fields["parent"] = json.loads(fields["parent"]) if fields["parent"] else None
    return Instance(**fields)
