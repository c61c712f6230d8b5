"""From a TOML document to typed values: which keys there are, of which type, which are missing.

Knows nothing of what a key means: the dataclasses of `plan` say what exists, `plan_checks` what is sensible.
"""

import dataclasses
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args, get_origin, get_type_hints

Values = dict[str, Any]
"""Usable values by dotted key, such as `{"cutover.probe_count": 3}`; defaults included, mistaken keys left out."""

_EXPECTED = {
    str: ("text", 'Write text in quotes: {name} = "..."'),
    int: ("a whole number", "Write a whole number without quotes: {name} = 1"),
    bool: ("true or false", "Write true or false without quotes: {name} = true"),
}
_TOML_NAMES = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a fraction",
    list: "a list",
    dict: "a table",
}
_SECRET_WORDS = ("password", "secret", "pwd", "token")


@dataclass(frozen=True)
class PlanMistake:
    """One thing to put right in the plan: where, what is wrong, what to do."""

    key: str
    """Dotted key such as `cutover.probe_count`, or `line 3, column 5` when the text is no TOML."""
    what: str
    todo: str

    def __str__(self) -> str:
        return f"{self.key}: {self.what}. {self.todo}"


class PlanReading:
    """What reading one plan has found so far."""

    def __init__(self) -> None:
        self.values: Values = {}
        self.mistakes: list[PlanMistake] = []

    def wrong(self, key: str, what: str, todo: str) -> None:
        """Note a mistake and read on."""
        self.mistakes.append(PlanMistake(key, what, todo))


def read_table(kind: type, raw: object, key: str, reading: PlanReading) -> None:
    """Read the TOML table `raw` at `key` as the dataclass `kind`; the root's key is empty."""
    if not isinstance(raw, Mapping):
        reading.wrong(key, f"is {_toml_name(raw)}, not a section", f"Write a section [{key}]")
        return
    hints = get_type_hints(kind)
    for name in raw:
        if name not in hints:
            _unknown(name, key, tuple(hints), reading)
    for field in dataclasses.fields(kind):
        if field.name in raw:
            _read_value(hints[field.name], raw[field.name], dotted(key, field.name), field, reading)
        else:
            _read_absent(hints[field.name], dotted(key, field.name), field, reading)


def build(kind: type, key: str, values: Values) -> Any:
    """The dataclass `kind` from values read without a mistake."""
    hints = get_type_hints(kind)
    built: dict[str, Any] = {}
    for name, hint in hints.items():
        place = dotted(key, name)
        if dataclasses.is_dataclass(hint):
            built[name] = build(_a_type(hint), place, values)
        elif get_origin(hint) is dict:
            item = get_args(hint)[1]
            built[name] = {each: build(item, dotted(place, each), values) for each in values[place]}
        else:
            built[name] = values[place]
    return kind(**built)


def dotted(key: str, name: str) -> str:
    """The key of `name` in the section `key`."""
    return f"{key}.{name}" if key else name


def nearest(name: str, known: tuple[str, ...]) -> str:
    """What to do about an unknown name: the known one that looks like it, or all of them."""
    close = get_close_matches(name.lower(), known, n=1)
    if close:
        return f"Did you mean {close[0]}?"
    return f"Known are: {', '.join(sorted(known))}"


def _read_value(
    hint: Any, raw: object, key: str, field: dataclasses.Field[Any], reading: PlanReading
) -> None:
    if dataclasses.is_dataclass(hint):
        read_table(_a_type(hint), raw, key, reading)
    elif get_origin(hint) is dict:
        _read_named_tables(get_args(hint)[1], raw, key, reading)
    elif get_origin(hint) is tuple:
        _read_list(get_args(hint)[0], raw, key, reading)
    else:
        _read_plain(hint, raw, key, reading, required=_is_required(field))


def _read_absent(hint: Any, key: str, field: dataclasses.Field[Any], reading: PlanReading) -> None:
    if _is_required(field):
        section = dataclasses.is_dataclass(hint) or get_origin(hint) is dict
        shown = f"[{key}.default]" if get_origin(hint) is dict else f"[{key}]" if section else key
        reading.wrong(
            key, "is missing", f"Add {shown}; the reference of the plan says what it means"
        )
    elif dataclasses.is_dataclass(hint):
        read_table(_a_type(hint), {}, key, reading)
    elif field.default_factory is not dataclasses.MISSING:
        reading.values[key] = tuple(field.default_factory())  # tables by name: none
    else:
        reading.values[key] = field.default


def _read_named_tables(kind: type, raw: object, key: str, reading: PlanReading) -> None:
    if not isinstance(raw, Mapping):
        reading.wrong(
            key, f"is {_toml_name(raw)}, not a section", f"Write a section [{key}.default]"
        )
        return
    reading.values[key] = tuple(raw)
    for name, item in raw.items():
        read_table(kind, item, dotted(key, name), reading)


def _read_list(kind: type, raw: object, key: str, reading: PlanReading) -> None:
    if not isinstance(raw, list):
        what = f"is {_toml_name(raw)}, not a list"
        reading.wrong(key, what, f'Write a list: {key.rpartition(".")[2]} = ["..."]')
        return
    before_count = len(reading.mistakes)
    items = PlanReading()
    for position, item in enumerate(raw):
        _read_plain(kind, item, f"{key}[{position}]", items, required=True)
    reading.mistakes.extend(items.mistakes)
    if len(reading.mistakes) == before_count:
        reading.values[key] = tuple(items.values.values())


def _read_plain(kind: Any, raw: object, key: str, reading: PlanReading, *, required: bool) -> None:
    if issubclass(kind, enum.StrEnum):
        _read_choice(kind, raw, key, reading)
    elif type(raw) is not kind:  # exactly: in Python true is also an int, in a plan it is not
        expected, todo = _EXPECTED[kind]
        name = key.rpartition(".")[2]
        reading.wrong(key, f"is {_toml_name(raw)}, not {expected}", todo.format(name=name))
    elif required and isinstance(raw, str) and not raw.strip():
        reading.wrong(key, "is empty", "Write its value between the quotes")
    else:
        reading.values[key] = raw


def _read_choice(kind: type[enum.StrEnum], raw: object, key: str, reading: PlanReading) -> None:
    known = tuple(member.value for member in kind)
    if isinstance(raw, str) and raw in known:
        reading.values[key] = kind(raw)
    else:
        shown = repr(raw) if isinstance(raw, str) else _toml_name(raw)
        reading.wrong(key, f"is {shown}, which is not known", nearest(str(raw), known))


def _unknown(name: str, key: str, known: tuple[str, ...], reading: PlanReading) -> None:
    where = f"in [{key}]" if key else "at the top of the plan"
    if any(word in name.lower() for word in _SECRET_WORDS):
        todo = "Remove it: the plan holds no secrets, they come from the app's settings"
    else:
        todo = nearest(name, known)
    reading.wrong(dotted(key, name), f"is not known {where}", todo)


def _is_required(field: dataclasses.Field[Any]) -> bool:
    no_value = field.default is dataclasses.MISSING
    return no_value and field.default_factory is dataclasses.MISSING


def _toml_name(raw: object) -> str:
    return _TOML_NAMES.get(type(raw), "a date or time")


def _a_type(hint: Any) -> type:
    """`is_dataclass` is true of instances too; a hint is always the class."""
    if not isinstance(hint, type):
        raise TypeError(f"{hint!r} is no class")
    return hint
