"""Turns the decisions of a program into history events and work: activities, children, timers, entity calls.

Everything here happens inside the transaction of the turn which decided it.

Source: azure-functions-durable-extension `DurableOrchestrationContext.cs`; DurableTask.Core
`TaskOrchestrationDispatcher.cs`.
"""

import json
from datetime import datetime

from sandbox.local_host import history, traps
from sandbox.local_host.clock import instant_text, parse_instant
from sandbox.local_host.core import COMPLETED, FINISHED, Core, identifier_fault
from sandbox.local_host.entities import is_entity_known, post_operation
from sandbox.local_host.history import Event, Kind
from sandbox.local_host.replay import ActionKind, Decision, Outcome
from sandbox.local_host.store import Instance, Task, Timer

ALREADY_RUNNING = "An Orchestration instance with the status {status} already exists."


class Dispatcher:
    """Writes what a turn decided."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def missing_function(self, outcome: Outcome) -> str | None:
        """The extension's complaint about the first decision for a function which is not there, or None."""
        kinds = {Kind.TASK_SCHEDULED: "activityTrigger", Kind.CHILD_CREATED: "orchestrationTrigger"}
        for decision in outcome.decisions:
            kind = kinds.get(decision.kind)
            if kind is None:
                continue
            name = decision.action["functionName"]
            if self._core.app.durable(kind, name) is None:
                return self._core.app.missing_text(kind, name)
        return None

    def dispatch(self, instance: Instance, outcome: Outcome, now_utc: datetime) -> list[Event]:
        """Schedule every new decision; return their history events in id order."""
        return [self._schedule(instance, one, now_utc) for one in outcome.decisions]

    def _schedule(self, instance: Instance, decision: Decision, now_utc: datetime) -> Event:
        match decision.kind:
            case Kind.TASK_SCHEDULED:
                fields = self._call_activity(instance, decision)
            case Kind.CHILD_CREATED:
                fields = self._start_child(instance, decision, now_utc)
            case Kind.TIMER_CREATED:
                fields = self._set_timer(instance, decision)
            case _:
                fields = self._send_operation(instance, decision)
        return history.event(decision.kind, now_utc, decision.sequence_id, **fields)

    def _call_activity(self, instance: Instance, decision: Decision) -> Event:
        action = decision.action
        task = Task(
            instance.instance_id,
            instance.execution_id,
            decision.sequence_id,
            action["functionName"],
            action.get("input"),
        )
        self._core.store.put_task(task)
        self._core.task_queue.append((task.instance_id, task.execution_id, task.task_id))
        self._warn_if_large(instance, action.get("input"), f"input of {task.name}")
        # The provider leaves the input out of the stored history.
        return {"Name": action["functionName"], "Version": "", "Input": None}

    def _start_child(self, instance: Instance, decision: Decision, now_utc: datetime) -> Event:
        action = decision.action
        child_id = action.get("instanceId") or f"{instance.execution_id}:{decision.sequence_id}"
        name, input_json = action["functionName"], json.dumps(action.get("input"))
        fields = {
            "Name": name,
            "Version": action.get("version") or "",
            "InstanceId": child_id,
            "Input": input_json,
        }
        fault = self._child_fault(instance, child_id)
        if fault:
            failure = history.failed(now_utc, Kind.CHILD_FAILED, decision.sequence_id, fault, fault)
            self._core.post(instance.instance_id, failure, instance.execution_id)
            return fields
        link = history.parent_link(
            instance.name, instance.instance_id, instance.execution_id, decision.sequence_id
        )
        self._core.create_instance(name, child_id, input_json, action.get("version"), link)
        self._warn_if_large(instance, action.get("input"), f"input of {name}")
        return fields

    def _child_fault(self, instance: Instance, child_id: str) -> str | None:
        fault = identifier_fault(child_id)
        if fault:
            return fault
        existing = self._core.store.instance(child_id)
        if existing is not None and existing.status not in FINISHED:
            return ALREADY_RUNNING.format(status=existing.status)
        ancestor: Instance | None = instance
        while ancestor is not None:
            if ancestor.instance_id == child_id:
                return "A sub-orchestration may not have the id of its parent or of its parent's parent."
            parent = ancestor.parent
            ancestor = (
                self._core.store.instance(parent["OrchestrationInstance"]["InstanceId"])
                if parent
                else None
            )
        return None

    def _set_timer(self, instance: Instance, decision: Decision) -> Event:
        fire_at = instant_text(parse_instant(decision.fire_at or ""))
        self._core.store.put_timer(
            Timer(instance.instance_id, instance.execution_id, decision.sequence_id, fire_at)
        )
        return {"FireAt": fire_at}

    def _send_operation(self, instance: Instance, decision: Decision) -> Event:
        action = decision.action
        is_signal = action["actionType"] == ActionKind.SIGNAL_ENTITY
        request_id = decision.entity_request_id
        entity_id = action["instanceId"]
        message = {
            "op": action["operation"],
            "signal": is_signal,
            "input": action.get("input"),
            "id": request_id,
            "parent": instance.instance_id,
        }
        if is_signal or is_entity_known(self._core, entity_id):
            post_operation(
                self._core,
                entity_id,
                action["operation"],
                json.dumps(action.get("input")),
                caller=None if is_signal else (instance, str(request_id)),
            )
        else:
            self._refuse_call(instance, entity_id, str(request_id))
        return {"InstanceId": entity_id, "Name": "op", "Input": json.dumps(message)}

    def _refuse_call(self, instance: Instance, entity_id: str, request_id: str) -> None:
        name = entity_id.lstrip("@").partition("@")[0]
        text = self._core.app.missing_text("entityTrigger", name)
        answer = json.dumps({"result": json.dumps(text), "exceptionType": "Error"})
        event = history.raised(self._core.now_utc(), request_id, answer)
        self._core.post(instance.instance_id, event, instance.execution_id)

    def tell_parent(self, instance: Instance) -> None:
        """Report a finished child to the instance which called it."""
        if instance.parent is None:
            return
        now_utc, task_id = self._core.now_utc(), instance.parent["TaskScheduleId"]
        if instance.status == COMPLETED:
            event = history.completed(now_utc, Kind.CHILD_COMPLETED, task_id, instance.output)
        else:
            reason = json.loads(instance.output or '""') or ""
            event = history.failed(now_utc, Kind.CHILD_FAILED, task_id, reason, reason)
        link = instance.parent["OrchestrationInstance"]
        self._core.post(link["InstanceId"], event, link["ExecutionId"])

    def _warn_if_large(self, instance: Instance, payload: str | None, where: str) -> None:
        for text in traps.of_payload(payload, where):
            self._core.warn(instance.instance_id, text)
