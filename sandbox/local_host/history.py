"""History events, exactly as the Durable extension writes them into an orchestrator's history.

Source: DurableTask.Core `History/*.cs`; azure-functions-durable `models/history/HistoryEventType.py`.
"""

import json
from datetime import datetime
from enum import IntEnum
from typing import Any

from sandbox.local_host.clock import instant_text

Event = dict[str, Any]
Action = dict[str, Any]


class Kind(IntEnum):
    """`EventType` numbers of DurableTask.Core."""

    EXECUTION_STARTED = 0
    EXECUTION_COMPLETED = 1
    EXECUTION_TERMINATED = 3
    TASK_SCHEDULED = 4
    TASK_COMPLETED = 5
    TASK_FAILED = 6
    CHILD_CREATED = 7
    CHILD_COMPLETED = 8
    CHILD_FAILED = 9
    TIMER_CREATED = 10
    TIMER_FIRED = 11
    ORCHESTRATOR_STARTED = 12
    ORCHESTRATOR_COMPLETED = 13
    EVENT_SENT = 14
    EVENT_RAISED = 15
    CONTINUE_AS_NEW = 16
    GENERIC = 17
    EXECUTION_SUSPENDED = 19
    EXECUTION_RESUMED = 20
    EXECUTION_REWOUND = 21


def event(kind: Kind, now_utc: datetime, event_id: int = -1, **fields: Any) -> Event:
    """One history event, not yet played."""
    return {
        "EventType": int(kind),
        "EventId": event_id,
        "IsPlayed": False,
        "Timestamp": instant_text(now_utc),
        **fields,
    }


def execution_started(
    now_utc: datetime,
    *,
    name: str,
    instance_id: str,
    execution_id: str,
    version: str,
    input_json: str | None,
    parent: Event | None,
) -> Event:
    """The first event of a generation; `parent` is the `ParentInstance` field or None."""
    return event(
        Kind.EXECUTION_STARTED,
        now_utc,
        OrchestrationInstance={"InstanceId": instance_id, "ExecutionId": execution_id},
        ParentInstance=parent,
        Name=name,
        Version=version,
        Input=input_json,
        Tags=None,
        ParentTraceContext=None,
        ScheduledStartTime=None,
        Generation=None,
    )


def parent_link(name: str, instance_id: str, execution_id: str, task_id: int) -> Event:
    """The `ParentInstance` field of a child's first event."""
    return {
        "Name": name,
        "OrchestrationInstance": {"InstanceId": instance_id, "ExecutionId": execution_id},
        "TaskScheduleId": task_id,
        "Version": "",
    }


def completed(now_utc: datetime, kind: Kind, task_id: int, result_json: str | None) -> Event:
    """An activity's or a child's success; `kind` is TASK_COMPLETED or CHILD_COMPLETED."""
    return event(kind, now_utc, TaskScheduledId=task_id, Result=result_json)


def failed(now_utc: datetime, kind: Kind, task_id: int, reason: str, details: str) -> Event:
    """An activity's or a child's failure; `kind` is TASK_FAILED or CHILD_FAILED."""
    return event(
        kind, now_utc, TaskScheduledId=task_id, Reason=reason, Details=details, FailureDetails=None
    )


def timer_fired(now_utc: datetime, timer_id: int, fire_at_text: str) -> Event:
    """A timer is due."""
    return event(Kind.TIMER_FIRED, now_utc, TimerId=timer_id, FireAt=fire_at_text)


def raised(now_utc: datetime, name: str, input_json: str | None) -> Event:
    """An external event, or the answer of an entity."""
    return event(Kind.EVENT_RAISED, now_utc, Name=name, Input=input_json)


def terminated(now_utc: datetime, reason: str | None) -> Event:
    """Somebody ended the instance."""
    return event(Kind.EXECUTION_TERMINATED, now_utc, Input=reason)


def execution_completed(now_utc: datetime, status: str, result: str | None) -> Event:
    """The last event of an instance."""
    return event(
        Kind.EXECUTION_COMPLETED,
        now_utc,
        OrchestrationStatus=status,
        Result=result,
        FailureDetails=None,
    )


def encode(history_event: Event) -> str:
    """The stored text of an event; a stored event has been played."""
    return json.dumps({**history_event, "IsPlayed": True})
