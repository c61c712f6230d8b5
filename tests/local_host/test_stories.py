"""Stories through the engine: what an author may rely on."""

from collections.abc import Callable
from datetime import timedelta

import azure.functions as func

from sandbox.local_host.engine import Engine
from sandbox.local_host.worker import ActivityResult
from tests.local_host.conftest import NEW_YEAR_UTC, Stage

STEPS_MAX = 1_000  # far more than the longest story here takes


def test_activities_timer_event_child_and_continue_as_new_play_together(
    stage: Callable[[str], Stage],
) -> None:
    """The reference life: when it differs here, nothing learnt on this host holds in production."""
    proof = stage("proof")

    proof.start("main", {"n": 1})
    proof.tell("Go", {"ok": True})
    assert proof.status() == "Running"
    proof.engine.run_to_end()

    assert proof.output() == {"n": 2, "sub": {"child": 31}, "won": "timer"}
    assert proof.clock.now_utc() == NEW_YEAR_UTC + timedelta(seconds=30)


def test_sync_and_async_activities_answer_alike(stories: Stage) -> None:
    """Half of a real app's steps would be unusable if one kind behaved otherwise."""
    stories.start("calls")

    assert stories.output() == [{"n": 1}, {"n": 1}]


def test_a_fan_out_runs_each_activity_once(stories: Stage) -> None:
    """A step which runs twice without a crash would double every effect."""
    stories.start("fans_out", {"n": 40})

    assert stories.output() == list(range(40))
    assert set(stories.module.RUNS.values()) == {1}


def test_an_activity_may_ring_its_own_story(stories: Stage) -> None:
    """Doorbells are rung from activities; without the client there, no story would wake another."""
    stories.start("rings_itself")

    assert stories.output() == "heard"


def test_input_given_by_the_client_arrives_as_the_object_it_was(stories: Stage) -> None:
    """Inputs travel encoded twice; one decoding more or less breaks every story."""
    stories.start("shows_input", {"a": [1, "é"]})

    assert stories.output() == {"a": [1, "é"]}


def test_a_retried_activity_takes_hidden_ids_in_the_order_of_the_real_engine(
    stories: Stage,
) -> None:
    """Ids which differ from the real engine's hide exactly the failures this host is to show."""
    stories.start("retries", {"key": "a", "fails": 2})
    stories.engine.run_to_end()

    expected = [(4, 0), (6, 0), (10, 1), (11, 1), (4, 2), (6, 2), (10, 3), (11, 3), (4, 4), (5, 4)]
    assert stories.output() == "run 3"
    assert stories.kinds() == expected


def test_the_last_failure_is_followed_by_one_more_timer(stories: Stage) -> None:
    """Without it the SDK never raises, and a story which has failed hangs for ever."""
    stories.start("retries", {"key": "a", "fails": 9})
    stories.engine.run_to_end()

    assert stories.status() == "Failed"
    assert stories.kinds()[-4:] == [(4, 4), (6, 4), (10, 5), (11, 5)]
    assert stories.clock.now_utc() == NEW_YEAR_UTC + timedelta(seconds=10)


def test_a_retried_child_starts_anew(stories: Stage) -> None:
    """Retries belong into children; they must work there."""
    stories.start("retries_child", {"story": "calls_flaky", "key": "a", "fails": 1})
    stories.engine.run_to_end()

    assert stories.output() == "run 2"


def test_a_failure_arrives_with_the_text_of_the_real_engine(stories: Stage) -> None:
    """Authors can only tell failures apart by this text."""
    stories.start("catches", {"key": "a", "fails": 1})

    assert stories.output() == "Activity function 'flaky' failed:  ValueError: bad run 1 "


def test_a_failed_child_fails_its_parent_with_its_own_text(stories: Stage) -> None:
    """An operator reads the innermost cause in the outermost instance."""
    stories.start("calls_child", {"story": "calls_flaky", "key": "a", "fails": 1, "id": "kid"})

    assert stories.status("kid") == "Failed"
    assert "Orchestrator function 'calls_flaky' failed: Activity" in stories.output()


def test_an_unknown_activity_fails_the_story(stories: Stage) -> None:
    """A misspelt step must be loud on this machine, not in production."""
    stories.start("calls_unknown")

    assert "The function 'nobody' doesn't exist, is disabled" in stories.output()


def test_an_answer_which_is_not_json_fails_the_activity(stories: Stage) -> None:
    """The real worker refuses it as well."""
    stories.start("calls_not_json")

    assert "must be json serializable" in stories.output()


