"""Where the faults of a life strike: between the host and its steps, and between a step and its ports.

A kill is an exception that no product code may catch. What a `finally` would still do after it, a killed process would
not: so every port answers a killed process with the same kill, until a new one is started.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import fields
from types import TracebackType
from typing import Any

from azure.durable_functions import DurableOrchestrationClient

from bascule.domain.errors import Unreachable
from sandbox.in_process.witness import Witness
from sandbox.local_host.client_binding import InProcessClient
from sandbox.local_host.loader import AppFunction
from sandbox.local_host.management import Management
from sandbox.local_host.worker import ActivityResult, ProgramReply
from sandbox.simulate.life import Fault, FaultKind

# The plan is a value and the clock has no effect: nothing can break between them and a step.
NOT_WATCHED = frozenset({"plan", "clock"})

# (step, the mailbox or batch it is about, its answer)
StepSeen = Callable[[str, str, str], None]


class Killed(BaseException):
    """The process is gone. Not an Exception: nothing but the simulator may catch it."""


class Fates:
    """The faults of one life, and how far it has come towards each."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self._faults = faults
        self._runs: Counter[str] = Counter()
        self._bell_count = 0
        self._step = ""
        self._call_count = 0
        self.is_dead = False
        self.pause_s = 0.0
        self.kill_after_commit = False
        self.struck: Counter[FaultKind] = Counter()
        self.is_down: Callable[[str], bool] = lambda _: False
        """Whether what is behind a port does not answer now, by the port's name."""
        self.boundary_seen: Callable[[Fault, str], None] | None = None
        """Told the kill that could strike now, and at a call the port and verb, for whoever records a life."""

    def begin_step(self, step: str) -> None:
        """A step begins to run."""
        self._step, self._call_count = step, 0
        self._runs[step] += 1
        self._kill_if(FaultKind.KILLED_BEFORE_STEP)

    def end_step(self) -> None:
        """It has run; its answer is not committed yet."""
        self._kill_if(FaultKind.KILLED_AFTER_STEP)
        fault = self._met(FaultKind.KILLED_AFTER_COMMIT)
        if fault:
            self.struck[fault.kind] += 1
            self.pause_s, self.kill_after_commit = fault.pause_s, True
        self._step = ""

    def repetition(self, kind: FaultKind) -> Fault | None:
        """The fault of this kind that strikes the step that just ran."""
        fault = self._due(kind)
        if fault:
            self.struck[kind] += 1
        return fault

    def before_call(self, what: str) -> None:
        """A port is about to be called."""
        self._live()
        if self._step:
            self._kill_if(FaultKind.KILLED_BEFORE_CALL, self._call_count, what=what)
        if self.is_down(what.partition(".")[0]):
            raise Unreachable(f"{what}: no answer")

    def after_call(self, what: str) -> None:
        """It has answered."""
        if self._step:
            number = self._call_count
            self._call_count += 1
            self._kill_if(FaultKind.KILLED_AFTER_CALL, number, what=what)

    def in_turn(self, story: str) -> None:
        """A story's turn has run and is not committed. Faults name turns `turn:STORY`."""
        self._runs[f"turn:{story}"] += 1
        self._kill_if(FaultKind.KILLED_IN_TURN, step=f"turn:{story}")

    def rings(self) -> int:
        """How often a bell that is rung now is heard."""
        nth = self._bell_count
        self._bell_count += 1
        for fault in self._faults:
            if fault.nth == nth and fault.kind in {FaultKind.BELL_LOST, FaultKind.BELL_DOUBLED}:
                self.struck[fault.kind] += 1
                return 0 if fault.kind is FaultKind.BELL_LOST else 2
        return 1

    def grow_calm(self) -> None:
        """Nothing strikes any more."""
        self._faults = ()

    def revive(self) -> float:
        """A new process; for how many seconds there was none."""
        self.is_dead = self.kill_after_commit = False
        self._step = ""
        return self.pause_s

    def _live(self) -> None:
        if self.is_dead:
            raise Killed

    def _kill_if(self, kind: FaultKind, call: int = 0, step: str = "", what: str = "") -> None:
        fault = self._met(kind, call, step, what)
        if fault is None:
            return
        self.struck[kind] += 1
        self.pause_s, self.is_dead = fault.pause_s, True
        raise Killed

    def _met(self, kind: FaultKind, call: int = 0, step: str = "", what: str = "") -> Fault | None:
        if self.boundary_seen is not None:
            name = step or self._step
            self.boundary_seen(Fault(kind, name, self._runs[name] - 1, call), what)
        return self._due(kind, call, step)

    def _due(self, kind: FaultKind, call: int = 0, step: str = "") -> Fault | None:
        name = step or self._step
        nth = self._runs[name] - 1
        for fault in self._faults:
            if (fault.kind, fault.step, fault.nth) == (kind, name, nth) and (
                fault.call == call or "CALL" not in kind.name
            ):
                return fault
        return None


