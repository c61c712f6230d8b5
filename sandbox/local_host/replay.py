"""Replays an orchestrator's action list against its history, as the Durable extension does.

The SDK runs first and returns the whole program so far. The extension then walks that program on its own:

    1. it invokes the next top-level action, giving ids to its leaves in list order, and waits for it;
    2. each history event either confirms a decision (4, 7, 10, 14) or ends a wait (5, 6, 8, 9, 11, 15);
    3. when the awaited action is done, step 1 again.

What was decided and never confirmed is new. So the extension, not the SDK, says when a later action is scheduled.

Source: azure-functions-durable-extension `OutOfProcOrchestrationShim.cs`; DurableTask.Core
`TaskOrchestrationContext.cs`, `RetryInterceptor.cs`.
"""

import itertools
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from sandbox.local_host.clock import instant_text, parse_instant
from sandbox.local_host.history import Action, Event, Kind

# DurableTask's RetryOptions.MaxRetryInterval when the app gives none, bounded by the storage provider's timer.
RETRY_INTERVAL_MAX = timedelta(days=6)


class ActionKind(IntEnum):
    """`actionType` numbers of the out-of-process protocol."""

    CALL_ACTIVITY = 0
    CALL_ACTIVITY_WITH_RETRY = 1
    CALL_CHILD = 2
    CALL_CHILD_WITH_RETRY = 3
    CONTINUE_AS_NEW = 4
    CREATE_TIMER = 5
    WAIT_FOR_EVENT = 6
    CALL_ENTITY = 7
    CALL_HTTP = 8
    SIGNAL_ENTITY = 9
    WHEN_ANY = 11
    WHEN_ALL = 12


DECISION_KINDS = {
    ActionKind.CALL_ACTIVITY: Kind.TASK_SCHEDULED,
    ActionKind.CALL_ACTIVITY_WITH_RETRY: Kind.TASK_SCHEDULED,
    ActionKind.CALL_CHILD: Kind.CHILD_CREATED,
    ActionKind.CALL_CHILD_WITH_RETRY: Kind.CHILD_CREATED,
    ActionKind.CREATE_TIMER: Kind.TIMER_CREATED,
    ActionKind.CALL_ENTITY: Kind.EVENT_SENT,
    ActionKind.SIGNAL_ENTITY: Kind.EVENT_SENT,
}
KIND_NAMES = {
    Kind.TASK_SCHEDULED: "an activity task",
    Kind.CHILD_CREATED: "a sub-orchestration",
    Kind.TIMER_CREATED: "a timer",
    Kind.EVENT_SENT: "an event",
}
WITH_RETRY = (ActionKind.CALL_ACTIVITY_WITH_RETRY, ActionKind.CALL_CHILD_WITH_RETRY)


class NonDeterminismError(Exception):
    """The program does not fit the history it is said to have made."""


class UnsupportedActionError(Exception):
    """The program asks for something this host does not offer."""


@dataclass(frozen=True)
class Decision:
    """Something to schedule: the id it has in history, its event kind and the action behind it."""

    sequence_id: int
    kind: Kind
    action: Action
    fire_at: str | None = None
    entity_request_id: str | None = None


@dataclass(frozen=True)
class Outcome:
    """Where the program stands after the whole history.

    `is_exhausted` says that every action was awaited to its end; `waiting_behind_count` actions were emitted by the
    SDK and not yet reached here. Events are history events which nobody awaited (`unclaimed`), which an abandoned
    wait took (`taken_by_old_wait`) or which came after continue-as-new (`carried_over`).
    """

    decisions: tuple[Decision, ...]
    open_count: int
    is_exhausted: bool
    waiting_behind_count: int
    continue_as_new: Action | None
    carried_over: tuple[Event, ...]
    unclaimed: tuple[str, ...]
    taken_by_old_wait: tuple[str, ...]
    spelled_otherwise: tuple[str, ...]


class _Node:
    """A wait: done after `needed` of its children, or itself, ended."""

    __slots__ = ("is_passed_early", "needed", "parent")

    def __init__(self, needed: int) -> None:
        self.needed = needed
        self.is_passed_early = False  # a cancelled timer among its children lets it pass at once
        self.parent: _Node | None = None

    @property
    def is_done(self) -> bool:
        return self.needed <= 0

    def finish(self) -> None:
        """Count one end and tell the parent when that was the last one needed."""
        if self.needed <= 0:
            return
        self.needed -= 1
        if self.needed == 0 and self.parent is not None:
            self.parent.finish()


@dataclass(frozen=True)
class _Open:
    """A scheduled leaf: its node, and for a retried call the attempt and whether this is its timer."""

    node: _Node
    action: Action
    attempt: int = 1
    is_retry_timer: bool = False


@dataclass(frozen=True)
class _EventWait:
    node: _Node
    name: str
    step: int


