"""Durable entities: operations wait in a box per entity and are run in batches, one batch at a time.

Source: azure-functions-durable-extension `TaskEntityShim.cs`; azure-functions-durable `entity.py`.
"""

import json
from dataclasses import dataclass
from typing import Any

from sandbox.local_host import history
from sandbox.local_host.core import LOG, Core
from sandbox.local_host.loader import AppFunction
from sandbox.local_host.store import OPERATIONS_PER_BATCH_MAX, Instance


@dataclass(frozen=True)
class Operation:
    """One operation on an entity; the caller's fields are None for a signal."""

    operation_id: int
    entity_id: str
    name: str
    input: str | None
    caller_id: str | None
    caller_execution_id: str | None
    request_id: str | None


@dataclass(frozen=True)
class Batch:
    """Operations to run together and the text which the entity's handler is given."""

    entity_id: str
    function: AppFunction | None
    operations: tuple[Operation, ...]
    body: str


@dataclass(frozen=True)
class BatchReply:
    """The handler's reply, or the text of its failure."""

    reply: dict[str, Any] | None
    error: str = ""


def scheduler_id(name: str, key: str) -> str:
    """The id of an entity: name in lower case, key as given."""
    return f"@{name.lower()}@{key}"


def split_id(entity_id: str) -> tuple[str, str]:
    """Name and key of an entity id."""
    name, _, key = entity_id[1:].partition("@")
    return name, key


def is_entity_known(core: Core, entity_id: str) -> bool:
    """Whether the app has the entity's function."""
    return core.app.durable("entityTrigger", split_id(entity_id)[0]) is not None


def post_operation(
    core: Core,
    entity_id: str,
    name: str,
    input_json: str | None,
    caller: tuple[Instance, str] | None,
) -> None:
    """Put an operation into an entity's box; inside a transaction. `caller` is instance and request id."""
    instance, request_id = caller or (None, None)
    core.store.run(
        "INSERT INTO operations (entity_id, name, input, caller_id, caller_execution_id, request_id)"
        " VALUES (?,?,?,?,?,?)",
        entity_id,
        name,
        input_json,
        instance.instance_id if instance else None,
        instance.execution_id if instance else None,
        request_id,
    )
    core.entity_queue[entity_id] = None


class Entities:
    """Runs batches of operations."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def take(self, entity_id: str) -> None:
        """One whole batch in this thread."""
        batch = self.begin(entity_id)
        if batch is not None:
            self.commit(batch, self.run(batch))

    def begin(self, entity_id: str) -> Batch | None:
        """Read the waiting operations and the state; None when nothing waits."""
        found = self._core.store.rows(
            "SELECT * FROM operations WHERE entity_id=? ORDER BY id LIMIT ?",
            entity_id,
            OPERATIONS_PER_BATCH_MAX,
        )
        if not found:
            return None
        operations = tuple(Operation(*row) for row in found)
        name, key = split_id(entity_id)
        state = self.state(entity_id)
        body = {
            "self": {"name": name, "key": key},
            "exists": state is not None,
            "state": state,
            "batch": [
                {"name": one.name, "input": one.input, "isSignal": one.caller_id is None}
                for one in operations
            ],
        }
        function = self._core.app.durable("entityTrigger", name)
        return Batch(entity_id, function, operations, json.dumps(body))

    def run(self, batch: Batch) -> BatchReply:
        """Let the entity's handler work; in any thread; never raises."""
        if batch.function is None:
            return BatchReply(None, f"there is no entity function for {batch.entity_id}")
        try:
            return BatchReply(self._core.worker.operate(batch.function, batch.body))
        except Exception as raised:  # noqa: BLE001 - whatever the app raises is its answer
            return BatchReply(None, f"{type(raised).__name__}: {raised}")

    def commit(self, batch: Batch, outcome: BatchReply) -> None:
        """Keep the state and answer the callers, in one transaction."""
        with self._core.store.transaction():
            if outcome.reply is not None:
                self._keep_state(batch.entity_id, outcome.reply)
            for position, operation in enumerate(batch.operations):
                self._core.store.run("DELETE FROM operations WHERE id=?", operation.operation_id)
                self._answer(operation, position, outcome)
        if outcome.reply is None:
            LOG.warning("entity %s failed a whole batch", batch.entity_id)
        self._core.entity_queue[batch.entity_id] = None

    def state(self, entity_id: str) -> str | None:
        """The state of an entity as JSON text, or None when it does not exist."""
        found = self._core.store.row(
            "SELECT state FROM entities WHERE entity_id=? AND is_present=1", entity_id
        )
        return found["state"] if found else None

    def _keep_state(self, entity_id: str, reply: dict[str, Any]) -> None:
        state = reply.get("entityState")
        is_present = bool(reply.get("entityExists")) and state not in (None, "null")
        self._core.store.run(
            "INSERT OR REPLACE INTO entities VALUES (?,?,?,?)",
            entity_id,
            state if is_present else None,
            int(is_present),
            self._core.now_text(),
        )

    def _answer(self, operation: Operation, position: int, outcome: BatchReply) -> None:
        if operation.caller_id is None or operation.request_id is None:
            return
        answer = _answer_of(position, outcome)
        event = history.raised(self._core.now_utc(), operation.request_id, json.dumps(answer))
        self._core.post(operation.caller_id, event, operation.caller_execution_id)


def _answer_of(position: int, outcome: BatchReply) -> dict[str, Any]:
    if outcome.reply is None:
        return {"result": json.dumps(outcome.error), "exceptionType": "Error"}
    result = outcome.reply["results"][position]
    answer: dict[str, Any] = {"result": result.get("result") or "null"}
    if result.get("isError"):
        answer["exceptionType"] = "Error"
    return answer
