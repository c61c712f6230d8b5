"""The traps of the 1.x SDK: each does here what it does in production, and is named in the log."""

from collections.abc import Callable
from datetime import timedelta

from tests.local_host.conftest import NEW_YEAR_UTC, Stage

Warned = Callable[[str], bool]


def test_a_retry_inside_task_any_fails_as_non_deterministic(stories: Stage, warned: Warned) -> None:
    """It works until the first failure, so nobody sees it before production."""
    stories.start("retry_in_any", {"key": "a", "fails": 1})
    stories.engine.run_to_end()

    assert stories.status() == "Failed"
    assert "Non-Deterministic workflow detected" in stories.output()
    assert warned("retry inside task_any")


def test_a_retry_inside_task_any_is_named_even_when_it_goes_well(
    stories: Stage, warned: Warned
) -> None:
    """The warning must come before the failure does."""
    stories.start("retry_in_any", {"key": "a", "fails": 0})

    assert stories.output() == "after"
    assert warned("retry inside task_any")


def test_waiting_again_for_a_loser_waits_for_the_newcomer_only(
    stories: Stage, warned: Warned
) -> None:
    """A sliding window over task_any turns into waves, or hangs."""
    stories.start("waits_again")
    stories.tell("b")
    assert stories.module.RUNS["echo next"] == 0
    assert warned("the SDK ran ahead of the host")
    stories.tell("c")

    assert stories.output() == "next"


def test_going_on_after_a_failed_task_all_mixes_up_answers(stories: Stage, warned: Warned) -> None:
    """A later activity is answered by a retry's timer: wrong values, no error."""
    stories.start("goes_on_after_all")
    stories.engine.run_to_end()

    assert stories.output() == [None, "x"]
    assert warned("work after a failed task_all")


def test_an_early_event_ends_every_later_wait_in_the_sdk(stories: Stage, warned: Warned) -> None:
    """The SDK returns while the engine waits for a second event: the instance hangs."""
    stories.start("hears_twice")
    stories.tell("Go")
    stories.engine.run_to_end()

    assert stories.status() == "Running"
    assert warned("event 'Go' came while nobody waited")
    assert warned("returned while the host still waits")


def test_an_event_goes_to_the_wait_left_over_from_a_lost_race(
    stories: Stage, warned: Warned
) -> None:
    """The next wait of that name never hears of it."""
    stories.start("loses_event")
    stories.engine.fire_next_timer()
    stories.engine.run_until_quiet()
    stories.tell("Go")
    stories.engine.run_to_end()

    assert stories.status() == "Running"
    assert warned("event 'Go' was taken by a wait left over")


def test_an_event_of_another_spelling_is_lost(stories: Stage, warned: Warned) -> None:
    """The engine is blind to case, the SDK is not."""
    stories.start("waits_for_go")
    stories.tell("GO")

    assert stories.status() == "Running"
    assert warned("differs in case")


def test_a_long_timer_is_split_into_hops(stories: Stage, warned: Warned) -> None:
    """Ten days are three timers; the story must still wake on the right day."""
    stories.start("waits_long")
    stories.engine.run_to_end()

    assert stories.clock.now_utc() == NEW_YEAR_UTC + timedelta(days=10)
    assert [kind for kind, _ in stories.kinds()].count(10) == 3
    assert warned("long timer")


def test_cancelling_a_long_timer_does_not_reach_its_hop(stories: Stage, warned: Warned) -> None:
    """The instance stays Running for up to three days after its story has ended."""
    stories.start("cancels_long")
    stories.tell("Go")
    assert stories.status() == "Running"
    stories.engine.run_to_end()

    assert stories.output() == "went"
    assert stories.clock.now_utc() == NEW_YEAR_UTC + timedelta(days=3)
    assert warned("long timer")


def test_an_uncancelled_timer_keeps_a_finished_story_running(
    stories: Stage, warned: Warned
) -> None:
    """Dashboards show it as working, hours after its end."""
    stories.start("leaves_timer")
    stories.tell("Go")
    assert stories.status() == "Running"
    assert warned("returned with 1 task(s) open")
    stories.engine.run_to_end()

    assert stories.clock.now_utc() == NEW_YEAR_UTC + timedelta(hours=5)


def test_a_cancelled_timer_lets_the_story_end(stories: Stage, warned: Warned) -> None:
    """The cure of the trap above, and no warning about it."""
    stories.start("cancels_timer")
    stories.tell("Go")

    assert stories.output() == "cancelled"
    assert not warned("")


def test_returning_a_failed_winner_fails_the_story(stories: Stage, warned: Warned) -> None:
    """task_any does not raise; its winner's result is the exception."""
    stories.start("returns_failed_winner")

    assert "Object of type Exception is not JSON serializable" in stories.output()
    assert warned("failed winner")


def test_call_http_is_refused(stories: Stage, warned: Warned) -> None:
    """Its polling would hang in production; here it does not even begin."""
    stories.start("calls_http")

    assert stories.status() == "Failed"
    assert warned("call_http")


def test_a_custom_status_over_the_limit_fails_the_story(stories: Stage) -> None:
    """A status which grows with the batch kills the batch on the day it is large."""
    stories.start("says_status", {"status": "x" * 8_191})

    assert "must not exceed 16 KB" in stories.output()


def test_a_custom_status_at_the_limit_is_kept(stories: Stage) -> None:
    """8 190 characters and two quotes are exactly 16 KB of UTF-16."""
    stories.start("says_status", {"status": "x" * 8_190})

    assert stories.status() == "Running"


def test_a_payload_over_45_kb_is_named(stories: Stage, warned: Warned) -> None:
    """It works, slowly, through a blob; the author should know."""
    stories.start("shows_input", {"text": "x" * 50_000})

    assert stories.status() == "Completed"
    assert warned("payload of")


def test_waiting_for_a_retried_loser_runs_the_wrong_step(stories: Stage, warned: Warned) -> None:
    """The loser runs a third time in the place of the next step: wrong effect, no error."""
    stories.start("waits_for_retried_loser")
    stories.engine.run_to_end()

    assert stories.output() == ["run 2", "run 3"]
    assert stories.module.RUNS["next"] == 0
    assert warned("retry inside task_any")


def test_a_timer_cancelled_at_birth_is_sent_all_the_same(stories: Stage, warned: Warned) -> None:
    """It wakes an instance which does not want it."""
    stories.start("cancels_at_birth")
    stories.engine.run_to_end()

    assert [kind for kind, _ in stories.kinds()] == [10, 11]
    assert warned("timer cancelled in the turn which made it")


def test_a_naive_instant_fails_the_story(stories: Stage) -> None:
    """The SDK compares aware with naive instants and raises."""
    stories.start("waits_naively")

    assert "offset-naive" in stories.output()
