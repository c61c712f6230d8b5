"""The directory over HTTP: what is answered, what is written down, whose word is asked for. About 5 s."""

import asyncio
import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

from activities.directory_store import find_head
from bascule.domain.directory_objects.records import DIRECTORY
from sandbox.in_process.simulation import Options, Simulation
from sandbox.world.recipients import RecipientKind
from tests.directory.samples import ALL, INNER, groups, members
from tests.triggers.signed_in import principal
from triggers import directory_api
from triggers.roles import Role, least_role

OWNER = "owner@example.org"


@dataclass
class Bell:
    """A durable client that remembers what it was asked."""

    state: str | None = None
    started: list[str] = field(default_factory=list)
    rung: list[str] = field(default_factory=list)

    async def get_status(self, instance_id: str) -> Any:
        """How the story is."""
        del instance_id
        return SimpleNamespace(runtime_status=self.state)

    async def start_new(self, name: str, instance_id: str, given: Any) -> str:
        """Start it."""
        del name, given
        self.started.append(instance_id)
        return instance_id

    async def raise_event(self, instance_id: str, name: str) -> None:
        """Ring it."""
        del name
        self.rung.append(instance_id)


@pytest.fixture
def simulation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulation]:
    """A tenant with one mailbox, behind the routes."""
    with Simulation(Options(people_count=1, messages_each=1)) as made:
        made.world.tenant.recipients.open_shared_mailbox(OWNER, OWNER, RecipientKind.USER_MAILBOX)
        monkeypatch.setattr(directory_api, "ports", lambda: made.ports)
        yield made


FILES = {
    "groups.csv": groups(f"{ALL};Everybody;{OWNER};"),
    "group_members.csv": members(f"{ALL},{OWNER}"),
}


def call(
    handler: Any, *more: Any, body: object = None, header: str = "", **query: str
) -> tuple[int, Any]:
    """Status and answer of a route; `header` is what the platform says of who asks."""
    raw = json.dumps(body).encode() if body is not None else b""
    method = "POST" if body is not None else "GET"
    headers = {"x-ms-client-principal": header} if header else {}
    request = func.HttpRequest(method, "/api/directory", headers=headers, params=query, body=raw)
    answer = asyncio.run(behind(handler)(request, *more))
    return answer.status_code, json.loads(answer.get_body())


def behind(registered: Any) -> Any:
    """The function behind what the programming model registers, without the durable client's own wrapping."""
    work = registered._function._func
    return getattr(work, "client_function", work)


def body(files: Mapping[str, bytes]) -> dict[str, dict[str, str]]:
    """Files as they are sent."""
    return {"files": {name: base64.b64encode(raw).decode() for name, raw in files.items()}}


def test_files_are_checked_kept_compared_and_applied(simulation: Simulation) -> None:
    """The whole way of an operator."""
    assert call(directory_api.upload_directory, body=body(FILES), check="true")[1] == {
        "state": "correct",
        "groups": 1,
        "members": 1,
        "shared_mailboxes": 0,
        "delegations": 0,
        "contacts": 0,
    }
    assert find_head(simulation.ports) is None
    status, kept = call(directory_api.upload_directory, body=body(FILES))
    assert (status, kept["state"]) == (200, "kept")
    _, difference = call(directory_api.show_differences)
    assert [each["change"] for each in difference["changes"]] == ["create group"]

    bell = Bell()
    status, _ = call(directory_api.apply_differences, bell, body={})
    assert status == 202
    assert bell.started == [DIRECTORY]
    assert call(directory_api.show_directory)[1]["state"] == "under way"


def test_every_mistake_comes_back_at_once(simulation: Simulation) -> None:
    """By file, line and column; and nothing is kept."""
    wrong = {
        "groups.csv": groups(f"{ALL};;{OWNER};"),
        "group_members.csv": members(f"{INNER},nobody@example.org"),
    }
    status, answer = call(directory_api.upload_directory, body=body(wrong))

    assert status == 400
    assert [each.split(":")[0] for each in answer["mistakes"]] == [
        "group_members.csv, line 2, column 1 (Group)",
        "group_members.csv, line 2, column 2 (Member)",
        "groups.csv, line 2, column 2 (DisplayName)",
    ]
    assert find_head(simulation.ports) is None


@pytest.mark.parametrize(
    "sent", [{}, {"files": {}}, {"files": {"groups.csv": "!"}}, {"files": {"group.csv": ""}}]
)
def test_an_envelope_that_is_none_is_refused(simulation: Simulation, sent: object) -> None:
    """What is not understood must not pass for an empty directory."""
    assert call(directory_api.upload_directory, body=sent)[0] == 400
    assert find_head(simulation.ports) is None


def test_nothing_is_shown_or_applied_before_an_upload(simulation: Simulation) -> None:
    """An empty wish would be compared as "remove all"."""
    del simulation
    bell = Bell()
    assert call(directory_api.show_directory)[0] == 404
    assert call(directory_api.show_differences)[0] == 404
    assert call(directory_api.apply_differences, bell, body={})[0] == 404
    assert bell.started == []


def test_a_story_that_runs_is_rung_and_not_started_twice(simulation: Simulation) -> None:
    """Two stories of one directory would do everything twice."""
    del simulation
    call(directory_api.upload_directory, body=body(FILES))
    bell = Bell("Running")
    call(directory_api.apply_differences, bell, body={})

    assert (bell.rung, bell.started) == ([DIRECTORY], [])


@pytest.mark.parametrize("removals", ["-1", "all", "2", "3F8A0C51D2E6B947", "3f8a0c51"])
def test_the_word_for_removals_is_a_digest(simulation: Simulation, removals: str) -> None:
    """A word that is misread as "all" empties groups."""
    del simulation
    call(directory_api.upload_directory, body=body(FILES))

    assert call(directory_api.apply_differences, Bell(), body={}, removals=removals)[0] == 400


@pytest.mark.parametrize(
    ("role", "check", "status"),
    [("Operator", "true", 200), ("Operator", "false", 403), ("Approver", "false", 200)],
)
def test_files_are_checked_for_an_operator_and_kept_for_an_approver(
    simulation: Simulation,
    monkeypatch: pytest.MonkeyPatch,
    role: str,
    check: str,
    status: int,
) -> None:
    """An operator would write a line for a group that opens doors, or for the mailbox of the direction."""
    monkeypatch.setenv("BASCULE_SIGN_IN", "required")
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")
    handler, header = directory_api.upload_directory, principal(role)
    params = {"check": check}

    assert call(handler, body=body(FILES), header=header, **params)[0] == status
    assert (find_head(simulation.ports) is not None) is (status == 200 and check == "false")


def test_files_are_applied_for_an_approver() -> None:
    """What is added may be whoever asks."""
    assert least_role(behind(directory_api.apply_differences)) is Role.APPROVER


def test_the_hourly_look_starts_a_story_that_was_lost(simulation: Simulation) -> None:
    """A ring that was lost must cost an hour, not the application."""
    del simulation
    work = behind(directory_api.watch_directory)
    idle, lost, running = Bell(), Bell(), Bell("Running")
    asyncio.run(work(SimpleNamespace(), idle))
    call(directory_api.upload_directory, body=body(FILES))
    call(directory_api.apply_differences, Bell(), body={}, removals="3f8a0c51d2e6b947")
    asyncio.run(work(SimpleNamespace(), lost))
    asyncio.run(work(SimpleNamespace(), running))

    assert (idle.started, lost.started, running.started) == ([], [DIRECTORY], [])
