"""Frozen dataclasses as table rows: one column a field, typed, readable in any storage browser.

str, StrEnum -> text      int -> Int64      bool -> Boolean      datetime -> DateTime, UTC
tuple[str, ...] -> JSON text      None -> empty text

A column that the dataclass does not have is ignored, a field that the row does not have takes its default: rows
outlive releases.
"""

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from types import NoneType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from azure.data.tables import EdmType, EntityProperty

from bascule.domain.codes import Code
from bascule.domain.errors import Refusal

T = TypeVar("T")

# A string property holds 64 KiB of UTF-16. Source: "Understanding the Table service data model", Microsoft Learn.
TEXT_UNITS_MAX = 32_768

Columns = dict[str, Any]


def columns_of(value: object) -> Columns:
    """The columns of a frozen dataclass.

    Raises:
        Refusal(REQUEST_REJECTED): a text is longer than a column can be; names the field, not the text.
        TypeError: a field's type has no column form.
    """
    fields = dataclasses.fields(cast("Any", value))
    return {field.name: _column(field.name, getattr(value, field.name)) for field in fields}


def value_of(wanted: type[T], columns: Mapping[str, Any]) -> T:
    """The dataclass a row stands for.

    Raises:
        ValueError, TypeError: a column holds what its field cannot.
    """
    hints = _hints(cast("Any", wanted))
    return wanted(
        **{name: _field(hint, columns[name]) for name, hint in hints.items() if name in columns}
    )


def checked_text(name: str, text: str) -> str:
    """The text itself. Raises Refusal(REQUEST_REJECTED) when no column can hold it."""
    if len(text.encode("utf-16-le")) // 2 > TEXT_UNITS_MAX:
        raise Refusal(
            Code.REQUEST_REJECTED,
            f"`{name}` has more than {TEXT_UNITS_MAX} characters, which no table column holds",
        )
    return text


@cache
def _hints(wanted: type) -> dict[str, Any]:
    # Evaluating annotations costs more than the rest of a row, and a batch has fifty thousand rows of one kind.
    hints = get_type_hints(wanted)
    return {field.name: hints[field.name] for field in dataclasses.fields(wanted)}


def _column(name: str, value: object) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        # Left to itself the client writes Int32, which a mailbox of 2 GiB overflows.
        return EntityProperty(value, EdmType.INT64)
    if isinstance(value, datetime):
        return _instant(name, value)
    return checked_text(name, _text(name, value))


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return json.dumps(value, ensure_ascii=False)
    raise TypeError(f"`{name}` is {type(value).__name__}, which has no column form")


def _instant(name: str, value: datetime) -> datetime:
    if value.tzinfo is None:
        raise TypeError(f"`{name}` has no time zone")
    return value.astimezone(UTC)


def _field(hint: Any, column: Any) -> Any:
    plain = column.value if isinstance(column, EntityProperty) else column
    members = [member for member in get_args(hint) if member is not NoneType]
    if NoneType in get_args(hint):
        return None if plain == "" else _field(members[0], plain)
    if get_origin(hint) is tuple:
        return tuple(json.loads(plain)) if plain else ()
    if hint is datetime:
        # The client's own subclass would not survive a comparison of types.
        return datetime.fromisoformat(plain.isoformat()).astimezone(UTC)
    if issubclass(hint, StrEnum):
        return hint(plain)
    if not isinstance(plain, hint):
        raise TypeError(f"expected {hint.__name__}, found {type(plain).__name__}")
    return plain
