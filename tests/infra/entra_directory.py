"""The part of a directory that grants are made in, in memory, behind Graph's own paths; it remembers every write."""

import json
import re
from typing import Any
from uuid import uuid4

import httpx

from infra.grants.graph import Graph
from infra.grants.wanted import POWERS, app_roles

IDENTITY = "11111111-1111-4111-8111-111111111111"
TENANT = "33333333-3333-4333-8333-333333333333"
ASSIGNMENTS = f"/v1.0/servicePrincipals/{IDENTITY}/appRoleAssignments"


class EntraDirectory:
    """Two services with their permissions, one identity, and whatever is made."""

    def __init__(self) -> None:
        self.services: dict[str, dict[str, Any]] = {
            app_id: {
                "id": f"service-{number}",
                "displayName": f"Service {number}",
                "appRoles": [
                    {"value": name, "id": str(uuid4())}
                    for name in ("Files.Read.All", *(each.name for each in rights))
                ],
            }
            for number, (app_id, rights) in enumerate(app_roles(POWERS).items())
        }
        self.assignments: dict[str, dict[str, str]] = {}
        self.applications: dict[str, dict[str, Any]] = {}
        self.principals: dict[str, dict[str, Any]] = {}
        self.trusts: dict[str, dict[str, dict[str, Any]]] = {}
        """Federated credentials, by the application's object id."""
        self.writes: list[str] = []

    def graph(self) -> Graph:
        """A door to it."""
        return Graph(lambda: "token", httpx.MockTransport(self._answer))

    def granted(self) -> set[str]:
        """Names of the permissions that the identity has."""
        names = {
            role["id"]: role["value"]
            for each in self.services.values()
            for role in each["appRoles"]
        }
        return {str(names[each["appRoleId"]]) for each in self.assignments.values()}

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path, body = request.url.path, json.loads(request.content or b"{}")
        if request.method != "GET":
            self.writes.append(f"{request.method} {path}")
        service = re.fullmatch(r"/v1.0/servicePrincipals\(appId='(.+)'\)", path)
        if service:
            return httpx.Response(200, json=self.services[service[1]])
        if path.startswith(ASSIGNMENTS):
            return self._assignment(request.method, path.removeprefix(ASSIGNMENTS), body)
        trusting = re.match(r"/v1.0/applications/([^/]+)/federatedIdentityCredentials", path)
        if trusting:
            held = self.trusts.setdefault(trusting[1], {})
            return self._thing(held, request, path.rpartition("/")[2], body)
        store = self.applications if "/applications" in path else self.principals
        return self._thing(store, request, path.rpartition("/")[2], body)

    def _assignment(self, method: str, name: str, body: dict[str, str]) -> httpx.Response:
        if method == "DELETE":
            del self.assignments[name.removeprefix("/")]
            return httpx.Response(204)
        if method == "POST":
            if body in self.assignments.values():
                error = {"error": {"code": "Request_BadRequest", "message": "already exists"}}
                return httpx.Response(400, json=error)
            self.assignments[str(uuid4())] = body
            return httpx.Response(201, json=body)
        held = [{"id": name} | each for name, each in self.assignments.items()]
        return httpx.Response(200, json={"value": held})

    def _thing(
        self,
        store: dict[str, dict[str, Any]],
        request: httpx.Request,
        name: str,
        body: dict[str, Any],
    ) -> httpx.Response:
        if request.method == "POST":
            made = {"id": str(uuid4()), "appId": str(uuid4()), "appOwnerOrganizationId": TENANT}
            made |= body
            store[made["id"]] = made
            return httpx.Response(201, json=made)
        if request.method == "PATCH":
            store[name] |= body
            return httpx.Response(204)
        if request.method == "DELETE":
            del store[name]
            return httpx.Response(204)
        if "$filter" not in request.url.params:
            return httpx.Response(200, json={"value": list(store.values())})
        key, value = re.fullmatch(r"(\w+) eq '(.*)'", request.url.params["$filter"]).groups()  # type: ignore[union-attr]
        return httpx.Response(200, json={"value": [x for x in store.values() if x[key] == value]})
