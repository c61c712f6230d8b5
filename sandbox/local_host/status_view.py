"""The documents which the management API shows: status of an instance, its history, its links.

Source: azure-functions-durable-extension `DurableClient.cs` (history tracking), `HttpApiHandler.cs`.
"""

import json
from collections.abc import Sequence
from typing import Any

from sandbox.local_host.clock import parse_instant
from sandbox.local_host.history import Event, Kind
from sandbox.local_host.store import Instance

SECONDS_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
ID_PLACEHOLDER = "INSTANCEID"
EVENT_NAMES = {
    Kind.EXECUTION_STARTED: "ExecutionStarted",
    Kind.EXECUTION_COMPLETED: "ExecutionCompleted",
    Kind.EXECUTION_TERMINATED: "ExecutionTerminated",
    Kind.TASK_SCHEDULED: "TaskScheduled",
    Kind.TASK_COMPLETED: "TaskCompleted",
    Kind.TASK_FAILED: "TaskFailed",
    Kind.CHILD_CREATED: "SubOrchestrationInstanceCreated",
    Kind.CHILD_COMPLETED: "SubOrchestrationInstanceCompleted",
    Kind.CHILD_FAILED: "SubOrchestrationInstanceFailed",
    Kind.TIMER_CREATED: "TimerCreated",
    Kind.TIMER_FIRED: "TimerFired",
    Kind.EVENT_SENT: "EventSent",
    Kind.EVENT_RAISED: "EventRaised",
    Kind.CONTINUE_AS_NEW: "ContinueAsNew",
    Kind.GENERIC: "GenericEvent",
    Kind.EXECUTION_SUSPENDED: "ExecutionSuspended",
    Kind.EXECUTION_RESUMED: "ExecutionResumed",
    Kind.EXECUTION_REWOUND: "ExecutionRewound",
}
SCHEDULED = {Kind.TASK_SCHEDULED, Kind.CHILD_CREATED, Kind.TIMER_CREATED}
HIDDEN_FIELDS = {"EventId", "IsPlayed", "TaskScheduledId", "TimerId", "OrchestrationInstance"}


def seconds_text(instant: str) -> str:
    """An instant text without fractions, as status documents give it."""
    return parse_instant(instant).strftime(SECONDS_FORMAT)


def native(text: str | None) -> Any:
    """The JSON value of a stored text; None stays None."""
    return None if text is None else json.loads(text)


def status_document(instance: Instance, *, show_input: bool) -> dict[str, Any]:
    """What a status query answers, without history."""
    return {
        "name": instance.name,
        "instanceId": instance.instance_id,
        "runtimeStatus": instance.status,
        "input": native(instance.input) if show_input else None,
        "customStatus": native(instance.custom_status),
        "output": native(instance.output),
        "createdTime": seconds_text(instance.created_utc),
        "lastUpdatedTime": seconds_text(instance.updated_utc),
    }


def history_document(
    events: Sequence[Event], *, show_output: bool, show_input: bool
) -> list[dict[str, Any]]:
    """The history as a status query shows it: each scheduled row melts into the row which ends it."""
    scheduled = {one["EventId"]: one for one in events if one["EventType"] in SCHEDULED}
    ended = {_ends(one) for one in events} - {None}
    rows = []
    for one in events:
        kind = Kind(one["EventType"])
        if kind not in EVENT_NAMES or (kind in SCHEDULED and one["EventId"] in ended):
            continue
        row = {key: value for key, value in one.items() if key not in HIDDEN_FIELDS}
        row["EventType"] = EVENT_NAMES[kind]
        _add_schedule(row, scheduled.get(_ends(one)))
        if not show_output:
            row.pop("Result", None)
        if not show_input:
            row.pop("Input", None)
        rows.append(row)
    return rows


def _ends(event: Event) -> Any:
    return event.get("TaskScheduledId", event.get("TimerId"))


def _add_schedule(row: dict[str, Any], scheduled: Event | None) -> None:
    if "Name" in row and row["EventType"] in ("ExecutionStarted", "TaskScheduled"):
        row["FunctionName"] = row.pop("Name")
    if scheduled is None:
        return
    row["ScheduledTime"] = scheduled["Timestamp"]
    if "Name" in scheduled:
        row["FunctionName"] = scheduled["Name"]


def management_urls(base_url: str, hub_name: str, instance_id: str) -> dict[str, str]:
    """The links of one instance under `base_url`; the id goes in as plain text, as the product does."""
    instance = f"{base_url}/instances/{instance_id}"
    query = f"taskHub={hub_name}&connection=Storage"
    return {
        "id": instance_id,
        "statusQueryGetUri": f"{instance}?{query}",
        "sendEventPostUri": f"{instance}/raiseEvent/{{eventName}}?{query}",
        "terminatePostUri": f"{instance}/terminate?reason={{text}}&{query}",
        "rewindPostUri": f"{instance}/rewind?reason={{text}}&{query}",
        "purgeHistoryDeleteUri": f"{instance}?{query}",
        "restartPostUri": f"{instance}/restart?{query}",
        "suspendPostUri": f"{instance}/suspend?reason={{text}}&{query}",
        "resumePostUri": f"{instance}/resume?reason={{text}}&{query}",
    }


def check_status_document(base_url: str, hub_name: str, instance_id: str) -> dict[str, str]:
    """The body which answers a start: the links without rewind."""
    links = management_urls(base_url, hub_name, instance_id)
    return {key: value for key, value in links.items() if key != "rewindPostUri"}
