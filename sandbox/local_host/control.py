"""What a client may ask of instances and entities: start, signal, end, query. Transport-free.

Source: azure-functions-durable-extension `HttpApiHandler.cs`, `DurableClient.cs`; Microsoft Learn, "Manage instances
in Durable Functions".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sandbox.local_host import history, traps
from sandbox.local_host.clock import instant_text
from sandbox.local_host.core import (
    COMPLETED,
    FAILED,
    FINISHED,
    LOG,
    RUNNING,
    TERMINATED,
    Core,
    identifier_fault,
)
from sandbox.local_host.decisions import ALREADY_RUNNING
from sandbox.local_host.entities import Entities, post_operation
from sandbox.local_host.history import Event, Kind
from sandbox.local_host.store import Instance
from sandbox.local_host.turns import Turns

INSTANCES_PER_PAGE_MAX = 100_000  # the SDK reads one page and no more
ADVISED_ID_LENGTH_MAX = 100


class ControlError(Exception):
    """A request which is refused; `status_code` is the HTTP status."""

    status_code = 400


class NotFoundError(ControlError):
    """There is no such instance."""

    status_code = 404


class GoneError(ControlError):
    """The instance has finished."""

    status_code = 410


class ConflictError(ControlError):
    """An instance of this id is running."""

    status_code = 409


@dataclass(frozen=True)
class InstanceFilter:
    """Which instances to list or purge. Instants are texts which sort by time; ends are inclusive."""

    created_from: str | None = None
    created_to: str | None = None
    statuses: Sequence[str] = ()
    prefix: str = ""

    def sql(self) -> tuple[str, list[object]]:
        """A condition made of constants, and its values."""
        parts, values = ["1=1"], list[object]()
        if self.created_from:
            parts.append("created_utc>=?")
            values.append(self.created_from)
        if self.created_to:
            parts.append("created_utc<=?")
            values.append(self.created_to)
        if self.prefix:
            parts.append("substr(instance_id, 1, ?)=?")
            values += [len(self.prefix), self.prefix]
        if self.statuses:
            parts.append(f"status IN ({','.join('?' * len(self.statuses))})")
            values += list(self.statuses)
        return " AND ".join(parts), values


class Control:
    """The client's side of the engine. Every change is one transaction."""

    def __init__(self, core: Core, turns: Turns, entities: Entities) -> None:
        self._core = core
        self._turns = turns
        self._entities = entities

    def start(
        self,
        name: str,
        instance_id: str | None = None,
        input_json: str | None = None,
        version: str | None = None,
    ) -> str:
        """Start an instance; return its id. `input_json` is the text to store.

        Raises:
            ControlError: no such orchestrator, or a forbidden id.
            ConflictError: an instance of this id has not finished.
        """
        if self._core.app.durable("orchestrationTrigger", name) is None:
            raise ControlError(self._core.app.missing_text("orchestrationTrigger", name))
        instance_id = instance_id or self._core.make_id()
        self._check_id(instance_id)
        existing = self._core.store.instance(instance_id)
        if existing is not None and existing.status not in FINISHED:
            raise ConflictError(ALREADY_RUNNING.format(status=existing.status))
        with self._core.store.transaction():
            self._turns.forget(instance_id)
            self._core.create_instance(name, instance_id, input_json, version, None)
        for text in traps.of_payload(input_json, "input"):
            self._core.warn(instance_id, text)
        LOG.info("%s %s started", name, instance_id)
        self._core.wake()
        return instance_id

    def _check_id(self, instance_id: str) -> None:
        fault = identifier_fault(instance_id)
        if fault:
            raise ControlError(fault)
        if len(instance_id) > ADVISED_ID_LENGTH_MAX:
            LOG.warning("instance id of %d characters: 100 are promised", len(instance_id))

    def instance(self, instance_id: str) -> Instance:
        """The instance of this id; NotFoundError when there is none."""
        found = self._core.store.instance(instance_id)
        if found is None:
            raise NotFoundError(f"No instance with ID '{instance_id}' was found.")
        return found

    def history(self, instance_id: str) -> list[Event]:
        """The events of the instance's current generation."""
        return self._core.store.history(instance_id)

    def raise_event(self, instance_id: str, name: str, input_json: str | None) -> None:
        """Send an external event; NotFoundError or GoneError when nobody can take it."""
        self._running(instance_id)
        self._send(instance_id, history.raised(self._core.now_utc(), name, input_json))
        for text in traps.of_payload(input_json, f"event {name}"):
            self._core.warn(instance_id, text)

    def terminate(self, instance_id: str, reason: str | None) -> None:
        """End an instance without running its code again."""
        self._running(instance_id)
        self._send(instance_id, history.terminated(self._core.now_utc(), reason))

    def suspend(self, instance_id: str, reason: str | None) -> None:
        """Let an instance do nothing until it is resumed."""
        self._running(instance_id)
        now_utc = self._core.now_utc()
        self._send(instance_id, history.event(Kind.EXECUTION_SUSPENDED, now_utc, Reason=reason))

    def resume(self, instance_id: str, reason: str | None) -> None:
        """Let a suspended instance go on with all it was sent."""
        self._running(instance_id)
        now_utc = self._core.now_utc()
        self._send(instance_id, history.event(Kind.EXECUTION_RESUMED, now_utc, Reason=reason))

    def rewind(self, instance_id: str, reason: str | None) -> None:
        """Run the failed tasks of a failed instance again; GoneError unless it failed."""
        instance = self.instance(instance_id)
        if instance.status in (COMPLETED, TERMINATED):
            raise GoneError("The rewind operation is only supported on failed instances.")
        if instance.status != FAILED:
            raise ControlError("The rewind operation is only supported on failed instances.")
        with self._core.store.transaction():
            self._rewind(instance, reason)
        self._core.wake()

    def _rewind(self, instance: Instance, reason: str | None) -> None:
        store, now_utc = self._core.store, self._core.now_utc()
        events, children = rewound(store.history(instance.instance_id))
        store.run("DELETE FROM history WHERE instance_id=?", instance.instance_id)
        store.append_history(instance.instance_id, 0, events)
        self._turns.forget(instance.instance_id)
        now = instant_text(now_utc)
        store.put_instance(replace(instance, status=RUNNING, output=None, updated_utc=now))
        rewinding = history.event(Kind.EXECUTION_REWOUND, now_utc, Reason=reason)
        self._core.post(instance.instance_id, rewinding, instance.execution_id)
        for child_id in children:
            child = store.instance(child_id)
            if child is not None and child.status == FAILED:
                self._rewind(child, reason)

    def restart(self, instance_id: str, *, with_new_id: bool) -> str:
        """Run an instance anew with the input it once had; return the id it has now."""
        instance = self.instance(instance_id)
        new_id = None if with_new_id else instance_id
        return self.start(instance.name, new_id, instance.input)

    def purge(self, instance_id: str) -> int:
        """Drop a finished instance; return how many were dropped."""
        instance = self._core.store.instance(instance_id)
        return self._purge([instance] if instance else [])

    def purge_by(self, wanted: InstanceFilter) -> int:
        """Drop the finished instances which fit; return how many were dropped."""
        where, values = wanted.sql()
        return self._purge(
            self._core.store.select_instances(where, values, INSTANCES_PER_PAGE_MAX, 0)
        )

    def _purge(self, instances: Iterable[Instance]) -> int:
        finished = [one for one in instances if one.status in FINISHED]
        with self._core.store.transaction():
            for instance in finished:
                self._core.store.forget_instance(instance.instance_id)
                self._turns.forget(instance.instance_id)
        return len(finished)

    def instances(self, wanted: InstanceFilter, top: int, skip: int) -> list[Instance]:
        """The instances which fit, oldest first."""
        where, values = wanted.sql()
        return self._core.store.select_instances(where, values, top, skip)

    def signal_entity(self, entity_id: str, operation: str, input_json: str | None) -> None:
        """Put an operation into an entity's box and do not wait."""
        with self._core.store.transaction():
            post_operation(self._core, entity_id, operation, input_json, caller=None)
        self._core.wake()

    def entity_state(self, entity_id: str) -> str | None:
        """The entity's state as JSON text, or None when it does not exist."""
        return self._entities.state(entity_id)

    def _running(self, instance_id: str) -> None:
        if self.instance(instance_id).status in FINISHED:
            raise GoneError(f"The instance '{instance_id}' has finished.")

    def _send(self, instance_id: str, event: Event) -> None:
        with self._core.store.transaction():
            self._core.post(instance_id, event, None)
        self._core.wake()


