"""What is printed: a table for a person, JSON for a script."""

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

GAP = "  "
# A terminal takes these for orders, and what Dovecot, Exchange and a user's folder names say is printed here.
# Source: ECMA-48, 5.2 and 5.3.
_ORDERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def show(asked: argparse.Namespace, answer: object, text: str) -> None:
    """Print the answer as JSON when that was asked for, otherwise the text made of it."""
    print(_escaped(answer) if asked.json else harmless(text))


def _escaped(answer: object) -> str:
    text = json.dumps(answer, ensure_ascii=False, indent=2)
    # JSON's own form: whoever reads it gets what the app answered.
    return _ORDERS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def harmless(text: str) -> str:
    """Text without what a terminal would take for an order; lines and tabs stay."""
    return _ORDERS.sub("\N{REPLACEMENT CHARACTER}", text)


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], empty: str = "none") -> str:
    """Rows below the names of their columns, each as wide as it needs; `empty` when there is no row."""
    if not rows:
        return empty
    cells = [tuple(columns), *(tuple(_cell(row.get(name)) for name in columns) for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    lines = (
        GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in cells
    )
    return "\n".join(line.rstrip() for line in lines)


def facts(answer: Mapping[str, Any]) -> str:
    """One value a line behind its name; what is empty is left out."""
    shown = {
        name: _cell(value) for name, value in answer.items() if value not in (None, "", [], {})
    }
    width = max((len(name) for name in shown), default=0)
    return "\n".join(f"{name.ljust(width)}{GAP}{value}" for name, value in shown.items())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    if isinstance(value, dict) and not any(
        isinstance(each, dict | list) for each in value.values()
    ):
        return ", ".join(f"{name} {_cell(each)}" for name, each in value.items())
    return json.dumps(value, ensure_ascii=False)
