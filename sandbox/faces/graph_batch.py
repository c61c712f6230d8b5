"""Several Graph requests in one: each answered for itself, each counted and throttled for itself.

Source: Microsoft Graph, "Combine multiple HTTP requests using JSON batching".
"""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sandbox.faces import graph_errors as errors
from sandbox.faces.graph_wire import Json, Reply, Request

REQUESTS_MAX = 20

Answer = Callable[[Request], Reply]


def answer_batch(request: Request, body: Json, answer: Answer) -> Reply:
    """Answer every request of a batch; 200 even when each of them failed.

    `answer` never raises: a refusal is a reply as well.

    Raises:
        GraphError: the batch itself is malformed.
    """
    entries = _checked(body)
    done: dict[str, Reply] = {}
    for entry in entries:
        waited_for = [done[other] for other in entry.get("dependsOn") or ()]
        if any(reply.status >= 400 for reply in waited_for):
            done[entry["id"]] = _failed_dependency()
        else:
            done[entry["id"]] = answer(_inner(request, entry))
    responses = [_response(identifier, reply) for identifier, reply in done.items()]
    # The service promises no order; the last first is the plainest order that is not the caller's.
    return Reply(200, {"responses": responses[::-1]})


def _checked(body: Json) -> list[Json]:
    entries = body.get("requests")
    if not isinstance(entries, list) or not entries:
        raise errors.bad_request("Invalid batch payload format.")
    if len(entries) > REQUESTS_MAX:
        raise errors.bad_request(
            f"Number of batch request steps exceeds the maximum value of {REQUESTS_MAX}."
        )
    seen: set[str] = set()
    for entry in entries:
        _check_entry(entry, seen)
        seen.add(entry["id"])
    return entries


def _check_entry(entry: Any, seen: set[str]) -> None:
    if not isinstance(entry, dict) or not {"id", "method", "url"} <= entry.keys():
        raise errors.bad_request("Invalid batch payload format.")
    if entry["id"] in seen:
        raise errors.bad_request(f"Duplicate request id '{entry['id']}' in the batch.")
    if "body" in entry and "content-type" not in {
        name.lower() for name in entry.get("headers", {})
    }:
        raise errors.bad_request(
            f"Write request id : {entry['id']} does not contain Content-Type header or body."
        )
    if not set(entry.get("dependsOn") or ()) <= seen:
        raise errors.bad_request(
            f"Request id '{entry['id']}' depends on one that is not before it."
        )


def _inner(outer: Request, entry: Json) -> Request:
    parts = urlsplit(str(entry["url"]))
    headers = {name.title(): value for name, value in entry.get("headers", {}).items()}
    return Request(
        method=str(entry["method"]).upper(),
        path=parts.path.strip("/"),
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers=headers,
        body=_body(entry),
        roles=outer.roles,
        root_url=outer.root_url,
    )


def _body(entry: Json) -> bytes:
    body = entry.get("body")
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def _failed_dependency() -> Reply:
    error = {"code": "FailedDependency", "message": "A request this one depends on has failed."}
    return Reply(424, {"error": error})


def _response(identifier: str, reply: Reply) -> Json:
    shown: Json = {"id": identifier, "status": reply.status, "headers": dict(reply.headers)}
    if isinstance(reply.body, bytes):
        shown["headers"]["Content-Type"] = reply.content_type
        shown["body"] = base64.b64encode(reply.body).decode()
    elif reply.body is not None:
        shown["headers"]["Content-Type"] = reply.content_type
        shown["body"] = reply.body
    return shown
