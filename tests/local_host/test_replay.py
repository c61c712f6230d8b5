"""The walk of a program over a history, alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.local_host import history
from sandbox.local_host.history import Event, Kind
from sandbox.local_host.replay import NonDeterminismError, Outcome, replay, retry_delay

NOW_UTC = datetime(2026, 1, 1, tzinfo=UTC)
CALL_A = {"actionType": 0, "functionName": "A", "input": "null"}
CALL_B = {"actionType": 0, "functionName": "B", "input": "null"}
TIMER = {"actionType": 5, "fireAt": "2026-01-01T01:00:00.000000Z", "isCanceled": False}
CANCELLED = {**TIMER, "isCanceled": True}
WAIT = {"actionType": 6, "externalEventName": "Go", "reason": "ExternalEvent"}
AGAIN = {"actionType": 4, "input": "1"}


def any_of(*actions: Event) -> Event:
    return {"actionType": 11, "compoundActions": list(actions)}


def all_of(*actions: Event) -> Event:
    return {"actionType": 12, "compoundActions": list(actions)}


def walk(actions: list[Event], *events: Event) -> Outcome:
    """The outcome after the start of the story and then `events`."""
    started = history.execution_started(
        NOW_UTC,
        name="s",
        instance_id="i",
        execution_id="e",
        version="",
        input_json=None,
        parent=None,
    )
    return replay(actions, [history.event(Kind.ORCHESTRATOR_STARTED, NOW_UTC), started, *events])


def row(kind: Kind, event_id: int = -1, **fields: Any) -> Event:
    return history.event(kind, NOW_UTC, event_id, **fields)


def scheduled(number: int, name: str) -> Event:
    return row(Kind.TASK_SCHEDULED, number, Name=name)


def done(number: int) -> Event:
    return row(Kind.TASK_COMPLETED, TaskScheduledId=number, Result="null")


def failed(number: int) -> Event:
    return row(Kind.TASK_FAILED, TaskScheduledId=number, Reason="", Details="")


GO = row(Kind.EVENT_RAISED, Name="Go", Input="null")


def decided(outcome: Outcome) -> list[tuple[int, Kind]]:
    return [(one.sequence_id, one.kind) for one in outcome.decisions]


def test_only_the_first_action_is_scheduled_at_first() -> None:
    """Scheduling ahead would run steps before their time."""
    assert decided(walk([CALL_A, CALL_B])) == [(0, Kind.TASK_SCHEDULED)]


def test_a_finished_action_lets_the_next_be_scheduled() -> None:
    """The walk must go on by itself."""
    assert decided(walk([CALL_A, CALL_B], scheduled(0, "A"), done(0))) == [(1, Kind.TASK_SCHEDULED)]


def test_ids_follow_the_list_through_nested_groups() -> None:
    """Ids are the only link between program and history."""
    outcome = walk([all_of(CALL_A, any_of(TIMER, WAIT), CALL_B)])

    assert decided(outcome) == [
        (0, Kind.TASK_SCHEDULED),
        (1, Kind.TIMER_CREATED),
        (2, Kind.TASK_SCHEDULED),
    ]


def test_task_all_waits_for_every_child_even_after_a_failure() -> None:
    """The engine and the SDK differ here; that difference is a trap to be reproduced."""
    events = [scheduled(0, "A"), scheduled(1, "B"), failed(0)]

    assert not walk([all_of(CALL_A, CALL_B)], *events).is_exhausted
    assert walk([all_of(CALL_A, CALL_B)], *events, done(1)).is_exhausted


def test_task_any_passes_with_its_first_child_and_leaves_the_rest_open() -> None:
    """Open work keeps the instance Running."""
    outcome = walk([any_of(CALL_A, CALL_B)], scheduled(0, "A"), scheduled(1, "B"), done(1))

    assert outcome.is_exhausted
    assert outcome.open_count == 1


def test_a_cancelled_timer_is_decided_but_not_open() -> None:
    """It must be in the history under its id and must hold nothing up."""
    outcome = walk([any_of(CANCELLED, WAIT)])

    assert decided(outcome) == [(0, Kind.TIMER_CREATED)]
    assert (outcome.open_count, outcome.is_exhausted) == (0, True)


def test_the_latest_wait_of_a_name_is_answered_first() -> None:
    """Waits are a stack; answering the oldest would wake the wrong branch."""
    outcome = walk([any_of(WAIT, TIMER), WAIT], row(Kind.TIMER_CREATED, 0, FireAt=""))
    answered = walk(
        [any_of(WAIT, TIMER), WAIT],
        row(Kind.TIMER_CREATED, 0, FireAt=""),
        row(Kind.TIMER_FIRED, TimerId=0),
        GO,
    )

    assert not outcome.is_exhausted
    assert answered.is_exhausted
    assert answered.taken_by_old_wait == ()


def test_early_events_wait_in_line() -> None:
    """First in, first out, one wait each."""
    outcome = walk([CALL_A, WAIT, WAIT], scheduled(0, "A"), GO, GO, done(0))

    assert outcome.is_exhausted
    assert outcome.unclaimed == ("Go", "Go")


def test_unknown_and_repeated_answers_are_ignored() -> None:
    """Deliveries repeat."""
    outcome = walk([CALL_A, CALL_B], scheduled(0, "A"), done(0), done(0), done(7))

    assert decided(outcome) == [(1, Kind.TASK_SCHEDULED)]


def test_events_after_continue_as_new_are_carried_over() -> None:
    """They belong to the next generation."""
    outcome = walk([AGAIN], GO)

    assert outcome.continue_as_new == AGAIN
    assert outcome.carried_over == (GO,)


def test_a_history_row_without_a_decision_is_non_deterministic() -> None:
    """A program which forgot a step must not go on."""
    with pytest.raises(NonDeterminismError, match="hasn't \\(yet\\?\\) scheduled"):
        walk([WAIT], scheduled(0, "A"))


def test_a_history_row_of_another_name_is_non_deterministic() -> None:
    """The answer of one step must never be taken for another's."""
    with pytest.raises(NonDeterminismError, match="instead produced an activity task 'B'"):
        walk([CALL_B], scheduled(0, "A"))


def test_names_are_compared_without_case() -> None:
    """The engine does so; a change of case is no change."""
    assert walk([CALL_A], scheduled(0, "a"), done(0)).is_exhausted


def test_retry_delays_grow_to_their_cap() -> None:
    """Back-off without a cap would wait for years."""
    options = {
        "firstRetryIntervalInMilliseconds": 1_000,
        "maxNumberOfAttempts": 9,
        "backoffCoefficient": 2,
        "maxRetryIntervalInMilliseconds": 3_000,
    }

    delays = [retry_delay(options, attempt) for attempt in (1, 2, 3)]

    assert delays == [timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=3)]
