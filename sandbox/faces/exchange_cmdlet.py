"""What a cmdlet is: its name, the roles that may run it, its parameters, what it does."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sandbox.faces.exchange_encoding import Change, Kind, bind
from sandbox.faces.exchange_errors import binding_failed
from sandbox.world.world import World

Row = dict[str, object]
T = TypeVar("T")

# Every cmdlet takes these; so do all that write take the second set.
COMMON_PARAMETERS = frozenset({"erroraction", "warningaction"})
VERBS_THAT_WRITE = frozenset(
    {
        "New",
        "Set",
        "Add",
        "Remove",
        "Update",
        "Start",
        "Stop",
        "Complete",
        "Enable",
        "Disable",
    }
)
# These ask "are you sure?" unless they are told not to.
VERBS_THAT_PROMPT = frozenset({"Remove", "Stop", "Complete", "Disable"})

RESULT_SIZE_DEFAULT = 1000


@dataclass(frozen=True)
class Parameter:
    """One parameter; `role` is a role that it needs beside those of its cmdlet."""

    name: str
    kind: Kind = Kind.TEXT
    is_mandatory: bool = False
    values: tuple[str, ...] = ()
    role: str | None = None


@dataclass(frozen=True)
class Arguments:
    """The bound parameters of one call, by name in lower case."""

    bound: Mapping[str, object]

    def has(self, name: str) -> bool:
        """Whether the parameter was given."""
        return name.lower() in self.bound

    def text(self, name: str, default: str = "") -> str:
        """A string or enumeration parameter."""
        return self._of(name, str, default)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A switch."""
        return self._of(name, bool, default)

    def number(self, name: str, default: int) -> int:
        """An integer or a size in bytes."""
        return self._of(name, int, default)

    def seconds(self, name: str, default: float) -> float:
        """A time span in seconds."""
        return self._of(name, float, default)

    def instant(self, name: str) -> datetime | None:
        """An instant, or None when not given."""
        value = self.bound.get(name.lower())
        return value if isinstance(value, datetime) else None

    def content(self, name: str) -> bytes:
        """A byte array."""
        return self._of(name, bytes, b"")

    def texts(self, name: str, before: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list parameter applied to the list it changes; unchanged when not given."""
        return self._of(name, Change, Change()).applied(before)

    def result_size_max(self) -> int | None:
        """How many objects are wanted at most; None for all."""
        if not self.has("ResultSize"):
            return RESULT_SIZE_DEFAULT
        value = self.bound["resultsize"]
        return value if isinstance(value, int) else None

    def _of(self, name: str, kind: type[T], default: T) -> T:
        value = self.bound.get(name.lower(), default)
        return value if isinstance(value, kind) else default


@dataclass
class Session:
    """One call while it runs."""

    world: World
    warnings: list[str] = field(default_factory=list)


Run = Callable[[Session, Arguments], list[Row]]


@dataclass(frozen=True)
class Cmdlet:
    """One cmdlet."""

    name: str
    roles: frozenset[str]
    parameters: tuple[Parameter, ...]
    run: Run

    @property
    def verb(self) -> str:
        """What stands before the hyphen."""
        return self.name.partition("-")[0]

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.verb in VERBS_THAT_WRITE

    @property
    def prompts(self) -> bool:
        """Whether it asks before it acts."""
        return self.verb in VERBS_THAT_PROMPT

    def bind(self, given: Mapping[str, object], held_roles: Iterable[str]) -> Arguments:
        """The parameters of a call, checked and converted.

        Raises:
            GatewayError: one is unknown to the caller, missing, empty where it must not be, or of the wrong type.
        """
        known = {p.name.lower(): p for p in self._parameters_for(frozenset(held_roles))}
        bound: dict[str, object] = {}
        for name, raw in given.items():
            if name.partition("@")[1] or name.lower() in COMMON_PARAMETERS:
                continue
            parameter = known.get(name.lower())
            if parameter is None:
                raise binding_failed(
                    f"A parameter cannot be found that matches parameter name '{name}'."
                )
            bound[name.lower()] = bind(parameter.name, parameter.kind, parameter.values, raw)
        self._check_mandatory(bound)
        return Arguments(bound)

    def _parameters_for(self, held_roles: frozenset[str]) -> list[Parameter]:
        own = [p for p in self.parameters if p.role is None or p.role in held_roles]
        if self.writes:
            own += [Parameter("Confirm", Kind.SWITCH), Parameter("WhatIf", Kind.SWITCH)]
        return own

    def _check_mandatory(self, bound: Mapping[str, object]) -> None:
        for parameter in self.parameters:
            if not parameter.is_mandatory:
                continue
            if parameter.name.lower() not in bound:
                raise binding_failed(
                    "Cannot process command because of one or more missing mandatory parameters: "
                    f"{parameter.name}."
                )
            if bound[parameter.name.lower()] == "":
                raise binding_failed(
                    f"Cannot bind argument to parameter '{parameter.name}' because it is an empty string."
                )


def cmdlet(name: str, roles: Iterable[str], run: Run, *parameters: Parameter | str) -> Cmdlet:
    """A cmdlet; a parameter given as a bare name is an optional string, `!name` a mandatory one."""
    declared = tuple(
        p if isinstance(p, Parameter) else Parameter(p.lstrip("!"), is_mandatory=p.startswith("!"))
        for p in parameters
    )
    return Cmdlet(name, frozenset(roles), declared, run)


def switches(*names: str) -> tuple[Parameter, ...]:
    """Several switches."""
    return tuple(Parameter(name, Kind.SWITCH) for name in names)


def lists(*names: str) -> tuple[Parameter, ...]:
    """Several list parameters."""
    return tuple(Parameter(name, Kind.TEXTS) for name in names)


RESULT_SIZE = Parameter("ResultSize", Kind.COUNT_OR_UNLIMITED)


def wanted(arguments: Arguments, items: list[T], is_it: Callable[[T, str], bool]) -> list[T] | None:
    """The items an optional Identity names; all of them when it is not given or empty; None when none is it."""
    identity = arguments.text("Identity").strip()
    if not identity:
        return items
    return [item for item in items if is_it(item, identity)] or None
