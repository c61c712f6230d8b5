"""Imports an app's `function_app.py` and indexes its functions, as the Python worker does.

Source: azure-functions-python-worker `loader.py`, `functions.py`.
"""

import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import azure.functions as func
from azure.functions.decorators.function_app import FunctionRegister

from sandbox.local_host.settings import resolve

MODULE = "function_app"
# Where a durable function may be given another name than its own.
RENAMING_FIELDS = {
    "orchestrationTrigger": "orchestration",
    "activityTrigger": "activity",
    "entityTrigger": "entityName",
}
RETURNING_TRIGGERS = {"httpTrigger", "orchestrationTrigger", "activityTrigger", "entityTrigger"}

Binding = Mapping[str, Any]
T = TypeVar("T")


class AppInvalidError(Exception):
    """The app cannot be indexed."""


@dataclass(frozen=True)
class AppFunction:
    """One function of the app, its trigger and its other bindings."""

    name: str
    durable_name: str
    trigger: Binding
    bindings: tuple[Binding, ...]
    run: Callable[..., Any]
    takes_context: bool

    @property
    def kind(self) -> str:
        """The trigger's type, such as `activityTrigger`."""
        return str(self.trigger["type"])

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.run)

    @property
    def without_middleware(self) -> Callable[..., Any]:
        """The user's own function where the SDK wrapped it for a durable client."""
        inner: Callable[..., Any] = getattr(self.run, "client_function", self.run)
        return inner

    @property
    def client_names(self) -> tuple[str, ...]:
        """The parameters which take a durable client."""
        return tuple(one["name"] for one in self.bindings if one["type"] == "durableClient")

    @property
    def returns_value(self) -> bool:
        """Whether a value other than None may be returned."""
        outputs = (one for one in self.bindings if one["name"] == "$return")
        return self.kind in RETURNING_TRIGGERS or any(outputs)


@dataclass(frozen=True)
class App:
    """The functions of one app."""

    functions: tuple[AppFunction, ...]

    def of_kind(self, kind: str) -> tuple[AppFunction, ...]:
        """The functions with this trigger."""
        return tuple(one for one in self.functions if one.kind == kind)

    def named(self, name: str) -> AppFunction | None:
        """The function of this name, in any case, or None."""
        return _first(one for one in self.functions if one.name.lower() == name.lower())

    def durable(self, kind: str, name: str) -> AppFunction | None:
        """The orchestrator, activity or entity registered under `name`, in any case, or None."""
        return self._durable.get((kind, name.lower()))

    @cached_property
    def _durable(self) -> dict[tuple[str, str], AppFunction]:
        # The first of a name wins, as everywhere else.
        return {(one.kind, one.durable_name.lower()): one for one in reversed(self.functions)}

    def missing_text(self, kind: str, name: str) -> str:
        """What the extension says about a function which is not there."""
        noun = {"activityTrigger": "activity", "entityTrigger": "entity"}.get(kind, "orchestrator")
        known = ", ".join(f"'{one.durable_name}'" for one in self.of_kind(kind))
        return (
            f"The function '{name}' doesn't exist, is disabled, or is not an {noun} function. "
            f"Additional info: The following are the known {noun} functions: {known}."
        )


def load_app(folder: Path) -> App:
    """Import `function_app.py` of `folder`, with the folder as working directory, and index it.

    Raises:
        AppInvalidError: no module, none or several FunctionApp objects, or a function the worker would refuse.
    """
    os.chdir(folder)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return index(import_app(folder))


def import_app(folder: Path) -> ModuleType:
    """Import the app's module afresh, under the name `function_app`."""
    path = folder / f"{MODULE}.py"
    if not path.exists():
        raise AppInvalidError(f"{path} does not exist")
    spec = importlib.util.spec_from_file_location(MODULE, path)
    if spec is None or spec.loader is None:
        raise AppInvalidError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    spec.loader.exec_module(module)
    return module


def index(module: ModuleType) -> App:
    """The app which a module defines.

    Raises:
        AppInvalidError: see `load_app`.
    """
    registers = {id(one): one for one in vars(module).values() if isinstance(one, FunctionRegister)}
    if len(registers) != 1:
        raise AppInvalidError(f"{len(registers)} FunctionApp objects in {MODULE}.py, one is needed")
    (register,) = registers.values()
    return App(tuple(_function(one) for one in register.get_functions()))


def _function(found: Any) -> AppFunction:
    bindings = tuple(_resolved(json.loads(text)) for text in found.get_raw_bindings())
    trigger = _first(one for one in bindings if one["type"].endswith("Trigger"))
    name = found.get_function_name()
    if trigger is None:
        raise AppInvalidError(f"function {name} has no trigger")
    run = found.get_user_function()
    return AppFunction(
        name=name,
        durable_name=trigger.get(RENAMING_FIELDS.get(trigger["type"], ""), None) or name,
        trigger=trigger,
        bindings=bindings,
        run=run,
        takes_context=_check_parameters(name, run, bindings, trigger),
    )


def _resolved(binding: Mapping[str, Any]) -> Binding:
    return {
        key: resolve(value, os.environ) if isinstance(value, str) else value
        for key, value in binding.items()
    }


def _check_parameters(
    name: str, run: Callable[..., Any], bindings: tuple[Binding, ...], trigger: Binding
) -> bool:
    """Refuse what the worker refuses; return whether the function also asks for its invocation's context."""
    parameters = inspect.signature(run).parameters
    if trigger["type"] in ("orchestrationTrigger", "entityTrigger"):
        return (
            False  # the SDK's own handler always has one parameter, whatever the binding is called
        )
    bound = {one["name"] for one in bindings if one["name"] != "$return"}
    unbound = set(parameters) - bound
    takes_context = "context" in unbound and parameters["context"].annotation in (
        inspect.Parameter.empty,
        func.Context,
        "func.Context",
    )
    if takes_context:
        unbound.remove("context")
    if unbound:
        raise AppInvalidError(f"{name}: parameters without a binding: {sorted(unbound)}")
    if bound - set(parameters):
        missing = sorted(bound - set(parameters))
        raise AppInvalidError(f"{name}: bindings without a parameter: {missing}")
    return takes_context


def _first(found: "Iterator[T]") -> "T | None":
    return next(found, None)
