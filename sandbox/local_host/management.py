"""The HTTP API of the Durable extension, without a transport: requests in, replies out.

The same object answers under `/runtime/webhooks/durabletask/`, on the port which the SDK's client calls, and in
process where no port is wanted.

Source: azure-functions-durable-extension `HttpApiHandler.cs`; Microsoft Learn, "HTTP APIs in Durable Functions".
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.local_host.clock import instant_text, parse_instant
from sandbox.local_host.control import (
    INSTANCES_PER_PAGE_MAX,
    Control,
    ControlError,
    InstanceFilter,
    NotFoundError,
)
from sandbox.local_host.core import FAILED, FINISHED
from sandbox.local_host.entities import scheduler_id, split_id
from sandbox.local_host.status_view import (
    check_status_document,
    history_document,
    native,
    seconds_text,
    status_document,
)
from sandbox.local_host.store import Instance, Store

CONTINUATION_HEADER = "x-ms-continuation-token"
STATUSES = frozenset(
    {"Running", "Completed", "ContinuedAsNew", "Failed", "Canceled", "Terminated", "Pending"}
    | {"Suspended"}
)
START_RETRY_AFTER_S = "10"
STATUS_RETRY_AFTER_S = "5"


@dataclass(frozen=True)
class Request:
    """One request; `path` holds the decoded segments after the API's root, header names are in lower case."""

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base_url: str


@dataclass(frozen=True)
class Reply:
    """One reply; `document` None means an empty body."""

    status_code: int
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Management:
    """Answers requests by asking the engine."""

    def __init__(self, control: Control, store: Store, hub_name: str) -> None:
        self._control = control
        self._store = store
        self._hub_name = hub_name

    def handle(self, request: Request) -> Reply:
        """The reply to one request; refusals and faults are replies too."""
        try:
            return self._route(request)
        except ControlError as refused:
            return _error(refused.status_code, refused)
        except ValueError as invalid:
            return _error(400, invalid)

    def _route(self, request: Request) -> Reply:
        match request.path:
            case ("orchestrators", name, *rest) if request.method == "POST" and len(rest) <= 1:
                return self._start(request, name, rest[0] if rest and rest[0] else None)
            case ("instances", *rest):
                return self._instances(request, [part for part in rest if part])
            case ("entities", *rest):
                return self._entities(request, [part for part in rest if part])
            case _:
                return Reply(404)

    def _instances(self, request: Request, path: Sequence[str]) -> Reply:
        match (request.method, *path):
            case ("GET",):
                return self._list(request)
            case ("DELETE",):
                return self._purge_by(request)
            case ("GET", instance_id):
                return self.status(request, instance_id)
            case ("DELETE", instance_id):
                return _purged(self._control.purge(instance_id))
            case ("POST", instance_id, *rest):
                return self._command(request, instance_id, rest)
            case _:
                return Reply(404)

    def _start(self, request: Request, name: str, instance_id: str | None) -> Reply:
        input_json = _json_text(request.body)
        version = request.query.get("version")
        started = self._control.start(name, instance_id, input_json, version)
        return self.check_status(request, started)

    def check_status(self, request: Request, instance_id: str) -> Reply:
        """202 with the links of an instance."""
        document = check_status_document(request.base_url, self._hub_name, instance_id)
        location = document["statusQueryGetUri"]
        return Reply(202, document, {"Location": location, "Retry-After": START_RETRY_AFTER_S})

    def status(self, request: Request, instance_id: str) -> Reply:
        """The status of one instance; 404 with an empty body when there is none."""
        try:
            instance = self._control.instance(instance_id)
        except NotFoundError:
            return Reply(404)
        document = self._document(request, instance)
        if instance.status not in FINISHED:
            location = check_status_document(request.base_url, self._hub_name, instance_id)
            headers = {
                "Location": location["statusQueryGetUri"],
                "Retry-After": STATUS_RETRY_AFTER_S,
            }
            return Reply(202, document, headers)
        wants_500 = _flag(request, "returnInternalServerErrorOnFailure", default=False)
        return Reply(500 if instance.status == FAILED and wants_500 else 200, document)

    def _document(self, request: Request, instance: Instance) -> dict[str, Any]:
        show_input = _flag(request, "showInput", default=True)
        document = status_document(instance, show_input=show_input)
        if _flag(request, "showHistory", default=False):
            document["historyEvents"] = history_document(
                self._control.history(instance.instance_id),
                show_output=_flag(request, "showHistoryOutput", default=False),
                show_input=show_input,
            )
        return document

    def _list(self, request: Request) -> Reply:
        top = int(request.query.get("top", INSTANCES_PER_PAGE_MAX))
        skip = _skip_of(request.headers.get(CONTINUATION_HEADER, ""))
        found = self._control.instances(_filter(request), top + 1, skip)
        show_input = _flag(request, "showInput", default=True)
        page = [status_document(one, show_input=show_input) for one in found[:top]]
        is_last = len(found) <= top
        return Reply(200, page, {} if is_last else {CONTINUATION_HEADER: _token(skip + top)})

    def _purge_by(self, request: Request) -> Reply:
        if not request.query.get("createdTimeFrom"):
            raise ControlError("Please provide value for 'createdTimeFrom' parameter.")
        return _purged(self._control.purge_by(_filter(request)))

    def _command(self, request: Request, instance_id: str, path: Sequence[str]) -> Reply:
        reason = request.query.get("reason")
        match tuple(path):
            case ("terminate",):
                self._control.terminate(instance_id, reason)
            case ("suspend",):
                self._control.suspend(instance_id, reason)
            case ("resume",):
                self._control.resume(instance_id, reason)
            case ("rewind",):
                self._control.rewind(instance_id, reason)
            case ("raiseEvent", name):
                self._raise_event(request, instance_id, name)
            case ("restart",):
                with_new_id = _flag(request, "restartWithNewInstanceId", default=True)
                restarted = self._control.restart(instance_id, with_new_id=with_new_id)
                return self.check_status(request, restarted)
            case _:
                return Reply(404)
        return Reply(202)

    def _raise_event(self, request: Request, instance_id: str, name: str) -> None:
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        self._control.instance(instance_id)
        if content_type != "application/json":
            raise ControlError("Only application/json request content is supported")
        self._control.raise_event(instance_id, name, _json_text(request.body))

    def _entities(self, request: Request, path: Sequence[str]) -> Reply:
        match (request.method, *path):
            case ("GET",) | ("GET", _):
                return self._list_entities(request, path[0] if path else "")
            case ("GET", name, key):
                state = self._control.entity_state(_entity_id(name, key))
                return Reply(404) if state is None else Reply(200, native(state))
            case ("POST", name, key):
                operation = request.query.get("op", "")
                self._control.signal_entity(
                    _entity_id(name, key), operation, _json_text(request.body)
                )
                return Reply(202)
            case ("DELETE", name, key):
                self._control.signal_entity(_entity_id(name, key), "delete", None)
                return Reply(202)
            case _:
                return Reply(404)

    def _list_entities(self, request: Request, name: str) -> Reply:
        prefix = f"@{name.lower()}@" if name else "@"
        rows = self._store.rows(
            "SELECT entity_id, state, updated_utc FROM entities WHERE is_present=1"
            " AND substr(entity_id, 1, ?)=? AND updated_utc BETWEEN ? AND ?"
            " ORDER BY entity_id LIMIT ?",
            len(prefix),
            prefix,
            _instant(request, "lastOperationTimeFrom") or "",
            _instant(request, "lastOperationTimeTo") or "9999",
            int(request.query.get("top", INSTANCES_PER_PAGE_MAX)),
        )
        fetch_state = _flag(request, "fetchState", default=False)
        return Reply(200, [_entity_row(row, fetch_state=fetch_state) for row in rows])


