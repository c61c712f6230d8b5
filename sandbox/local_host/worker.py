"""Calls the app's functions the way the Python worker does: decode, call, encode.

Source: azure-functions-python-worker `dispatcher.py`, `bindings/meta.py`; azure-functions `durable_functions.py`.
"""

import json
import traceback
import uuid
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import azure.functions as func

from sandbox.local_host.history import Action
from sandbox.local_host.loader import AppFunction

STATE_MARKER = "\n\n$OutOfProcData$:"
ClientMaker = Callable[[], Any]


@dataclass(frozen=True)
class ProgramReply:
    """What the SDK answered to one turn.

    `error` is what the orchestrator raised; `crash` is what the SDK itself raised, and then nothing else is known.
    `output` and `custom_status` are native JSON values; None when absent.
    """

    actions: tuple[Action, ...] = ()
    is_done: bool = False
    output: Any = None
    custom_status: Any = None
    error: str | None = None
    crash: str | None = None


@dataclass(frozen=True)
class Failure:
    """What a function raised: the class, the text as the host reports it, and the trace."""

    type_name: str
    text: str
    details: str


@dataclass(frozen=True)
class ActivityResult:
    """JSON text of an activity's answer, or its failure."""

    result_json: str | None = None
    failure: Failure | None = None


class InvocationContext(func.Context):
    """The `context` parameter of a function which asks for one."""

    def __init__(self, function_name: str) -> None:
        self._function_name = function_name
        self._invocation_id = str(uuid.uuid4())

    @property
    def invocation_id(self) -> str:
        return self._invocation_id

    @property
    def function_name(self) -> str:
        return self._function_name

    @property
    def function_directory(self) -> str:
        return str(Path.cwd())

    @property
    def thread_local_storage(self) -> Any:
        return None

    @property
    def trace_context(self) -> Any:
        return None

    @property
    def retry_context(self) -> Any:
        return None


class Worker:
    """Calls functions. `make_client` gives a durable client, or the binding text of one."""

    def __init__(self, make_client: ClientMaker) -> None:
        self._make_client = make_client
        # The SDK says so for every event nobody waits for; the host names such traps itself.
        warnings.filterwarnings("ignore", message="Potential duplicate Task completion")

    def orchestrate(self, function: AppFunction, body: str) -> ProgramReply:
        """Run an orchestrator from the first event; never raises."""
        try:
            return parse_reply(json.loads(function.run(func.OrchestrationContext(body))))
        except Exception as raised:  # noqa: BLE001 - whatever the app raises is its answer
            return parse_failure(str(raised))

    def operate(self, function: AppFunction, body: str) -> dict[str, Any]:
        """Run one batch of entity operations; raises what the entity's handler raises."""
        reply: dict[str, Any] = json.loads(function.run(func.EntityContext(body)))
        return reply

    def prepare(self, function: AppFunction, trigger_value: Any) -> Callable[[], Any]:
        """One call, ready to be made: trigger, durable clients and context are bound."""
        values: dict[str, Any] = {function.trigger["name"]: trigger_value}
        run = function.run
        for name in function.client_names:
            values[name] = self._make_client()
            if not isinstance(values[name], str):
                # The SDK's middleware makes clients of binding texts; a client needs no middleware.
                run = function.without_middleware
        if function.takes_context:
            values["context"] = InvocationContext(function.name)
        return partial(run, **values)

    def _prepare_activity(self, function: AppFunction, input_text: str | None) -> Callable[[], Any]:
        datum = func.meta.Datum(input_text or "", "string")
        value = _activity_converter().decode(datum, trigger_metadata={})
        return self.prepare(function, value)

    def activity_result(self, value: Any) -> ActivityResult:
        """The encoded answer of an activity, a failure when it is not JSON."""
        try:
            return ActivityResult(_activity_converter().encode(value, expected_type=None).value)
        except ValueError as raised:
            return ActivityResult(failure=failure_of(raised))

    def call_activity(self, function: AppFunction, input_text: str | None) -> ActivityResult:
        """Run a synchronous activity in this thread; never raises."""
        try:
            return self.activity_result(self._prepare_activity(function, input_text)())
        except Exception as raised:  # noqa: BLE001 - whatever the app raises is its answer
            return ActivityResult(failure=failure_of(raised))

    async def await_activity(self, function: AppFunction, input_text: str | None) -> ActivityResult:
        """Run an asynchronous activity on this event loop; raises nothing but cancellation."""
        try:
            return self.activity_result(await self._prepare_activity(function, input_text)())
        except Exception as raised:  # noqa: BLE001 - whatever the app raises is its answer
            return ActivityResult(failure=failure_of(raised))


def parse_reply(state: dict[str, Any]) -> ProgramReply:
    """The reply in an orchestrator's state JSON; schema V3 puts all actions in one inner list."""
    return ProgramReply(
        actions=tuple(action for group in state.get("actions", []) for action in group),
        is_done=state.get("isDone", False),
        output=state.get("output"),
        custom_status=state.get("customStatus"),
        error=state.get("error"),
    )


def parse_failure(text: str) -> ProgramReply:
    """The reply in the text of an exception: with the state marker it is the orchestrator's own failure."""
    message, marker, state_json = text.partition(STATE_MARKER)
    if not marker:
        return ProgramReply(crash=message)
    reply = parse_reply(json.loads(state_json))
    return ProgramReply(
        actions=reply.actions,
        is_done=reply.is_done,
        custom_status=reply.custom_status,
        error=reply.error or message,
    )


def failure_of(raised: Exception) -> Failure:
    """What the worker tells the host about an exception."""
    trace = "".join(traceback.format_exception(raised))
    type_name = type(raised).__name__
    return Failure(type_name, f"{type_name}: {raised}", trace)


def _activity_converter() -> Any:
    registry: Any = func.get_binding_registry  # untyped in azure-functions
    return registry().get("activityTrigger")
