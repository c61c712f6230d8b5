"""Values to JSON and back: what stories and steps hand each other through the engine.

Knows str, int, float, bool, None, aware datetime (ISO 8601), StrEnum, tuple[T, ...], dict[str, T], `T | None`, frozen
dataclasses and unions of dataclasses (told apart by `$type`). Anything else is a TypeError at once.
"""

import dataclasses
import enum
import types
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")

# No field of a dataclass can be spelled like this.
TYPE_KEY = "$type"

# Most of all values are these, and stand for themselves.
_PLAIN = frozenset({bool, float, int, str, type(None)})

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def encode(value: object) -> Json:
    """The JSON form of a value. Raises TypeError for a type that has none."""
    kind: Any = type(value)
    if kind in _PLAIN or isinstance(value, int | float):
        return cast("Json", value)
    if isinstance(value, str):
        return value.value if isinstance(value, enum.StrEnum) else value
    if isinstance(value, datetime):
        return _instant_text(value)
    names = _field_names(kind)
    if names is not None:
        fields = {name: encode(getattr(value, name)) for name in names}
        return {TYPE_KEY: kind.__name__, **fields}
    if isinstance(value, tuple | list | frozenset):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def decode(wanted: type[T], raw: object) -> T:
    """The value of type `wanted` that `raw` stands for.

    Fields that `raw` lacks take their default, so a running story survives a release that adds one.

    Raises:
        TypeError, ValueError, KeyError: `raw` is not what `encode` makes of a `wanted`.
    """
    return cast("T", _decode(wanted, raw))


def _decode(wanted: Any, raw: Any) -> Any:
    if type(raw) is wanted and wanted in _PLAIN:
        return raw
    return _decoder(wanted)(raw)


# A story decodes its whole history again at every turn; the types are the same every time.
@cache
def _decoder(wanted: Any) -> Callable[[Any], Any]:
    origin, members = get_origin(wanted), get_args(wanted)
    if wanted is Any or wanted is object:
        return lambda raw: raw
    if origin in (Union, types.UnionType):
        return partial(_decode_union, members)
    if origin is tuple:
        return lambda raw: tuple(_decode(members[0], item) for item in raw)
    if origin is dict:
        return lambda raw: {key: _decode(members[1], item) for key, item in raw.items()}
    if dataclasses.is_dataclass(wanted if origin is None else origin):
        return partial(_decode_dataclass, wanted)
    return partial(_decode_plain, wanted)


def _decode_plain(wanted: Any, raw: Any) -> Any:
    if wanted is type(None):
        if raw is not None:
            raise TypeError(f"expected nothing, found {type(raw).__name__}")
        return None
    if wanted is datetime:
        return datetime.fromisoformat(raw)
    if isinstance(wanted, type) and issubclass(wanted, enum.StrEnum):
        return wanted(raw)
    if wanted is float and isinstance(raw, int) and not isinstance(raw, bool):
        return float(raw)
    if not isinstance(raw, wanted) or (isinstance(raw, bool) and wanted is not bool):
        raise TypeError(f"expected {wanted.__name__}, found {type(raw).__name__}")
    return raw


def _decode_union(members: tuple[Any, ...], raw: Any) -> Any:
    if raw is None and type(None) in members:
        return None
    others = _without_none(members)
    if isinstance(raw, dict) and TYPE_KEY in raw:
        for member in others:
            if (get_origin(member) or member).__name__ == raw[TYPE_KEY]:
                return _decode(member, raw)
    if len(others) == 1:
        return _decode(others[0], raw)
    raise TypeError(f"none of {[str(member) for member in members]} fits")


def _decode_dataclass(wanted: Any, raw: Any) -> Any:
    plain = get_origin(wanted) or wanted
    if raw.get(TYPE_KEY, plain.__name__) != plain.__name__:
        raise TypeError(f"expected {plain.__name__}, found {raw[TYPE_KEY]}")
    hints = _field_types(wanted)
    return plain(
        **{name: _decode(hints[name], item) for name, item in raw.items() if name in hints}
    )


@cache
def _without_none(members: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(member for member in members if member is not type(None))


@cache
def _field_names(kind: type) -> tuple[str, ...] | None:
    """The fields of a dataclass; None for any other type."""
    if not dataclasses.is_dataclass(kind):
        return None
    return tuple(field.name for field in dataclasses.fields(kind))


@cache
def _field_types(wanted: Any) -> Mapping[str, Any]:
    plain = get_origin(wanted) or wanted
    hints = get_type_hints(plain)
    bound = dict(zip(getattr(plain, "__parameters__", ()), get_args(wanted), strict=False))
    return {f.name: bound.get(hints[f.name], hints[f.name]) for f in dataclasses.fields(plain)}


def _instant_text(instant: datetime) -> str:
    if instant.tzinfo is None:
        raise TypeError("an instant without a time zone has no meaning here")
    return instant.astimezone(UTC).isoformat()


__all__ = ["Json", "decode", "encode"]
