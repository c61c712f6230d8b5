"""The OData query options that the simulated Graph understands, and how it refuses the others.

A filter is a chain of conditions joined by `and`; that is all the operations here support.

Source: Microsoft Graph, "Customize Microsoft Graph responses with query parameters"; OData 4.01 part 2, section 5.1.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from sandbox.faces.graph_errors import GraphError, bad_request

_LITERAL = r"'(?:[^']|'')*'"
_CONDITION = re.compile(
    rf"""\s*(?:
      (?P<function>startswith|contains)\(\s*(?P<of>[\w/]+)\s*,\s*(?P<text>{_LITERAL})\s*\)
    | (?P<members>\w+)/any\(\s*(?P<each>\w+)\s*:\s*(?P=each)\s+eq\s+(?P<member>{_LITERAL})\s*\)
    | (?P<path>[\w/]+)\s+(?P<operator>eq|ne|ge|gt|le|lt)\s+(?P<value>{_LITERAL}|[^\s()']+)
    | (?P<one>[\w/]+)\s+in\s*\(\s*(?P<values>{_LITERAL}(?:\s*,\s*{_LITERAL})*)\s*\)
    )\s*""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Condition:
    """One comparison: `operator` is an OData word, `any`, or `in`."""

    path: str
    operator: str
    values: tuple[str, ...]


def check_options(query: Mapping[str, str], allowed: frozenset[str]) -> None:
    """Only options the operation has.

    Raises:
        GraphError: with the name of the first that it has not.
    """
    for name in query:
        if name not in allowed:
            raise bad_request(f"The query parameter '{name}' is not supported.")


def selected(query: Mapping[str, str]) -> list[str] | None:
    """The properties asked for; None when the default ones are wanted."""
    text = query.get("$select")
    if text is None:
        return None
    return [name.strip() for name in text.split(",") if name.strip()]


def whole_number(query: Mapping[str, str], name: str, default: int, maximum: int) -> int:
    """`$top` or `$skip`.

    Raises:
        GraphError: not a number, negative, or beyond the operation's maximum.
    """
    text = query.get(name)
    if text is None:
        return default
    if not text.isdigit():
        raise bad_request(f"Invalid value '{text}' for {name} query option found.")
    if int(text) > maximum:
        raise bad_request(
            "The query specified in the URI is not valid. The limit of "
            f"'{maximum}' for {name.strip('$').title()} query has been exceeded. "
            f"The value from the incoming request is '{text}'."
        )
    return int(text)


def conditions(query: Mapping[str, str], unsupported: GraphError) -> list[Condition]:
    """The filter, condition by condition, in order.

    Raises:
        GraphError: `unsupported`, for a filter of a shape that no operation here has.
    """
    text = query.get("$filter", "")
    found: list[Condition] = []
    at = 0
    while at < len(text):
        match = _CONDITION.match(text, at)
        if match is None:
            raise unsupported
        found.append(_condition(match))
        at = match.end()
        if at < len(text):
            joint = re.compile(r"and\s").match(text, at)
            if joint is None:
                raise unsupported
            at = joint.end()
    return found


def next_link(root_url: str, path: str, query: Mapping[str, str], **changed: str) -> str:
    """The address of the next page: the same request with some options changed."""
    options = {**query, **{f"${name}": value for name, value in changed.items()}}
    return f"{root_url}/{path}?{urlencode(options, quote_via=quote, safe='$,')}"


def _condition(match: re.Match[str]) -> Condition:
    if match["function"]:
        return Condition(match["of"], match["function"], (_plain(match["text"]),))
    if match["members"]:
        return Condition(match["members"], "any", (_plain(match["member"]),))
    if match["one"]:
        values = tuple(_plain(text) for text in re.findall(_LITERAL, match["values"]))
        return Condition(match["one"], "in", values)
    return Condition(match["path"], match["operator"], (_plain(match["value"]),))


def _plain(literal: str) -> str:
    return literal[1:-1].replace("''", "'") if literal.startswith("'") else literal
