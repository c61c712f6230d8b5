"""One turn of one instance: take messages, run the orchestrator, judge its program, commit.

    begin   reads messages and history; writes nothing that matters
    run     the worker's part, in any thread
    commit  history, outgoing messages and status in one transaction

Killed between begin and commit, the turn simply has not happened.

Source: DurableTask.Core `TaskOrchestrationDispatcher.cs`; azure-functions-durable-extension `TaskOrchestrationShim.cs`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sandbox.local_host import history, traps
from sandbox.local_host.clock import instant_text, parse_instant
from sandbox.local_host.core import (
    COMPLETED,
    FAILED,
    FINISHED,
    LOG,
    RANK_CARRIED_OVER,
    RUNNING,
    SUSPENDED,
    TERMINATED,
    Core,
)
from sandbox.local_host.decisions import Dispatcher
from sandbox.local_host.history import Event, Kind
from sandbox.local_host.replay import (
    NonDeterminismError,
    Outcome,
    UnsupportedActionError,
    replay,
)
from sandbox.local_host.store import Instance, Message
from sandbox.local_host.worker import ProgramReply

CUSTOM_STATUS_KB_MAX = 16  # of UTF-16, as the extension measures it

# What the storage provider tells the SDK; the values are those of Azure Storage.
PROTOCOL = {
    "upperSchemaVersion": 1,
    "upperSchemaVersionNew": 2,
    "longRunningTimerIntervalDuration": "3.00:00:00",
    "maximumShortTimerDuration": "6.00:00:00",
    "defaultHttpAsyncRequestSleepTimeMillseconds": 30000,
}


@dataclass(frozen=True)
class Turn:
    """A turn which has begun. `history` is everything, `fresh` its new tail, not stored yet."""

    instance: Instance
    history: list[Event]
    fresh: list[Event]
    message_ids: tuple[int, ...]
    now_utc: datetime

    def has(self, kind: Kind) -> bool:
        """Whether a new event is of this kind."""
        return any(event["EventType"] == kind for event in self.fresh)

    @property
    def needs_code(self) -> bool:
        """False when the turn only ends or suspends the instance."""
        return not self.has(Kind.EXECUTION_TERMINATED) and not self.has(Kind.EXECUTION_SUSPENDED)

    def body(self) -> str:
        """The text which the extension sends to the orchestrator."""
        parent = self.instance.parent
        return json.dumps(
            {
                "history": self.history,
                "input": json.loads(self.instance.input) if self.instance.input else None,
                "instanceId": self.instance.instance_id,
                "isReplaying": False,
                "parentInstanceId": parent["OrchestrationInstance"]["InstanceId"]
                if parent
                else None,
                **PROTOCOL,
            }
        )


@dataclass(frozen=True)
class Verdict:
    """What becomes of the instance: its status, its output as JSON text, and what to schedule."""

    status: str
    output: str | None = None
    outcome: Outcome | None = None
    is_new_generation: bool = False

    @property
    def ending(self) -> tuple[str, str | None]:
        """Status and `Result` of the last event: JSON text when completed, else plain text."""
        if self.status == COMPLETED or self.output is None:
            return self.status, self.output
        return self.status, json.loads(self.output)


class Turns:
    """Begins, runs and commits turns."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._dispatcher = Dispatcher(core)
        self._histories: dict[str, tuple[str, list[Event]]] = {}

    def take(self, instance_id: str) -> ProgramReply | None:
        """One whole turn in this thread; None when there was nothing to do."""
        turn = self.begin(instance_id)
        if turn is None:
            return None
        reply = self.run(turn)
        self.commit(turn, reply)
        return reply

    def begin(self, instance_id: str) -> Turn | None:
        """Read what the next turn is made of; None when there is nothing to do."""
        store = self._core.store
        instance = store.instance(instance_id)
        messages = store.messages(instance_id)
        if instance is None or instance.status in FINISHED:
            self._discard(messages)
            return None
        stale = [one for one in messages if one.execution_id not in (None, instance.execution_id)]
        self._discard(stale)
        stale_ids = {one.message_id for one in stale}
        live = [one for one in messages if one.message_id not in stale_ids]
        taken = select_messages(live, is_suspended=instance.status == SUSPENDED)
        if not taken:
            return None
        return self._turn(instance, taken)

    def _turn(self, instance: Instance, taken: Sequence[Message]) -> Turn:
        old = self._history(instance)
        now_utc = self._core.now_utc()
        if old:
            now_utc = max(now_utc, parse_instant(old[-1]["Timestamp"]))
        started = history.event(Kind.ORCHESTRATOR_STARTED, now_utc)
        fresh = [started, *(one.event for one in taken)]
        ids = tuple(one.message_id for one in taken)
        return Turn(instance, [*old, *fresh], fresh, ids, now_utc)

    def run(self, turn: Turn) -> ProgramReply:
        """Let the orchestrator walk its history; an empty reply when the turn needs no code."""
        if not turn.needs_code:
            return ProgramReply()
        name = turn.instance.name
        function = self._core.app.durable("orchestrationTrigger", name)
        if function is None:
            return ProgramReply(crash=self._core.app.missing_text("orchestrationTrigger", name))
        return self._core.worker.orchestrate(function, turn.body())

    def commit(self, turn: Turn, reply: ProgramReply) -> None:
        """Write everything the turn brought about, or nothing when the instance changed meanwhile."""
        verdict = self._judge(turn, reply)
        self._warn(turn, reply, verdict)
        with self._core.store.transaction():
            current = self._core.store.instance(turn.instance.instance_id)
            if current is None or current.execution_id != turn.instance.execution_id:
                return
            self._core.store.drop_messages(turn.message_ids)
            self._write(turn, reply, verdict)
        self._report(turn, verdict)
        self._core.ready[turn.instance.instance_id] = None

    def _judge(self, turn: Turn, reply: ProgramReply) -> Verdict:
        if turn.has(Kind.EXECUTION_TERMINATED):
            reasons = [one for one in turn.fresh if one["EventType"] == Kind.EXECUTION_TERMINATED]
            return Verdict(TERMINATED, json.dumps(reasons[0]["Input"]))
        if turn.has(Kind.EXECUTION_SUSPENDED):
            return Verdict(SUSPENDED)
        name = turn.instance.name
        fault = reply.crash or custom_status_fault(reply.custom_status)
        if fault:
            return failure(name, fault)
        try:
            outcome = replay(reply.actions, turn.history)
        except NonDeterminismError as mismatch:
            return Verdict(FAILED, json.dumps(str(mismatch)))
        except UnsupportedActionError as unknown:
            return failure(name, str(unknown))
        absent = self._dispatcher.missing_function(outcome)
        return failure(name, absent) if absent else judge_outcome(name, reply, outcome)

    def _write(self, turn: Turn, reply: ProgramReply, verdict: Verdict) -> None:
        if verdict.is_new_generation and verdict.outcome is not None:
            self._begin_generation(turn, reply, verdict.outcome)
            return
        events = list(turn.fresh)
        if verdict.outcome is not None:
            events += self._dispatcher.dispatch(turn.instance, verdict.outcome, turn.now_utc)
        is_finished = verdict.status in FINISHED
        if is_finished:
            events.append(history.execution_completed(turn.now_utc, *verdict.ending))
        events.append(history.event(Kind.ORCHESTRATOR_COMPLETED, turn.now_utc))
        self._append(turn, events)
        instance = self._updated(turn, reply, verdict.status, verdict.output)
        self._core.store.put_instance(instance)
        if is_finished:
            self._end(instance)

    def _begin_generation(self, turn: Turn, reply: ProgramReply, outcome: Outcome) -> None:
        """Continue as new: same id, new execution, empty history."""
        core = self._core
        self._dispatcher.dispatch(turn.instance, outcome, turn.now_utc)
        core.store.forget_work(turn.instance.instance_id)
        self._histories.pop(turn.instance.instance_id, None)
        action = outcome.continue_as_new or {}
        instance = replace(
            self._updated(turn, reply, RUNNING, None),
            execution_id=core.make_id(),
            input=json.dumps(action.get("input")),
        )
        core.store.put_instance(instance)
        core.post_start(instance)
        for event in outcome.carried_over:
            core.post(instance.instance_id, event, None, RANK_CARRIED_OVER)

    def _updated(
        self, turn: Turn, reply: ProgramReply, status: str, output: str | None
    ) -> Instance:
        custom = turn.instance.custom_status
        if reply.custom_status is not None:
            custom = json.dumps(reply.custom_status)
        now = instant_text(turn.now_utc)
        return replace(
            turn.instance, status=status, output=output, custom_status=custom, updated_utc=now
        )

    def _end(self, instance: Instance) -> None:
        """Nothing waits any more: timers go, the parent is told."""
        self._core.store.run("DELETE FROM timers WHERE instance_id=?", instance.instance_id)
        self._histories.pop(instance.instance_id, None)
        self._dispatcher.tell_parent(instance)

    def _append(self, turn: Turn, events: list[Event]) -> None:
        old = turn.history[: len(turn.history) - len(turn.fresh)]
        self._core.store.append_history(turn.instance.instance_id, len(old), events)
        played = [*old, *({**one, "IsPlayed": True} for one in events)]
        self._histories[turn.instance.instance_id] = (turn.instance.execution_id, played)

    def _history(self, instance: Instance) -> list[Event]:
        execution_id, events = self._histories.get(instance.instance_id, ("", []))
        if execution_id != instance.execution_id:
            return self._core.store.history(instance.instance_id)
        return events

    def forget(self, instance_id: str) -> None:
        """The stored history was changed by somebody else."""
        self._histories.pop(instance_id, None)

    def _discard(self, messages: Sequence[Message]) -> None:
        if messages:
            with self._core.store.transaction():
                self._core.store.drop_messages([one.message_id for one in messages])

    def _warn(self, turn: Turn, reply: ProgramReply, verdict: Verdict) -> None:
        key = turn.instance.instance_id
        found = [*traps.of_program(reply.actions, turn.now_utc), *traps.of_error(reply.error or "")]
        if verdict.outcome is not None:
            found += traps.of_outcome(verdict.outcome, is_done=reply.is_done)
        if reply.crash:
            found.append(traps.SDK_CRASHED)
        found += traps.of_payload(verdict.output, "output")
        for text in found:
            self._core.warn(key, text)

    def _report(self, turn: Turn, verdict: Verdict) -> None:
        instance = turn.instance
        if verdict.status in FINISHED:
            LOG.info("%s %s %s", instance.name, instance.instance_id, verdict.status)
            self._core.forget_warnings(instance.instance_id)
        elif verdict.is_new_generation:
            LOG.debug("%s %s continued as new", instance.name, instance.instance_id)


