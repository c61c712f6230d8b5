"""How JSON becomes cmdlet parameters, and how objects become JSON.

Source: the request builder of the Exchange Online PowerShell module, for the type tags; Microsoft Learn, the parameter
tables of the cmdlets, for the types.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sandbox.faces.exchange_errors import GatewayError, transformation_failed

HASH_TABLE = "#Exchange.GenericHashTable"
BYTE_ARRAY = "#Exchange.ByteArrayType"
UNLIMITED = "Unlimited"

_SIZE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|TB)?\s*(?:\(.*\))?$", re.IGNORECASE)
_SIZE_FACTORS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_TIME_SPAN = re.compile(r"^(?:(\d+)\.)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?$|^(\d+)$")

Json = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """What a list parameter does to the list: replace it, or add to it and take from it."""

    replace: tuple[str, ...] | None = None
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def applied(self, before: tuple[str, ...]) -> tuple[str, ...]:
        """The list after the change. An empty replacement changes nothing, as the service has it."""
        if self.replace:
            return self.replace
        kept = [item for item in before if item.lower() not in {r.lower() for r in self.remove}]
        held = {k.lower() for k in kept}
        return (*kept, *(item for item in self.add if item.lower() not in held))


class Kind(StrEnum):
    """The .NET type of a parameter, as far as it matters on the wire."""

    TEXT = "System.String"
    SWITCH = "System.Management.Automation.SwitchParameter"
    NUMBER = "System.Int32"
    COUNT_OR_UNLIMITED = "Microsoft.Exchange.Data.Unlimited`1[System.UInt32]"
    SIZE = "Microsoft.Exchange.Data.ByteQuantifiedSize"
    INSTANT = "System.DateTime"
    TIME_SPAN = "System.TimeSpan"
    BYTES = "System.Byte[]"
    TEXTS = "Microsoft.Exchange.Data.MultiValuedProperty`1[System.String]"


def bind(parameter: str, kind: Kind, values: tuple[str, ...], raw: object) -> object:
    """The value of one parameter; `values` are the words an enumeration has.

    Raises:
        GatewayError: it does not convert.
    """
    if values and kind is Kind.TEXT:
        return _enumerated(parameter, values, raw)
    return _BINDERS[kind](parameter, raw)


def _refused(parameter: str, kind: Kind, raw: object) -> GatewayError:
    shown = raw if isinstance(raw, (str, int, float)) else type(raw).__name__
    return transformation_failed(
        parameter, f'Cannot convert value "{shown}" to type "{kind.value}".'
    )


def _enumerated(parameter: str, values: tuple[str, ...], raw: object) -> str:
    if raw is None:
        return ""
    found = next((v for v in values if isinstance(raw, str) and v.lower() == raw.lower()), None)
    if found is None:
        names = ",".join(values)
        raise transformation_failed(
            parameter,
            f'Unable to match the identifier name {raw} to a valid enumerator name. Specify one of "{names}" and try again.',
        )
    return found


def _text(parameter: str, raw: object) -> str:
    if raw is None:
        return ""
    if not isinstance(raw, str):
        raise _refused(parameter, Kind.TEXT, raw)
    return raw


def _switch(parameter: str, raw: object) -> bool:
    if not isinstance(raw, bool):
        raise _refused(parameter, Kind.SWITCH, raw)
    return raw


def _number(parameter: str, raw: object) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise _refused(parameter, Kind.NUMBER, raw)
    return raw


def _count(parameter: str, raw: object) -> int | None:
    if raw == UNLIMITED or (isinstance(raw, str) and raw.lower() == "unlimited"):
        return None
    if isinstance(raw, str) and raw.isdecimal():
        return int(raw)
    return _number(parameter, raw)


def _size_bytes(parameter: str, raw: object) -> int:
    match = _SIZE.match(raw) if isinstance(raw, str) else None
    if match is None:
        raise _refused(parameter, Kind.SIZE, raw)
    return int(float(match[1]) * _SIZE_FACTORS[(match[2] or "B").upper()])


def _instant(parameter: str, raw: object) -> datetime:
    if not isinstance(raw, str):
        raise _refused(parameter, Kind.INSTANT, raw)
    # .NET writes seven digits of a second; Python reads six.
    shortened = re.sub(r"(\.\d{6})\d+", r"\1", raw)
    try:
        instant = datetime.fromisoformat(shortened)
    except ValueError:
        raise _refused(parameter, Kind.INSTANT, raw) from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _time_span_s(parameter: str, raw: object) -> float:
    match = _TIME_SPAN.match(raw) if isinstance(raw, str) else None
    if match is None:
        raise _refused(parameter, Kind.TIME_SPAN, raw)
    days, hours, minutes, seconds, bare_days = (int(part or 0) for part in match.groups())
    span = timedelta(days=days or bare_days, hours=hours, minutes=minutes, seconds=seconds)
    return span.total_seconds()


def _bytes(parameter: str, raw: object) -> bytes:
    numbers = raw.get("Data") if isinstance(raw, dict) else raw
    if isinstance(raw, dict) and raw.get("@odata.type") != BYTE_ARRAY:
        raise _refused(parameter, Kind.BYTES, raw)
    if not isinstance(numbers, list) or not all(_is_byte(number) for number in numbers):
        raise _refused(parameter, Kind.BYTES, raw if isinstance(raw, dict) else numbers)
    return bytes(numbers)


def _is_byte(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= 255


def _texts(parameter: str, raw: object) -> Change:
    if isinstance(raw, dict):
        if raw.get("@odata.type") != HASH_TABLE:
            raise _refused(parameter, Kind.TEXTS, raw)
        parts = {key.lower(): value for key, value in raw.items() if not key.startswith("@")}
        if not set(parts) <= {"add", "remove"}:
            raise _refused(parameter, Kind.TEXTS, raw)
        return Change(
            add=_listed(parameter, parts.get("add", [])),
            remove=_listed(parameter, parts.get("remove", [])),
        )
    return Change(replace=_listed(parameter, raw))


def _listed(parameter: str, raw: object) -> tuple[str, ...]:
    items = [raw] if isinstance(raw, str) else raw
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise _refused(parameter, Kind.TEXTS, raw)
    return tuple(items)


_BINDERS: dict[Kind, Callable[[str, object], object]] = {
    Kind.TEXT: _text,
    Kind.SWITCH: _switch,
    Kind.NUMBER: _number,
    Kind.COUNT_OR_UNLIMITED: _count,
    Kind.SIZE: _size_bytes,
    Kind.INSTANT: _instant,
    Kind.TIME_SPAN: _time_span_s,
    Kind.BYTES: _bytes,
    Kind.TEXTS: _texts,
}


@dataclass(frozen=True)
class Size:
    """A quantity of bytes, which the service writes as text."""

    size_bytes: int

    def __str__(self) -> str:
        size = float(self.size_bytes)
        unit = "B"
        for larger in ("KB", "MB", "GB", "TB"):
            if size < 1024:
                break
            size, unit = size / 1024, larger
        shown = f"{size:.4g}" if unit != "B" else str(self.size_bytes)
        return f"{shown} {unit} ({self.size_bytes:,} bytes)"


@dataclass(frozen=True)
class UtcText:
    """An instant of a property whose name says UTC; written with `Z`."""

    instant_utc: datetime | None


def encoded(row: Mapping[str, object]) -> Json:
    """An object as the service writes it, with the keys that name the types beside the values."""
    out: Json = {}
    for name, value in row.items():
        out[name] = _plain(value)
        tag = _type_tag(value)
        if tag is not None:
            out[f"{name}@{'odata' if tag.startswith('#') else 'data'}.type"] = tag
    return out


def _plain(value: object) -> object:
    match value:
        case UtcText(instant):
            return None if instant is None else f"{_dot_net(instant)}Z"
        case datetime():
            return _dot_net(value)
        case timedelta():
            return _span_text(value)
        case StrEnum() | Size():
            return str(value)
        case tuple() | list():
            return [encoded(item) if isinstance(item, Mapping) else _plain(item) for item in value]
        case _:
            return value


# Looked through in this order: a bool is an int to Python, too.
_TYPE_TAGS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "System.Boolean"),
    (int, "System.Int32"),
    ((datetime, UtcText), "System.DateTime"),
    (timedelta, "System.TimeSpan"),
    (Size, Kind.SIZE.value),
    ((tuple, list), "#Collection(String)"),
)


def _type_tag(value: object) -> str | None:
    if isinstance(value, StrEnum):
        return f"Microsoft.Exchange.Data.{type(value).__name__}"
    return next((tag for kind, tag in _TYPE_TAGS if isinstance(value, kind)), None)


def _dot_net(instant: datetime) -> str:
    utc = instant.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond:06d}0"


def _span_text(span: timedelta) -> str:
    hours, rest_s = divmod(span.seconds, 3600)
    minutes, seconds = divmod(rest_s, 60)
    days = f"{span.days}." if span.days else ""
    return f"{days}{hours:02d}:{minutes:02d}:{seconds:02d}"