def _entity_row(row: Any, *, fetch_state: bool) -> dict[str, Any]:
    name, key = split_id(row["entity_id"])
    return {
        "entityId": {"name": name, "key": key},
        "lastOperationTime": seconds_text(row["updated_utc"]),
        "state": native(row["state"]) if fetch_state else None,
    }


def _entity_id(name: str, key: str) -> str:
    return scheduler_id(name, "" if key == "$" else key)


def _filter(request: Request) -> InstanceFilter:
    statuses = [one for one in request.query.get("runtimeStatus", "").split(",") if one]
    unknown = set(statuses) - STATUSES
    if unknown:
        raise ControlError(f"runtimeStatus has no value {sorted(unknown)}")
    return InstanceFilter(
        created_from=_instant(request, "createdTimeFrom"),
        created_to=_instant(request, "createdTimeTo"),
        statuses=statuses,
        prefix=request.query.get("instanceIdPrefix", ""),
    )


def _instant(request: Request, name: str) -> str | None:
    text = request.query.get(name)
    return instant_text(parse_instant(text)) if text else None


def _flag(request: Request, name: str, *, default: bool) -> bool:
    text = request.query.get(name)
    return default if text is None else text.lower() == "true"


def _json_text(body: bytes) -> str | None:
    """The stored form of a body: parsed and written again, so the SDK's JSON string of JSON stays double."""
    return json.dumps(json.loads(body)) if body.strip() else None


def _purged(count: int) -> Reply:
    return Reply(200, {"instancesDeleted": count}) if count else Reply(404)


def _token(skip: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"skip": skip}).encode()).decode()


def _skip_of(token: str) -> int:
    if not token or token == "null":
        return 0
    return int(json.loads(base64.urlsafe_b64decode(token))["skip"])


def _error(status_code: int, raised: Exception) -> Reply:
    document = {
        "Message": str(raised),
        "ExceptionMessage": str(raised),
        "ExceptionType": "System.ArgumentException" if status_code == 400 else "System.Exception",
        "StackTrace": "",
    }
    return Reply(status_code, document)
