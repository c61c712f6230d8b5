"""Serves the app's HTTP functions: ASP.NET route templates, requests and responses of the worker.

Source: Microsoft Learn, "Azure Functions HTTP trigger"; ASP.NET Core "Route constraints".
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import azure.functions as func
from aiohttp import web

from sandbox.local_host.core import LOG
from sandbox.local_host.loader import AppFunction

CONSTRAINTS = {
    "int": r"-?\d+",
    "long": r"-?\d+",
    "bool": r"(?i:true|false)",
    "guid": r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}",
    "alpha": r"[a-zA-Z]+",
    "decimal": r"-?\d+(?:\.\d+)?",
    "double": r"-?\d+(?:\.\d+)?",
    "float": r"-?\d+(?:\.\d+)?",
}
PARAMETER = re.compile(r"\{(?P<star>\*{0,2})(?P<name>\w+)(?::(?P<rule>[^}?]+))?(?P<optional>\?)?\}")

Invoke = Callable[[AppFunction, Any], Awaitable[Any]]


@dataclass(frozen=True)
class Route:
    """One HTTP function and the paths it answers; a lower `rank` is more specific."""

    function: AppFunction
    methods: frozenset[str]
    pattern: re.Pattern[str]
    rank: tuple[int, ...]


def compile_route(template: str) -> tuple[re.Pattern[str], tuple[int, ...]]:
    """The pattern of a path without its leading slash, and its rank: literals go before parameters."""
    pattern, ranks = "", []
    for position, segment in enumerate(template.strip("/").split("/")):
        slash = "/" if position else ""
        found = PARAMETER.fullmatch(segment)
        if found is None:
            pattern += slash + PARAMETER.sub(r"(?P<\g<name>>[^/]+)", _escaped(segment))
            ranks.append(1 if PARAMETER.search(segment) else 0)
            continue
        text, rank = _parameter(found, slash)
        pattern += text
        ranks.append(rank)
    return re.compile(pattern + "/?", re.IGNORECASE), tuple(ranks)


def _escaped(segment: str) -> str:
    """Escape what is literal in a segment, leaving its {parameters} alone."""
    parts = re.split(r"(\{[^}]*\})", segment)
    return "".join(part if part.startswith("{") else re.escape(part) for part in parts)


def _parameter(found: re.Match[str], slash: str) -> tuple[str, int]:
    name, rule = found["name"], found["rule"]
    if found["star"]:
        return f"(?:{slash}(?P<{name}>.*))?", 4
    value = CONSTRAINTS.get((rule or "").partition("(")[0], "[^/]+")
    if found["optional"]:
        return f"(?:{slash}(?P<{name}>{value}))?", 3
    return f"{slash}(?P<{name}>{value})", 1 if rule else 2


class HttpFunctions:
    """Finds the function of a request and calls it."""

    def __init__(self, functions: tuple[AppFunction, ...], prefix: str, invoke: Invoke) -> None:
        self._invoke = invoke
        self._routes = sorted(
            (_route(one, prefix) for one in functions), key=lambda route: route.rank
        )

    def urls(self) -> list[str]:
        """The templates served, for the log."""
        return [route.pattern.pattern for route in self._routes]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Call the function of a path; 404 without one, 405 for another method, 500 when it raises."""
        path = request.path.lstrip("/")
        is_path_known = False
        for route in self._routes:
            found = route.pattern.fullmatch(path)
            if found is None:
                continue
            is_path_known = True
            if not route.methods or request.method in route.methods:
                return await self._call(route.function, request, found.groupdict())
        return web.Response(status=405 if is_path_known else 404)

    async def _call(
        self, function: AppFunction, request: web.Request, parameters: Mapping[str, str | None]
    ) -> web.StreamResponse:
        trigger = func.HttpRequest(
            method=request.method,
            url=str(request.url),
            headers=dict(request.headers),
            params=dict(request.query),
            route_params={key: value for key, value in parameters.items() if value is not None},
            body=await request.read(),
        )
        try:
            return to_response(await self._invoke(function, trigger))
        except Exception as raised:  # noqa: BLE001 - whatever the app raises is answered with 500
            LOG.warning("function %s failed with %s", function.name, type(raised).__name__)
            return web.Response(status=500)


def _route(function: AppFunction, prefix: str) -> Route:
    template = function.trigger.get("route") or function.name
    pattern, rank = compile_route(f"{prefix}/{template}" if prefix else template)
    methods = frozenset(str(one).upper() for one in function.trigger.get("methods") or ())
    return Route(function, methods, pattern, rank)


def to_response(result: Any) -> web.Response:
    """What an HTTP function's return value becomes.

    Raises:
        TypeError: it is neither an HttpResponse, a text, bytes nor None.
    """
    if result is None:
        return web.Response(status=204)
    if isinstance(result, str):
        return web.Response(text=result)
    if not isinstance(result, func.HttpResponse):
        raise TypeError(f"an HTTP function returned {type(result).__name__}")
    headers = dict(result.headers)
    if not any(name.lower() == "content-type" for name in headers) and result.mimetype:
        headers["Content-Type"] = f"{result.mimetype}; charset={result.charset}"
    return web.Response(status=result.status_code, headers=headers, body=result.get_body())
