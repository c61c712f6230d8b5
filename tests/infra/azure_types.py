"""Checks values of a template against Azure's type index: unknown and read-only properties, missing ones, wrong values."""

import functools
import json
import re
from collections.abc import Iterator
from typing import Any

from tree_sitter import Node

from tests.infra.bicep import Declaration, Template, literal, properties, source, value_of
from tests.infra.extract_azure_types import READ_ONLY, TYPES_PATH

REQUIRED = 1
# What the language itself adds to every resource.
OF_THE_LANGUAGE = frozenset({"parent", "scope", "dependsOn"})
# Variables that name each other in a circle would never end.
DEPTH_MAX = 40

Kind = dict[str, Any]


@functools.cache
def index() -> dict[str, Any]:
    """The extract of the type index."""
    return dict(json.loads(TYPES_PATH.read_text(encoding="utf-8")))


def kind_of(number: int) -> Kind:
    """A type by its number."""
    return dict(index()["types"][number])


def mistakes_of(file: Template, resource: Declaration) -> list[str]:
    """What Azure would refuse of this resource, by where it stands."""
    number = index()["resources"].get(resource.subject)
    if number is None:
        return [f"{resource.subject} is not in the extract of the type index"]
    if resource.is_existing:
        return []
    return list(_object(_Place(file, resource.symbol), resource.body, kind_of(number), top=True))


class _Place:
    """Where a value stands, for the message, and in which file, for its variables."""

    def __init__(self, file: Template, path: str, depth: int = 0) -> None:
        self.file, self.path, self.depth = file, path, depth

    def below(self, name: str) -> "_Place":
        return _Place(self.file, f"{self.path}.{name}", self.depth + 1)

    def says(self, text: str) -> str:
        return f"{self.file.path.name}: {self.path}: {text}"


def _value(place: _Place, node: Node, number: int | None) -> Iterator[str]:
    if number is None or place.depth > DEPTH_MAX:
        return
    kind = kind_of(number)
    for meant in _meant(place.file, node):
        yield from _checked(place, meant, kind)


def _meant(file: Template, node: Node) -> list[Node]:
    """The values that an expression may have, as far as the file says."""
    if node.type == "ternary_expression":
        return [each for side in node.named_children[-2:] for each in _meant(file, side)]
    if node.type == "identifier":
        variable = file.find("var", source(node).decode())
        return _meant(file, variable.node.named_children[-1]) if variable else []
    if node.type == "call_expression" and source(node.named_children[0]) in (b"union", b"concat"):
        return [
            each for part in node.named_children[1].named_children for each in _meant(file, part)
        ]
    return [node]


def _checked(place: _Place, node: Node, kind: Kind) -> Iterator[str]:
    checks = {"object": _object, "array": _array, "string": _string}
    if node.type in checks:
        yield from checks[node.type](place, node, kind)
    elif node.type == "for_statement" and kind["is"] == "Array":
        yield from _value(place.below("[]"), node.named_children[-1], kind["of"])
    elif node.type in ("number", "boolean"):
        wanted = {"number": "Integer", "boolean": "Boolean"}[node.type]
        if kind["is"] not in (wanted, "Any", "Union"):
            yield place.says(f"is a {node.type}, but {kind['is']} is wanted")


def _object(place: _Place, node: Node, kind: Kind, top: bool = False) -> Iterator[str]:
    if kind["is"] == "Any":
        return
    if kind["is"] not in ("Object", "DiscriminatedObject"):
        yield place.says(f"is an object, but {kind['is']} is wanted")
        return
    members = _members(place, node, kind)
    named = [name for name, _ in properties(node) if name is not None]
    yield from (place.says(f"{name} stands twice") for name in set(named) if named.count(name) > 1)
    for name, value in properties(node):
        if not (top and name in OF_THE_LANGUAGE):
            yield from _member(place, name or "*", value, members, kind["more"])
    for name, (flags, _) in members.items():
        if flags & REQUIRED and not flags & READ_ONLY and name not in named:
            yield place.says(f"{name} is missing")


def _members(place: _Place, node: Node, kind: Kind) -> dict[str, list[Any]]:
    members = dict(kind["has"])
    if kind["is"] == "DiscriminatedObject":
        told = value_of(node, kind["by"])
        case = literal(told) if told is not None else None
        if case in kind["cases"]:
            chosen = kind_of(kind["cases"][case])
            members |= chosen["has"]
    return members


def _member(
    place: _Place, name: str, value: Node, members: dict[str, list[Any]], more: int | None
) -> Iterator[str]:
    if name in members:
        flags, number = members[name]
        if flags & READ_ONLY:
            yield place.says(f"{name} is read-only")
        yield from _value(place.below(name), value, number)
    elif more is not None:
        yield from _value(place.below(name), value, more)
    elif name not in members:
        yield place.says(f"{name} is unknown to Azure")


def _array(place: _Place, node: Node, kind: Kind) -> Iterator[str]:
    if kind["is"] != "Array":
        if kind["is"] != "Any":
            yield place.says(f"is an array, but {kind['is']} is wanted")
        return
    for each in node.named_children:
        yield from _value(place.below("[]"), each, kind["of"])


def _string(place: _Place, node: Node, kind: Kind) -> Iterator[str]:
    text = literal(node)
    if text is None or kind["is"] == "Any":
        return
    if kind["is"] == "StringLiteral" and text != kind["value"]:
        yield place.says(f"{text!r} is not {kind['value']!r}")
    elif kind["is"] == "Union":
        known = [kind_of(each).get("value") for each in kind["any"]]
        if any(known) and text not in known:
            yield place.says(f"{text!r} is none of {[each for each in known if each]}")
    elif kind["is"] == "String" and not re.search(kind.get("pattern", ""), text):
        yield place.says(f"{text!r} does not look like {kind['pattern']}")
    elif kind["is"] not in ("String", "StringLiteral"):
        yield place.says(f"is a text, but {kind['is']} is wanted")