def rewound(events: Sequence[Event]) -> tuple[list[Event], list[str]]:
    """The history without its failures, and the ids of the failed children.

    Failed activities become generic events, so that the next turn schedules them again under the same id. A failed
    child keeps its creation: it is rewound itself and answers again.
    """
    failed_tasks = {
        one["TaskScheduledId"] for one in events if one["EventType"] == Kind.TASK_FAILED
    }
    failed_children = {
        one["TaskScheduledId"] for one in events if one["EventType"] == Kind.CHILD_FAILED
    }
    kept: list[Event] = []
    for one in events:
        kind = one["EventType"]
        is_failed_task = kind == Kind.TASK_FAILED or (
            kind == Kind.TASK_SCHEDULED and one["EventId"] in failed_tasks
        )
        if is_failed_task or kind in (Kind.CHILD_FAILED, Kind.EXECUTION_COMPLETED):
            kept.append(_generic(one))
        else:
            kept.append(one)
    children = [
        one["InstanceId"]
        for one in events
        if one["EventType"] == Kind.CHILD_CREATED and one["EventId"] in failed_children
    ]
    return kept, children


def _generic(event: Event) -> Event:
    return {
        "EventType": int(Kind.GENERIC),
        "EventId": -1,
        "IsPlayed": True,
        "Timestamp": event["Timestamp"],
        "Data": f"Rewound: {Kind(event['EventType']).name}",
    }
