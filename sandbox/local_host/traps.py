"""Names the traps of the 1.x SDK when a program walks into one.

The host reproduces each trap and repairs none; a warning says which one it is, because in production the same code
hangs or fails without a word.

Source: azure-functions-durable-python issues 331, 380, 507, 573, 603; Microsoft Learn, "Timers in Durable Functions".
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sandbox.local_host.clock import parse_instant
from sandbox.local_host.history import Action
from sandbox.local_host.replay import WITH_RETRY, ActionKind, Outcome

LONG_TIMER_HOP = timedelta(days=3)
PAYLOAD_BYTES_MAX = 45 * 1024  # beyond it Azure Storage moves a message into a blob

RETRY_IN_ANY = (
    "retry inside task_any: a failed attempt takes ids the SDK does not count, and the instance then fails as "
    "non-deterministic; put the retry into a child orchestration"
)
LONG_TIMER = (
    "long timer: it is split into hops of three days, and cancel() does not reach the hop which is running; wait in "
    "timers of at most six days"
)
EVENT_UNCLAIMED = "event '{name}' came while nobody waited: the SDK gives it to every later wait of that name in this generation"
EVENT_OLD_WAIT = "event '{name}' was taken by a wait left over from an earlier task_any: the next wait of that name does not see it"
EVENT_SPELLING = "event '{name}' differs in case from the wait it ends: the SDK does not see it and waits for ever"
RUN_AHEAD = (
    "the SDK ran ahead of the host: {count} action(s) wait behind one which is not finished (a wait for a task of an "
    "earlier task_any, or work after a failed task_all)"
)
DONE_BUT_OPEN = "returned with {count} task(s) open: the instance stays Running until each activity, timer and child has ended"
NEVER_ENDS = (
    "returned while the host still waits for an event or an entity: the instance stays Running"
)
FAILED_WINNER = (
    "failed winner: task_any does not raise when its winner failed, and its result is an exception object, which "
    "cannot be returned"
)
HTTP_CALL = "call_http: the 1.x SDK cannot follow its polling; make the call in an activity"
CANCELLED_AT_BIRTH = (
    "timer cancelled in the turn which made it: it is still sent and fires for nobody"
)
PAYLOAD_LARGE = (
    "payload of {size} bytes in {where}: over 45 KB it is moved into a blob, which is slow"
)
SDK_CRASHED = (
    "the SDK itself failed on this history; the instance fails with the text of that failure"
)


def of_program(actions: Sequence[Action], now_utc: datetime) -> Iterator[str]:
    """The traps which the program alone shows."""
    for action in actions:
        yield from _of_action(action, now_utc, is_in_any=False)


def _of_action(action: Action, now_utc: datetime, *, is_in_any: bool) -> Iterator[str]:
    kind = action["actionType"]
    if kind in WITH_RETRY and is_in_any:
        yield RETRY_IN_ANY
    if kind == ActionKind.CALL_HTTP:
        yield HTTP_CALL
    for child in action.get("compoundActions", ()):
        yield from _of_action(child, now_utc, is_in_any=is_in_any or kind == ActionKind.WHEN_ANY)
    if _is_first_hop(action, now_utc):
        yield LONG_TIMER


def _is_first_hop(action: Action, now_utc: datetime) -> bool:
    """The SDK sends the first hop of a long timer as a task_all of one timer, due exactly three days from now."""
    children = action.get("compoundActions", ())
    return (
        action["actionType"] == ActionKind.WHEN_ALL
        and len(children) == 1
        and children[0]["actionType"] == ActionKind.CREATE_TIMER
        and _wait(children[0], now_utc) == LONG_TIMER_HOP
    )


def _wait(action: Action, now_utc: datetime) -> timedelta:
    return parse_instant(action["fireAt"]) - now_utc


def of_outcome(outcome: Outcome, *, is_done: bool) -> Iterator[str]:
    """The traps which the walk over the history shows."""
    yield from (EVENT_UNCLAIMED.format(name=name) for name in outcome.unclaimed)
    yield from (EVENT_OLD_WAIT.format(name=name) for name in outcome.taken_by_old_wait)
    yield from (EVENT_SPELLING.format(name=name) for name in outcome.spelled_otherwise)
    if outcome.waiting_behind_count:
        yield RUN_AHEAD.format(count=outcome.waiting_behind_count)
    elif is_done and outcome.open_count:
        yield DONE_BUT_OPEN.format(count=outcome.open_count)
    elif is_done and not outcome.is_exhausted:
        yield NEVER_ENDS
    if any(decision.action.get("isCanceled") for decision in outcome.decisions):
        yield CANCELLED_AT_BIRTH


def of_error(error: str) -> Iterator[str]:
    """The traps which an orchestrator's error text shows."""
    if "Object of type Exception is not JSON serializable" in error:
        yield FAILED_WINNER


def of_payload(payload: str | None, where: str) -> Iterator[str]:
    """A warning when `payload` is over the size which travels in a queue message."""
    size_bytes = len((payload or "").encode())
    if size_bytes > PAYLOAD_BYTES_MAX:
        yield PAYLOAD_LARGE.format(size=size_bytes, where=where)
