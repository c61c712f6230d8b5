"""The operations of the simulated Graph: paths, verbs, options, permissions; and how a request finds its own."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import unquote

from sandbox.faces import graph_errors as errors
from sandbox.faces.graph_errors import GraphError
from sandbox.faces.graph_query import check_options
from sandbox.faces.graph_wire import Call, Reply, Request
from sandbox.world.directory_errors import DirectoryRefused
from sandbox.world.world import World

Handler = Callable[[Call], Reply]
# `users('id')` is the same resource as `users/id`; next links of the service use the former.
_KEY_IN_BRACKETS = re.compile(r"^(\w+)\('([^']*)'\)$")


@dataclass(frozen=True)
class Operation:
    """One verb on one path. `{name}` in the path stands for any one segment.

    `roles` are the app roles of which the token must carry one; empty when the handler decides by the body.
    `units` is what the call costs in the directory's token bucket, before `$select` and `$top` change it.
    """

    method: str
    path: str
    handle: Handler
    roles: frozenset[str] = frozenset()
    options: frozenset[str] = frozenset()
    is_outlook: bool = False
    units: int = 1

    def segments(self) -> list[str]:
        """The path, cut."""
        return self.path.split("/")

    def name(self) -> str:
        """What the world's misfortune calls it: `graph.GET users`, `graph.POST assignLicense`."""
        words = [segment for segment in self.segments() if not segment.startswith("{")]
        return f"graph.{self.method} {words[-1]}"


class LostReply(Exception):
    """The effect has happened; the answer is not to be sent."""


class Service:
    """Answers requests from the world; holds no state of its own."""

    def __init__(self, world: World, operations: Iterable[Operation]) -> None:
        self._world = world
        self._operations = tuple(operations)

    def answer(self, request: Request) -> Reply:
        """Find the operation, check the caller, let the weather have its say, do it.

        Raises:
            GraphError: for every refusal; the caller gives it a body.
            LostReply: done, but nobody is told.
        """
        operation, names = self._find(request)
        check_options(request.query, operation.options)
        call = Call(self._world, request, names, operation.is_outlook)
        if operation.roles:
            call.require(*sorted(operation.roles))
        misfortune = self._world.misfortune.before(operation.name())
        if misfortune:
            raise errors.unlucky(misfortune)
        with self._world.kernel.look():
            try:
                reply = operation.handle(call)
            except DirectoryRefused as no:
                raise errors.refused(no) from no
        if self._world.misfortune.after(operation.name()):
            raise LostReply
        return reply if operation.is_outlook else _priced(reply, operation, request)

    def _find(self, request: Request) -> tuple[Operation, dict[str, str]]:
        segments = _segments(request.path)
        there = False
        for operation in self._operations:
            names = _match(operation.segments(), segments)
            if names is None:
                continue
            if operation.method == request.method:
                return operation, names
            there = True
        raise errors.method_not_allowed() if there else self._lost(segments)

    def _lost(self, segments: list[str]) -> GraphError:
        reach = max(_common(op.segments(), segments) for op in self._operations)
        return errors.unknown_segment(segments[min(reach, len(segments) - 1)])


def _segments(path: str) -> list[str]:
    found: list[str] = []
    for raw in path.strip("/").split("/"):
        keyed = _KEY_IN_BRACKETS.match(unquote(raw))
        found.extend(keyed.groups() if keyed else [unquote(raw)])
    return found


def _match(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    names: dict[str, str] = {}
    for expected, given in zip(pattern, segments, strict=True):
        if expected.startswith("{"):
            names[expected.strip("{}")] = given
        elif expected.lower() != given.lower():
            return None
    return names


def _common(pattern: list[str], segments: list[str]) -> int:
    count = 0
    for expected, given in zip(pattern, segments, strict=False):
        if not expected.startswith("{") and expected.lower() != given.lower():
            break
        count += 1
    return count


def _priced(reply: Reply, operation: Operation, request: Request) -> Reply:
    units = operation.units - ("$select" in request.query)
    return replace(reply, headers={**reply.headers, "x-ms-resource-unit": str(max(units, 1))})