class Replay:
    """One walk of one program over one history. Feed every event in order, then ask `outcome`."""

    def __init__(self, actions: Sequence[Action]) -> None:
        self._actions = actions
        self._step = 0
        self._current: _Node | None = None
        self._is_exhausted = False
        self._ids = itertools.count()
        self._execution_id = ""
        self._now_utc: datetime | None = None
        self._pending: dict[int, Decision] = {}
        self._open: dict[int, _Open] = {}
        self._entity_calls: dict[str, _Node] = {}
        self._waits: dict[str, list[_EventWait]] = {}
        self._buffers: dict[str, deque[str]] = {}
        self._continue_as_new: Action | None = None
        self._carried_over: list[Event] = []
        self._unclaimed: list[str] = []
        self._taken_by_old_wait: list[str] = []
        self._spelled_otherwise: list[str] = []

    def outcome(self) -> Outcome:
        """Where the program stands; call once, after the last event."""
        return Outcome(
            decisions=tuple(self._pending[i] for i in sorted(self._pending)),
            open_count=len(self._open),
            is_exhausted=self._is_exhausted,
            waiting_behind_count=len(self._actions) - self._step,
            continue_as_new=self._continue_as_new,
            carried_over=tuple(self._carried_over),
            unclaimed=tuple(self._unclaimed),
            taken_by_old_wait=tuple(self._taken_by_old_wait),
            spelled_otherwise=tuple(self._spelled_otherwise),
        )

    def feed(self, event: Event) -> None:
        """Let one history event happen.

        Raises:
            NonDeterminismError: it confirms a decision which the program did not take.
            UnsupportedActionError: it lets the program reach an action this host lacks.
        """
        match event["EventType"]:
            case Kind.ORCHESTRATOR_STARTED:
                self._now_utc = parse_instant(event["Timestamp"])
            case Kind.EXECUTION_STARTED:
                self._execution_id = event["OrchestrationInstance"]["ExecutionId"]
                self._pump()
            case Kind.TASK_SCHEDULED | Kind.CHILD_CREATED | Kind.TIMER_CREATED | Kind.EVENT_SENT:
                self._confirm(event)
            case Kind.TASK_COMPLETED | Kind.CHILD_COMPLETED:
                self._succeed(event["TaskScheduledId"])
            case Kind.TIMER_FIRED:
                self._succeed(event["TimerId"])
            case Kind.TASK_FAILED | Kind.CHILD_FAILED:
                self._fail(event["TaskScheduledId"])
            case Kind.EVENT_RAISED:
                self._raise(event)

    def _pump(self) -> None:
        while self._current is None or self._current.is_done:
            if self._step == len(self._actions):
                self._is_exhausted = True
                return
            self._step += 1
            self._current = self._invoke(self._actions[self._step - 1])

    def _invoke(self, action: Action) -> _Node:
        kind = action["actionType"]
        if kind in (ActionKind.WHEN_ANY, ActionKind.WHEN_ALL):
            return self._invoke_compound(kind, action["compoundActions"])
        if kind == ActionKind.WAIT_FOR_EVENT:
            return self._invoke_wait(action["externalEventName"])
        if kind == ActionKind.CONTINUE_AS_NEW:
            self._continue_as_new = action
            return _Node(needed=0)
        if kind in (ActionKind.CALL_ENTITY, ActionKind.SIGNAL_ENTITY):
            return self._invoke_entity(action, is_call=kind == ActionKind.CALL_ENTITY)
        if kind in DECISION_KINDS:
            return self._schedule(action)
        raise UnsupportedActionError(f"this host has no action of type {kind}")

    def _invoke_compound(self, kind: int, actions: Sequence[Action]) -> _Node:
        children = [self._invoke(action) for action in actions]
        waiting = [child for child in children if not child.is_done]
        if kind == ActionKind.WHEN_ALL:
            node = _Node(needed=len(waiting))
        else:
            node = _Node(needed=1 if children and len(waiting) == len(children) else 0)
            node.is_passed_early = any(action.get("isCanceled") for action in actions)
        for child in waiting:
            child.parent = node
        return node

    def _invoke_wait(self, name: str) -> _Node:
        key = name.lower()
        if self._buffers.get(key):
            self._buffers[key].popleft()
            return _Node(needed=0)
        node = _Node(needed=1)
        self._waits.setdefault(key, []).append(_EventWait(node, name, self._step))
        return node

    def _invoke_entity(self, action: Action, *, is_call: bool) -> _Node:
        sequence_id = next(self._ids)
        request_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._execution_id}:{sequence_id}"))
        self._pending[sequence_id] = Decision(
            sequence_id, Kind.EVENT_SENT, action, entity_request_id=request_id
        )
        node = _Node(needed=1 if is_call else 0)
        if is_call:
            self._entity_calls[request_id] = node
        return node

    def _schedule(self, action: Action) -> _Node:
        node = _Node(needed=1)
        if action.get("isCanceled"):
            # The token is cancelled as soon as the timer is made: decided, never awaited.
            node.needed = 0
        self._decide(_Open(node, action))
        return node

    def _decide(self, leaf: _Open, fire_at: str | None = None) -> None:
        sequence_id = next(self._ids)
        kind = DECISION_KINDS[ActionKind(leaf.action["actionType"])]
        if leaf.is_retry_timer:
            kind = Kind.TIMER_CREATED
        elif kind == Kind.TIMER_CREATED:
            fire_at = leaf.action["fireAt"]
        self._pending[sequence_id] = Decision(sequence_id, kind, leaf.action, fire_at=fire_at)
        if not leaf.node.is_done:
            self._open[sequence_id] = leaf

    def _confirm(self, event: Event) -> None:
        decision = self._pending.pop(event["EventId"], None)
        if decision is None:
            raise NonDeterminismError(_never_decided(event))
        if decision.kind != event["EventType"] or not _same_name(decision, event):
            raise NonDeterminismError(_decided_otherwise(event, decision))

    def _succeed(self, sequence_id: int) -> None:
        leaf = self._open.pop(sequence_id, None)
        if leaf is None:
            return
        if leaf.is_retry_timer and leaf.attempt < _attempt_max(leaf.action):
            self._decide(_Open(leaf.node, leaf.action, leaf.attempt + 1))
            return
        leaf.node.finish()
        self._pump()

    def _fail(self, sequence_id: int) -> None:
        leaf = self._open.pop(sequence_id, None)
        if leaf is None:
            return
        if leaf.action["actionType"] in WITH_RETRY:
            timer = _Open(leaf.node, leaf.action, leaf.attempt, is_retry_timer=True)
            self._decide(timer, instant_text(self._retry_at_utc(leaf)))
            return
        leaf.node.finish()
        self._pump()

    def _retry_at_utc(self, leaf: _Open) -> datetime:
        """When to try again; now for the dummy timer which must follow the last failure."""
        if self._now_utc is None:
            raise NonDeterminismError("a task failed before the orchestrator had started")
        if leaf.attempt >= _attempt_max(leaf.action):
            return self._now_utc
        return self._now_utc + retry_delay(leaf.action["retryOptions"], leaf.attempt)

    def _raise(self, event: Event) -> None:
        if self._continue_as_new is not None:
            self._carried_over.append(event)
            return
        name = event["Name"]
        if name in self._entity_calls:
            self._entity_calls.pop(name).finish()
            self._pump()
            return
        waits = self._waits.get(name.lower())
        if not waits:
            self._buffers.setdefault(name.lower(), deque()).append(name)
            self._unclaimed.append(name)
            return
        self._answer(waits.pop(), name)

    def _answer(self, wait: _EventWait, name: str) -> None:
        if wait.name != name:
            self._spelled_otherwise.append(name)
        parent = wait.node.parent
        if wait.step < self._step and not (parent and parent.is_passed_early):
            self._taken_by_old_wait.append(name)
        wait.node.finish()
        self._pump()


