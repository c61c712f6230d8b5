"""Every call of the SDK's own client, and the replies a person with curl sees."""

import asyncio
import json
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import pytest

from sandbox.local_host.management import Reply, Request
from tests.local_host.conftest import NEW_YEAR_UTC, Stage

JSON = {"content-type": "application/json"}


def ask(
    stage: Stage,
    method: str,
    path: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    **query: str,
) -> Reply:
    """One raw request."""
    request = Request(
        method,
        tuple(path.split("/")),
        query,
        JSON if headers is None else headers,
        body,
        "http://h",
    )
    reply = stage.engine.management.handle(request)
    stage.engine.run_until_quiet()
    return reply


def sdk(stage: Stage, call: Coroutine[Any, Any, Any]) -> Any:
    """Let one call of the SDK's client happen and everything it causes."""
    result = asyncio.run(call)
    stage.engine.run_until_quiet()
    return result


def test_the_sdk_starts_and_asks_for_status(stories: Stage) -> None:
    """The first thing every starter function does."""
    client = stories.engine.client()

    started = sdk(stories, client.start_new("calls", "one", {"a": 1}))
    status = sdk(stories, client.get_status("one", show_input=True, show_history=True))

    assert started == "one"
    assert status.runtime_status == df.OrchestrationRuntimeStatus.Completed
    assert json.loads(status.input_) == {"a": 1}
    assert status.output == [{"n": 1}, {"n": 1}]
    assert status.historyEvents[0]["EventType"] == "ExecutionStarted"


def test_an_unknown_story_is_refused_with_a_sentence(stories: Stage) -> None:
    """A misspelt story must not look started."""
    with pytest.raises(Exception, match="The function 'nobody' doesn't exist"):
        sdk(stories, stories.engine.client().start_new("nobody"))


def test_a_running_id_is_not_started_twice(stories: Stage) -> None:
    """A second start must never wipe a life in progress."""
    stories.start("waits_for_go")

    assert ask(stories, "POST", "orchestrators/calls/one").status_code == 409
    assert stories.status() == "Running"


def test_a_finished_id_may_be_used_again(stories: Stage) -> None:
    """Stories are started again under their readable ids."""
    stories.start("calls")

    assert ask(stories, "POST", "orchestrators/waits_for_go/one").status_code == 202
    assert stories.status() == "Running"


@pytest.mark.parametrize("bad", ["@one", "a/b", "a\\b", "a#b", "a?b", "a\nb", "x" * 257])
def test_forbidden_ids_are_refused(stories: Stage, bad: str) -> None:
    """The stores in production refuse them, some after the story has begun."""
    request = Request("POST", ("orchestrators", "calls", bad), {}, JSON, b"", "http://h")

    assert stories.engine.management.handle(request).status_code == 400


def test_a_body_which_is_not_json_is_refused(stories: Stage) -> None:
    """A torn request must not start a story with no input."""
    assert ask(stories, "POST", "orchestrators/calls/one", b"{").status_code == 400


def test_an_event_from_the_sdk_arrives_as_text_and_from_http_as_an_object(stories: Stage) -> None:
    """The two ways differ in production; a story must be tried with both."""
    stories.start("waits_for_go", instance_id="sdk")
    stories.start("waits_for_go", instance_id="http")
    sdk(stories, stories.engine.client().raise_event("sdk", "Go", {"a": 1}))
    ask(stories, "POST", "instances/http/raiseEvent/Go", b'{"a": 1}')

    assert stories.output("sdk") == '{"a": 1}'
    assert stories.output("http") == {"a": 1}


def test_events_to_nobody_are_answered_with_the_reason(stories: Stage) -> None:
    """404, 410 and 400 mean three different repairs."""
    stories.start("calls")
    stories.start("waits_for_go", instance_id="two")

    assert ask(stories, "POST", "instances/none/raiseEvent/Go", b"1").status_code == 404
    assert ask(stories, "POST", "instances/one/raiseEvent/Go", b"1").status_code == 410
    plain = ask(
        stories, "POST", "instances/two/raiseEvent/Go", b"1", {"content-type": "text/plain"}
    )
    assert plain.status_code == 400


def test_a_terminated_story_runs_no_code_again(stories: Stage) -> None:
    """Terminate is the last resort of an operator."""
    stories.start("waits_for_go")
    sdk(stories, stories.engine.client().terminate("one", "enough"))

    assert stories.status() == "Terminated"
    assert stories.output() == "enough"
    assert ask(stories, "POST", "instances/one/terminate").status_code == 410
    assert ask(stories, "POST", "instances/none/terminate").status_code == 404


def test_children_outlive_a_terminated_parent(stories: Stage) -> None:
    """Termination is not recursive; the author must know."""
    stories.start("calls_child", {"story": "waits_for_go", "id": "kid"})
    stories.engine.control.terminate("one", None)
    stories.engine.run_until_quiet()

    assert stories.status() == "Terminated"
    assert stories.status("kid") == "Running"


def test_a_suspended_story_keeps_what_it_is_told_for_later(stories: Stage) -> None:
    """A pause must lose nothing."""
    client = stories.engine.client()
    stories.start("waits_for_go")
    sdk(stories, client.suspend("one", "pause"))
    assert stories.status() == "Suspended"
    stories.tell("Go", 5)
    assert stories.status() == "Suspended"
    sdk(stories, client.resume("one", "on"))

    assert stories.output() == 5


def test_a_suspended_story_can_be_terminated(stories: Stage) -> None:
    """An operator who paused it may decide to end it."""
    stories.start("waits_for_go")
    stories.engine.control.suspend("one", None)
    stories.engine.control.terminate("one", "no")
    stories.engine.run_until_quiet()

    assert stories.status() == "Terminated"


