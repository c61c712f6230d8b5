"""A Graph request and its answer, apart from any web server: so that a batch can carry them too."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.faces.graph_errors import GraphError, bad_request, forbidden
from sandbox.world.world import World

Json = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One request as it arrives; `path` is relative to the version root, without a leading slash."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    roles: frozenset[str]
    root_url: str


@dataclass(frozen=True)
class Reply:
    """One answer; `body` is JSON unless it is bytes."""

    status: int
    body: Json | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


@dataclass(frozen=True)
class Call:
    """A request that found its operation: what a handler needs."""

    world: World
    request: Request
    names: Mapping[str, str]
    is_outlook: bool

    def require(self, *roles: str) -> None:
        """Go on only if the token carries one of these app roles, or Exchange grants one to the app.

        Raises:
            GraphError: 403 in the words of the service behind the operation.
        """
        held = self.request.roles | self.world.tenant.app.roles_in_exchange
        if not held.intersection(roles):
            raise forbidden(outlook=self.is_outlook)

    def json(self) -> Json:
        """The body as a JSON object.

        Raises:
            GraphError: it is not one.
        """
        media_type = self.request.headers.get("Content-Type", "").partition(";")[0].strip()
        if media_type.lower() != "application/json":
            raise GraphError(
                400,
                "RequestBodyRead",
                "A content-type header of application/json is required for this request.",
            )
        try:
            parsed = json.loads(self.request.body)
        except ValueError as broken:
            raise bad_request(
                "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of "
                "valid JSON format."
            ) from broken
        if not isinstance(parsed, dict):
            raise bad_request("Empty Payload. JSON content expected.")
        return parsed

    def context(self, fragment: str) -> str:
        """The value of `@odata.context`."""
        return f"{self.request.root_url}/$metadata#{fragment}"


def without_annotations(body: Json) -> Json:
    """The properties of a body without `@odata.type` and its like, which clients may send."""
    return {name: value for name, value in body.items() if not name.startswith("@")}