class FatefulPorts:
    """All ports, each call of which the fates see before and after."""

    def __init__(self, ports: Any, fates: Fates) -> None:
        self.plan, self.clock = ports.plan, ports.clock
        for name in {each.name for each in fields(ports)} - NOT_WATCHED:
            setattr(self, name, _FatefulPort(name, getattr(ports, name), fates))


class _FatefulPort:
    def __init__(self, name: str, port: Any, fates: Fates) -> None:
        self._name, self._port, self._fates = name, port, fates

    def __getattr__(self, verb: str) -> Any:
        target, fates, what = getattr(self._port, verb), self._fates, f"{self._name}.{verb}"

        def call(*given: Any, **named: Any) -> Any:
            fates.before_call(what)
            answer = target(*given, **named)
            fates.after_call(what)
            is_session = isinstance(answer, AbstractContextManager)
            return _FatefulSession(self._name, answer, fates) if is_session else answer

        # Ports are asked for their verbs all the time: made once, found in the object from then on.
        vars(self)[verb] = call
        return call


class _FatefulSession:
    """An opened mailbox: every command in it is a call like any other."""

    def __init__(self, name: str, session: AbstractContextManager[Any], fates: Fates) -> None:
        self._name, self._session, self._fates = name, session, fates

    def __enter__(self) -> Any:
        return _FatefulPort(self._name, self._session.__enter__(), self._fates)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return self._session.__exit__(kind, error, trace)


class FatefulWorker(Witness):
    """The worker of a host that can be killed, and that may run a step more often than it was asked to."""

    def __init__(self, make_client: Callable[[], Any], fates: Fates, step_seen: StepSeen) -> None:
        super().__init__(make_client)
        self._fates, self._step_seen = fates, step_seen
        self.late: list[tuple[float, AppFunction, str | None]] = []
        """Steps that a frozen host will run once more: (seconds from now, function, request)."""

    def orchestrate(self, function: AppFunction, body: str) -> ProgramReply:
        """One turn, which a kill can undo."""
        reply = super().orchestrate(function, body)
        self._fates.in_turn(function.name)
        return reply

    def call_activity(self, function: AppFunction, input_text: str | None) -> ActivityResult:
        """One step, which may be killed or repeated."""
        self._fates.begin_step(function.name)
        result = super().call_activity(function, input_text)
        if self._fates.repetition(FaultKind.STEP_TWICE):
            result = super().call_activity(function, input_text)
        late = self._fates.repetition(FaultKind.STEP_LATE_AGAIN)
        if late:
            self.late.append((late.pause_s, function, input_text))
        self._fates.end_step()
        self._step_seen(function.name, _subject(input_text), _answer(result))
        return result

    async def await_activity(self, function: AppFunction, input_text: str | None) -> ActivityResult:
        """The one asynchronous step."""
        self._fates.begin_step(function.name)
        result = await super().await_activity(function, input_text)
        self._fates.end_step()
        self._step_seen(function.name, _subject(input_text), _answer(result))
        return result

    def run_again(self, function: AppFunction, input_text: str | None) -> None:
        """The late repetition of a step; nobody waits for its answer."""
        super().call_activity(function, input_text)


class HardOfHearing(InProcessClient):
    """The durable client when bells are lost or rung twice on the way."""

    def __init__(self, management: Management, hub_name: str, fates: Fates) -> None:
        super().__init__(management, hub_name)
        self._fates = fates

    async def raise_event(self, instance_id: str, event_name: str, event_data: Any = None) -> None:
        """Ring as often as the fates let it be heard."""
        for _ in range(self._fates.rings()):
            await DurableOrchestrationClient.raise_event(self, instance_id, event_name, event_data)


def _answer(result: ActivityResult) -> str:
    """`Done`, `Later`, `Refused CODE` or `broken`, from the answer's JSON text."""
    text = result.result_json or ""
    if '"Refused"' in text:
        code = text.partition('"code": "')[2].partition('"')[0]
        return f"Refused {code}"
    return "Later" if '"Later"' in text else "Done" if '"Done"' in text else "broken"


def _subject(request: str | None) -> str:
    text = (request or "").replace("\\", "")
    for name in ("key", "batch", "name"):
        found = text.partition(f'"{name}": "')[2].partition('"')[0]
        if found:
            return found
    return ""
