"""What all parts of the engine share: the app, the store, the clock, and who has work to do."""

import logging
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sandbox.local_host import history
from sandbox.local_host.clock import Clock, instant_text
from sandbox.local_host.history import Event
from sandbox.local_host.loader import App
from sandbox.local_host.settings import HostSettings
from sandbox.local_host.store import Instance, Store, TaskKey
from sandbox.local_host.worker import Worker

LOG = logging.getLogger("local_host")

PENDING, RUNNING, SUSPENDED = "Pending", "Running", "Suspended"
COMPLETED, FAILED, TERMINATED = "Completed", "Failed", "Terminated"
FINISHED = frozenset({COMPLETED, FAILED, TERMINATED, "Canceled"})

# Messages are read in this order: the start of a generation, what the last one left over, the rest.
RANK_START, RANK_CARRIED_OVER, RANK_NORMAL = 0, 1, 2


def random_id() -> str:
    """A new execution or instance id, as .NET's Guid in format N."""
    return uuid.uuid4().hex


def no_wake() -> None:
    """Nobody sleeps in synchronous mode."""


@dataclass
class Core:
    """The shared parts, and the queues of work which a restart rebuilds from the store.

    A queue may hold what has gone in the meantime; whoever takes from it looks again in the store.
    """

    app: App
    store: Store
    clock: Clock
    worker: Worker
    settings: HostSettings
    make_id: Callable[[], str] = random_id
    wake: Callable[[], None] = no_wake
    ready: dict[str, None] = field(default_factory=dict)
    task_queue: deque[TaskKey] = field(default_factory=deque)
    entity_queue: dict[str, None] = field(default_factory=dict)
    _warned: dict[str, set[str]] = field(default_factory=dict)

    def recover(self) -> None:
        """Queue what an earlier process left in the store."""
        self.ready.update(dict.fromkeys(self.store.addressees()))
        self.task_queue.extend(self.store.task_keys())
        waiting = self.store.rows("SELECT DISTINCT entity_id FROM operations")
        self.entity_queue.update(dict.fromkeys(row["entity_id"] for row in waiting))

    def now_utc(self) -> datetime:
        return self.clock.now_utc()

    def now_text(self) -> str:
        return instant_text(self.clock.now_utc())

    def post(
        self, instance_id: str, event: Event, execution_id: str | None, rank: int = RANK_NORMAL
    ) -> None:
        """Send an event to an instance; inside a transaction."""
        self.store.post(instance_id, event, execution_id, rank)
        self.ready[instance_id] = None

    def create_instance(
        self,
        name: str,
        instance_id: str,
        input_json: str | None,
        version: str | None,
        parent: Event | None,
    ) -> Instance:
        """Start an instance over a finished one or none; inside a transaction."""
        now = self.now_text()
        self.store.forget_instance(instance_id)
        instance = Instance(
            instance_id=instance_id,
            name=self._spelled(name),
            execution_id=self.make_id(),
            version=self.settings.default_version if version is None else version,
            parent=parent,
            status=PENDING,
            input=input_json,
            output=None,
            custom_status=None,
            created_utc=now,
            updated_utc=now,
        )
        self.store.put_instance(instance)
        self.post_start(instance)
        return instance

    def post_start(self, instance: Instance) -> None:
        """Send a generation its first event; inside a transaction."""
        started = history.execution_started(
            self.now_utc(),
            name=instance.name,
            instance_id=instance.instance_id,
            execution_id=instance.execution_id,
            version=instance.version,
            input_json=instance.input,
            parent=instance.parent,
        )
        self.post(instance.instance_id, started, instance.execution_id, RANK_START)

    def warn(self, key: str, text: str) -> None:
        """Log a trap once per instance."""
        said = self._warned.setdefault(key, set())
        if text not in said:
            said.add(text)
            LOG.warning("%s: trap: %s", key, text)

    def forget_warnings(self, key: str) -> None:
        """The instance is over; a new one of its name warns again."""
        self._warned.pop(key, None)

    def _spelled(self, name: str) -> str:
        function = self.app.durable("orchestrationTrigger", name)
        return function.durable_name if function else name


def identifier_fault(instance_id: str) -> str | None:
    """Why an instance id is refused, or None.

    Source: Microsoft Learn, "Manage instances in Durable Functions"; extension `HttpApiHandler.cs`.
    """
    if instance_id.startswith("@"):
        return "Instance ids may not start with '@'."
    if any(sign in "/\\#?" or not sign.isprintable() for sign in instance_id):
        return "Instance ids may not contain '/', '\\', '#', '?' or control characters."
    if len(instance_id) > 256:
        return "Instance ids may not be longer than 256 characters."
    return None