def test_rewind_runs_the_failed_activity_again(stories: Stage) -> None:
    """A cause outside removed, the story goes on where it fell."""
    stories.start("calls_child", {"story": "calls_flaky", "key": "a", "fails": 1, "id": "kid"})
    assert stories.status() == "Failed"
    sdk(stories, stories.engine.client().rewind("one", "fixed"))

    assert stories.output() == "run 2"
    assert stories.status("kid") == "Completed"
    assert ask(stories, "POST", "instances/one/rewind").status_code == 410


def test_restart_runs_anew_with_the_same_input(stories: Stage) -> None:
    """Operators repeat a finished run without knowing its input."""
    stories.start("shows_input", {"a": 1})
    reply = sdk(stories, stories.engine.client().restart("one", restart_with_new_instance_id=True))
    ask(stories, "POST", "instances/one/restart", restartWithNewInstanceId="false")

    assert stories.output(reply["id"]) == {"a": 1}
    assert stories.status() == "Completed"


def test_only_finished_instances_are_purged(stories: Stage) -> None:
    """A purge which takes living stories loses mailboxes."""
    client = stories.engine.client()
    stories.start("calls")
    stories.start("waits_for_go", instance_id="two")

    assert sdk(stories, client.purge_instance_history("two")).instances_deleted == 0
    since_utc = NEW_YEAR_UTC - timedelta(days=1)
    assert sdk(stories, client.purge_instance_history_by(since_utc)).instances_deleted == 1
    assert ask(stories, "GET", "instances/one").status_code == 404
    assert ask(stories, "DELETE", "instances/").status_code == 400


def test_instances_are_found_by_time_status_and_prefix(stories: Stage) -> None:
    """The dashboard and the purge both rest on these filters."""
    client = stories.engine.client()
    stories.start("calls", instance_id="a-1")
    stories.clock.advance_to(NEW_YEAR_UTC + timedelta(days=1))
    stories.start("waits_for_go", instance_id="b-1")

    def ids(**wanted: Any) -> list[str]:
        return [one.instance_id for one in sdk(stories, client.get_status_by(**wanted))]

    assert [one.instance_id for one in sdk(stories, client.get_status_all())] == ["a-1", "b-1"]
    assert ids(instance_id_prefix="b-") == ["b-1"]
    assert ids(runtime_status=[df.OrchestrationRuntimeStatus.Completed]) == ["a-1"]
    assert ids(created_time_from=NEW_YEAR_UTC + timedelta(hours=1)) == ["b-1"]
    assert ids(created_time_to=NEW_YEAR_UTC + timedelta(hours=1)) == ["a-1"]


def test_pages_follow_the_continuation_token(stories: Stage) -> None:
    """A list cut short without a token hides instances."""
    for name in ("a", "b", "c"):
        stories.start("calls", instance_id=name)
    first = ask(stories, "GET", "instances/", top="2")
    token = {"x-ms-continuation-token": first.headers["x-ms-continuation-token"]}
    second = ask(stories, "GET", "instances/", headers=token, top="2")

    assert [one["instanceId"] for one in first.document] == ["a", "b"]
    assert [one["instanceId"] for one in second.document] == ["c"]
    assert "x-ms-continuation-token" not in second.headers


def test_status_codes_tell_running_finished_and_failed_apart(stories: Stage) -> None:
    """Pollers decide by the code alone."""
    stories.start("waits_for_go", instance_id="running")
    stories.start("calls_unknown", instance_id="failed")
    running = ask(stories, "GET", "instances/running", showInput="false")
    as_500 = ask(stories, "GET", "instances/failed", returnInternalServerErrorOnFailure="true")

    assert (running.status_code, running.headers["Retry-After"]) == (202, "5")
    assert running.document["createdTime"] == "2026-01-01T00:00:00Z"
    assert ask(stories, "GET", "instances/failed").status_code == 200
    assert as_500.status_code == 500
    assert ask(stories, "GET", "instances/none").status_code == 404


def test_history_is_shown_without_its_plumbing(stories: Stage) -> None:
    """Tools read this shape: scheduled rows melt into the rows which end them."""
    stories.start("calls")
    shown = ask(stories, "GET", "instances/one", showHistory="true", showHistoryOutput="true")
    rows = shown.document["historyEvents"]

    assert [row["EventType"] for row in rows] == [
        "ExecutionStarted",
        "TaskCompleted",
        "TaskCompleted",
        "ExecutionCompleted",
    ]
    assert rows[1]["FunctionName"] == "echo"
    assert rows[1]["Result"] == '{"n": 1}'
    assert "ScheduledTime" in rows[1]
    assert "EventId" not in rows[1]


def test_entities_are_signalled_read_listed_and_deleted(stories: Stage) -> None:
    """The client's whole side of entities."""
    client = stories.engine.client()
    entity = df.EntityId("Counter", "k")
    assert not sdk(stories, client.read_entity_state(entity)).entity_exists
    sdk(stories, client.signal_entity(entity, "add", 4))
    sdk(stories, client.signal_entity(entity, "add", 3))
    state = sdk(stories, client.read_entity_state(entity))
    listed = ask(stories, "GET", "entities/counter", fetchState="true")
    ask(stories, "DELETE", "entities/counter/k")

    assert (state.entity_exists, state.entity_state) == (True, 7)
    assert listed.document[0]["entityId"] == {"name": "counter", "key": "k"}
    assert listed.document[0]["state"] == 7
    assert ask(stories, "GET", "entities/counter/k").status_code == 404


def test_an_unknown_path_is_not_found(stories: Stage) -> None:
    """A typing error must not look like success."""
    assert ask(stories, "GET", "nothing").status_code == 404
    assert ask(stories, "POST", "instances/one/explode").status_code == 404