def test_a_child_may_not_take_the_id_of_a_running_instance(stories: Stage) -> None:
    """Two stories under one id would share one history."""
    stories.start("waits_for_go", instance_id="busy")
    stories.start("calls_child", {"story": "waits_for_go", "id": "busy"})

    assert "already exists" in stories.output()


def test_a_step_taken_out_fails_running_instances(stories: Stage) -> None:
    """A release which changes a story under running instances must fail here first."""
    stories.start("changes")
    stories.module.VARIANT["name"] = "removed"
    stories.tell("Go")

    assert stories.status() == "Failed"
    assert "Non-Deterministic workflow detected" in stories.output()


def test_a_step_renamed_fails_running_instances(stories: Stage) -> None:
    """The SDK does not look at names; the engine does."""
    stories.start("changes")
    stories.module.VARIANT["name"] = "renamed"
    stories.tell("Go")

    assert "produced an activity task 'echo_async'" in stories.output()


def test_a_step_of_another_kind_fails_running_instances(stories: Stage) -> None:
    """An activity's place taken by a timer is no smaller a change."""
    stories.start("changes")
    stories.module.VARIANT["name"] = "timer"
    stories.tell("Go")

    assert "instead produced a timer" in stories.output()


def test_ninety_days_of_watching_leave_a_history_of_one_day(stories: Stage) -> None:
    """A monitor whose history grows ends in minutes of replay per turn."""
    stories.start("monitors", {"days": 90})
    stories.engine.run_to_end()

    assert stories.clock.now_utc() == NEW_YEAR_UTC + timedelta(days=90)
    assert stories.module.RUNS["echo look"] == 90
    assert len(stories.engine.control.history("one")) == 12


def test_events_which_come_with_the_decision_reach_the_next_generation(stories: Stage) -> None:
    """An event lost between two generations is a doorbell nobody hears."""
    stories.start("naps")
    for word in ("a", "b", "stop"):
        stories.engine.control.raise_event("one", "Word", f'"{word}"')
    stories.engine.run_until_quiet()

    assert stories.output() == {"heard": 2}


def test_a_generation_keeps_the_instance_and_drops_its_history(stories: Stage) -> None:
    """The id in links and logs must stay true for months."""
    stories.start("naps")
    first = stories.engine.control.instance("one").execution_id
    stories.tell("Word", "a")

    second = stories.engine.control.instance("one")
    assert second.execution_id != first
    assert second.status == "Running"
    assert len(stories.engine.control.history("one")) == 3


def test_entities_count_signals_and_calls_in_order(stories: Stage) -> None:
    """A signal overtaken by a later call would make counters lie."""
    stories.start("counts")

    assert stories.output() == 5
    assert stories.engine.control.entity_state("@counter@k1") == "5"


def test_an_entity_which_raises_answers_its_caller(stories: Stage) -> None:
    """A caller left without an answer hangs for ever."""
    stories.start("counts_badly")

    assert stories.output() == "no"


def test_an_engine_reborn_before_every_step_tells_the_same_story(
    stage: Callable[[str], Stage],
) -> None:
    """What only memory holds is lost with the process; nothing may be."""
    proof = stage("proof")
    engine = proof.engine
    engine.control.start("main", "one", '"{\\"n\\": 1}"')
    for _ in range(STEPS_MAX):
        engine = Engine(engine.core.app, engine.core.store, proof.clock)
        if not engine.run_step() and not engine.fire_next_timer():
            break

    assert proof.output() == {"n": 2, "sub": {"child": 31}, "won": "timer"}


def test_a_second_answer_of_an_activity_changes_nothing(stories: Stage) -> None:
    """Deliveries repeat; answers must not."""
    stories.engine.control.start("fans_out", "one", '"{\\"n\\": 1}"')
    stories.engine.turns.take("one")
    key = stories.engine.core.task_queue[0]
    stories.engine.finish_task(key, "echo", ActivityResult("7"))
    stories.engine.finish_task(key, "echo", ActivityResult("8"))
    stories.engine.run_until_quiet()

    assert stories.output() == [7]


def test_a_starter_function_works_in_process(stage: Callable[[str], Stage]) -> None:
    """Simulations knock at the same door as people do."""
    proof = stage("proof")
    request = func.HttpRequest(
        "POST",
        "http://h/api/start/child/kid",
        route_params={"name": "child", "id": "kid"},
        body=b'{"v": 1}',
    )

    reply = proof.engine.invoke("start", request)
    proof.engine.run_until_quiet()

    assert reply.status_code == 202
    assert proof.output("kid") == {"child": 2}