def select_messages(live: Sequence[Message], *, is_suspended: bool) -> list[Message]:
    """The messages one turn takes: up to a suspension, and only resume or terminate while suspended."""
    kinds = [one.event["EventType"] for one in live]
    if is_suspended:
        if Kind.EXECUTION_TERMINATED in kinds:
            return [one for one in live if one.event["EventType"] == Kind.EXECUTION_TERMINATED]
        resumes = [one for one in live if one.event["EventType"] == Kind.EXECUTION_RESUMED]
        rest = [one for one in live if one not in resumes]
        return [*resumes, *rest] if resumes else []
    if Kind.EXECUTION_SUSPENDED not in kinds or Kind.EXECUTION_TERMINATED in kinds:
        return list(live)
    return list(live[: max(1, kinds.index(Kind.EXECUTION_SUSPENDED))])


def judge_outcome(name: str, reply: ProgramReply, outcome: Outcome) -> Verdict:
    """Finished only when every action was awaited and no activity, timer or child is open."""
    is_over = outcome.is_exhausted and not outcome.open_count
    if is_over and reply.error:
        return replace(failure(name, reply.error), outcome=outcome)
    if is_over and outcome.continue_as_new is not None:
        return Verdict(RUNNING, outcome=outcome, is_new_generation=True)
    if is_over and reply.is_done:
        return Verdict(COMPLETED, json_or_none(reply.output), outcome)
    return Verdict(RUNNING, outcome=outcome)


def failure(name: str, message: str) -> Verdict:
    """The instance fails; its output is the text which the extension gives."""
    return Verdict(FAILED, json.dumps(f"Orchestrator function '{name}' failed: {message}"))


def custom_status_fault(status: Any) -> str | None:
    """Why a custom status is refused, or None."""
    if status is None:
        return None
    text = json.dumps(status, ensure_ascii=False, separators=(",", ":"))
    size_kb = len(text.encode("utf-16-le")) / 1024
    if size_kb <= CUSTOM_STATUS_KB_MAX:
        return None
    return (
        f"The UTF-16 size of the JSON-serialized payload must not exceed {CUSTOM_STATUS_KB_MAX} KB. "
        f"The current payload is {size_kb:.1f} KB."
    )


def json_or_none(value: Any) -> str | None:
    """JSON text of a value; None stays None."""
    return None if value is None else json.dumps(value)