def replay(actions: Sequence[Action], history: Sequence[Event]) -> Outcome:
    """Walk `actions` over the whole `history`.

    Raises:
        NonDeterminismError: the program does not fit.
        UnsupportedActionError: the program asks for what this host lacks.
    """
    walk = Replay(actions)
    for event in history:
        walk.feed(event)
    return walk.outcome()


def retry_delay(options: Action, attempt: int) -> timedelta:
    """The wait after failed attempt number `attempt` (1 is the first): interval * backoff^(attempt-1), capped."""
    interval_ms = options["firstRetryIntervalInMilliseconds"]
    backoff = options.get("backoffCoefficient") or 1.0
    cap_ms = options.get("maxRetryIntervalInMilliseconds")
    cap = timedelta(milliseconds=cap_ms) if cap_ms else RETRY_INTERVAL_MAX
    cap_s = cap.total_seconds()
    return timedelta(seconds=min(interval_ms / 1000 * backoff ** (attempt - 1), cap_s))


def _attempt_max(action: Action) -> int:
    return int(action["retryOptions"]["maxNumberOfAttempts"])


def _same_name(decision: Decision, event: Event) -> bool:
    if decision.kind not in (Kind.TASK_SCHEDULED, Kind.CHILD_CREATED):
        return True
    return bool(decision.action["functionName"].lower() == event["Name"].lower())


def _never_decided(event: Event) -> str:
    named = f" and name '{event['Name']}'" if event.get("Name") else ""
    return (
        "Non-Deterministic workflow detected: A previous execution of this orchestration scheduled "
        f"{KIND_NAMES[Kind(event['EventType'])]} with sequence ID {event['EventId']}{named}, but the current "
        "replay execution hasn't (yet?) scheduled this task. Was a change made to the orchestrator code after "
        "this instance had already started running?"
    )


def _decided_otherwise(event: Event, decision: Decision) -> str:
    was = event.get("Name") or ""
    now = decision.action.get("functionName") or ""
    return (
        "Non-Deterministic workflow detected: A previous execution of this orchestration scheduled "
        f"{KIND_NAMES[Kind(event['EventType'])]} '{was}' with sequence number {event['EventId']}, but the current "
        f"orchestration replay instead produced {KIND_NAMES[decision.kind]} '{now}' with this sequence number. "
        "Was a change made to the orchestrator code after this instance had already started running?"
    )
