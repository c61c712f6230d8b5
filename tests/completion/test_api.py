"""The completion, public DNS and the workstations over HTTP: what is answered, what is written, whose word it takes."""

import asyncio
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func
import pytest

from bascule.domain.completion import COMPLETION, Phase, Word
from bascule.domain.directory_objects.values import WantedMailbox
from bascule.domain.plan import Plan
from bascule.domain.plan_workstations import WorkstationsPlan, WorkstationStepPlan
from sandbox.in_process.simulation import BATCH, Options, Simulation
from tests.stories.completions import Operator, with_dns
from triggers import completion_api, http_api, workstations_api
from triggers.answers import answer
from triggers.dashboard_facts import dashboard_facts
from triggers.roles import Role, least_role
from triggers.views import batch_view

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "complete-the-tenant.md"


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
        del given
        assert name == "tenant_completion"
        self.started.append(instance_id)
        return instance_id

    async def raise_event(self, instance_id: str, name: str, data: Any = None) -> None:
        """Ring it."""
        del name, data
        self.rung.append(instance_id)


def with_everything(plan: Plan) -> Plan:
    """What a completion needs, and one step for each desk."""
    steps = {"outlook": WorkstationStepPlan("Close Outlook.")}
    return replace(with_dns(plan), workstations=WorkstationsPlan(steps=steps))


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    """Everybody has moved, behind the routes."""
    options = Options(people_count=1, messages_each=1, change_plan=with_everything)
    with Simulation(options) as simulation:
        for module in (completion_api, workstations_api, http_api):
            monkeypatch.setattr(module, "ports", lambda: simulation.ports)
        operator = Operator(simulation)
        operator.have_everybody_migrated()
        yield operator


def call(handler: Any, url: str, *more: Any, body: bytes | None = None) -> tuple[int, Any]:
    """Status and answer of a route."""
    method = "GET" if body is None else "POST"
    params = dict(parse_qsl(urlsplit(url).query))
    request = func.HttpRequest(method, url, params=params, body=body or b"")
    said = asyncio.run(behind(handler)(request, *more))
    return said.status_code, json.loads(said.get_body())


def behind(registered: Any) -> Any:
    """The function behind what the programming model registers, without the durable client's own wrapping."""
    work = registered._function._func
    return getattr(work, "client_function", work)


def say(word: object, bell: Bell) -> tuple[int, Any]:
    """A word over HTTP."""
    body = json.dumps({"step": word}).encode()
    return call(completion_api.say_word, "/api/tenant/complete", bell, body=body)


def test_the_first_word_starts_the_story_and_the_next_rings_it(operator: Operator) -> None:
    """A word without a bell is heard a day later."""
    bell = Bell()
    status, said = say("begin", bell)
    bell.state = "Running"
    again, _ = say("begin", bell)
    _, shown = call(completion_api.show_completion, "/api/tenant/completion")

    assert (status, again) == (202, 202)
    assert said == {"step": "begin", "status": "/api/tenant/completion"}
    assert (bell.started, bell.rung) == ([COMPLETION], [COMPLETION])
    assert shown["phase"] == Phase.LOWERING
    assert [each["word"] for each in shown["words"]] == ["begin"]


@pytest.mark.parametrize("word", ["", "everything", None, 7, ["begin"]])
def test_what_is_no_word_is_refused_with_those_that_are(operator: Operator, word: object) -> None:
    """A typing slip must not be taken for the word it resembles."""
    status, said = say(word, Bell())

    assert status == 400
    assert "begin, stop, authoritative, routing, endpoint, keys" in said["mistakes"][0]


def test_a_word_that_is_not_due_wakes_nobody(operator: Operator) -> None:
    """Its refusal is the whole answer."""
    bell = Bell()
    status, said = say("keys", bell)

    assert (status, bell.started, bell.rung) == (409, [], [])
    assert "begin first" in said["mistakes"][0]


def test_before_it_is_begun_the_completion_says_so(operator: Operator) -> None:
    """The first look of every operator."""
    _, shown = call(completion_api.show_completion, "/api/tenant/completion")

    assert (shown["phase"], shown["awaited_word"]) == ("not_begun", "begin")
    assert shown["unproven"] == {"count": 0, "named": []}


def test_addresses_that_only_the_alias_map_knows_are_named_before_the_zone_is_changed(
    operator: Operator,
) -> None:
    """Lists, role addresses and second addresses were refused at the tenant's door from that day on, and nobody had been told."""
    anna = operator.simulation.people[0].address
    edit = operator.simulation.world.aliases.edit_by_hand
    for source in ("Info@example.org", "a.nna@example.org", "office@example.org", "@example.org"):
        edit(source, [anna])
    edit("info@elsewhere.example", [anna])
    operator.ports.recipients.create_shared_mailbox(
        WantedMailbox("office@example.org", "Office"), "office"
    )
    _, before = call(completion_api.show_completion, "/api/tenant/completion")
    operator.come_to_ready()
    _, ready = call(completion_api.show_completion, "/api/tenant/completion")
    operator.say(Word.AUTHORITATIVE)
    operator.run_until(Phase.ROUTING)
    _, after = call(completion_api.show_completion, "/api/tenant/completion")

    # Nobody of this ledger has a mailbox in the tenant.
    lost = ["@example.org", "a.nna@example.org", "info@example.org", anna]
    assert before["only_in_alias_map"] == {"count": 4, "named": lost}
    assert ready["only_in_alias_map"] == before["only_in_alias_map"]
    assert "only_in_alias_map" not in after


def test_nobody_who_was_migrated_is_named_among_them() -> None:
    """A list of everybody is a list that nobody reads."""
    options = Options(people_count=2, messages_each=1, change_plan=with_everything)
    with Simulation(options) as simulation:
        operator = Operator(simulation)
        operator.migrate_everybody()

        assert operator.view()["only_in_alias_map"] == {"count": 0, "named": []}


def test_the_query_of_the_page_lists_what_was_not_migrated() -> None:
    """Who may not list recipients depends on it, on the last day on which it can be mended."""
    [query] = re.findall(r"(?s)```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"))
    rows = [
        ("anna@example.org", "anna@TENANT.onmicrosoft.com"),
        ("bob@example.org", "bob@ca.example.org"),
        ("a.nna@example.org", "anna@example.org"),
        ("@example.org", "anna@example.org"),
        ("anna@ca.example.org", "anna@ca.example.org"),
    ]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("ATTACH ':memory:' AS mail")
        connection.execute("CREATE TABLE mail.auforg_virtual (source TEXT, destination TEXT)")
        connection.executemany("INSERT INTO mail.auforg_virtual VALUES (?, ?)", rows)
        found = [source for source, _ in connection.execute(query)]

    assert found == ["@example.org", "a.nna@example.org", "bob@example.org"]


def test_a_map_that_does_not_answer_hides_nothing_else_of_the_completion(
    operator: Operator,
) -> None:
    """Who holds the completion up would not be seen for a database that is down."""
    operator.ports.alias_map.denied = "access denied"
    status, shown = call(completion_api.show_completion, "/api/tenant/completion")

    assert (status, shown["unproven"]["count"]) == (200, 0)
    assert "access denied" in shown["only_in_alias_map"]["unknown_why"]


def test_public_dns_is_shown_for_either_aim(operator: Operator) -> None:
    """Looking ahead at what the end will ask for costs nothing."""
    _, both = call(completion_api.show_dns, "/api/tenant/dns")
    _, alone = call(completion_api.show_dns, "/api/tenant/dns?aim=tenant_alone")
    status, _ = call(completion_api.show_dns, "/api/tenant/dns?aim=nobody")

    assert both["domains"][0]["domain"] == "example.org"
    assert any("include:spf.protection" in each for each in both["domains"][0]["difference"])
    assert alone["aim"] == "tenant_alone"
    assert status == 400


def test_a_plan_that_cannot_check_spf_is_refused_at_the_first_word(operator: Operator) -> None:
    """The old servers' mail would go to junk, and nobody would have looked."""
    ports, plan = operator.ports, operator.ports.plan
    without = replace(plan, dns=replace(plan.dns, source_senders=()))
    object.__setattr__(ports, "plan", without)
    status, said = say("begin", Bell())

    assert status == 400
    assert "dns.source_senders" in said["mistakes"][0]


def test_the_timer_starts_only_a_story_that_was_lost(operator: Operator) -> None:
    """A finished completion that begins again every quarter of an hour is noise in every log."""
    bell = Bell()
    timer: Any = None
    asyncio.run(behind(completion_api.watch_completion)(timer, bell))
    assert bell.started == []
    say("begin", Bell())
    asyncio.run(behind(completion_api.watch_completion)(timer, bell))
    assert bell.started == [COMPLETION]
    bell.state = "Running"
    asyncio.run(behind(completion_api.watch_completion)(timer, bell))
    assert bell.started == [COMPLETION]


def test_a_changed_upload_is_not_accepted_any_more(operator: Operator) -> None:
    """Its new rows would stand between the last look and the deed."""
    operator.come_to_ready()
    operator.say(operator.record.awaited_word)  # type: ignore[arg-type]
    operator.ports.ledger.amend_batch(
        BATCH, lambda batch: replace(batch, pending_fingerprint="f2", closed_utc=None)
    )
    body, url = b"{}", f"/api/batches/{BATCH}/difference?fingerprint=f2"
    request = func.HttpRequest(
        "POST", url, params={"fingerprint": "f2"}, route_params={"batch": BATCH}, body=body
    )
    said = asyncio.run(behind(http_api.accept_difference)(request, Bell()))

    assert said.status_code == 409
    batch = operator.simulation.batch()
    assert batch is not None
    assert batch.accepted_fingerprint == ""


def test_marks_come_by_json_and_by_csv_and_stand_on_the_batch(operator: Operator) -> None:
    """Three doors to one count."""
    anna = operator.simulation.people[0].address
    url, handler = f"/api/workstations?batch={BATCH}", workstations_api.tick_workstations
    _, before = call(workstations_api.list_workstations, f"{url}&open=outlook")
    status, _ = call(
        handler, url, body=json.dumps({"step": "outlook", "mailboxes": [anna]}).encode()
    )
    undone, _ = call(handler, url, body=f"EmailAddress,Step,Done\n{anna},outlook,no\n".encode())
    again, _ = call(handler, url, body=f"EmailAddress,Step\n{anna},outlook\n".encode())
    _, after = call(workstations_api.list_workstations, f"{url}&open=outlook")
    _, everyone = call(workstations_api.list_workstations, url)
    row = operator.simulation.batch()
    assert row is not None
    shown = json.loads(answer(batch_view(operator.ports, row)).get_body())

    assert (status, undone, again) == (200, 200, 200)
    assert [each["address"] for each in before["mailboxes"]] == [anna]
    assert before["steps"] == {"outlook": "Close Outlook."}
    assert after["mailboxes"] == []
    assert everyone["mailboxes"][0]["done"]["outlook"]["by"] == "function key"
    assert shown["workstations"] == {"migrated": 1, "done": {"outlook": 1}, "complete": 1}


def test_the_dashboard_says_what_the_routes_say(operator: Operator) -> None:
    """Two pages with two truths, and nobody knows which word is due."""
    anna = operator.simulation.people[0].address
    marks = json.dumps({"step": "outlook", "mailboxes": [anna]}).encode()
    before = dashboard_facts(operator.ports)
    call(workstations_api.tick_workstations, f"/api/workstations?batch={BATCH}", body=marks)
    operator.come_to_ready()
    after = dashboard_facts(operator.ports)
    _, shown = call(completion_api.show_completion, "/api/tenant/completion")

    assert (before.completion.phase, before.completion.awaited_word) == ("not_begun", "begin")
    assert after.completion.phase == shown["phase"] == Phase.READY
    assert after.completion.awaited_word == shown["awaited_word"]
    desks = [each.batches[0].desks for each in (before, after)]
    assert [each and (each.migrated_count, each.left_count) for each in desks] == [(1, 1), (1, 0)]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b'{"step": "fax", "mailboxes": []}', ("step: 'fax'", "mailboxes: give 1 to")),
        (b'{"step": "outlook", "mailboxes": [7, "x"], "done": 1}', ("done:", "7 is no address")),
        (b'{"stage": "outlook"}', ("stage: there is no such field",)),
        (b"EmailAddress,Step\nnobody,fax\n", ("line 2", "EmailAddress,Step,Done")),
    ],
)
def test_wrong_marks_are_refused_with_every_mistake(
    operator: Operator, body: bytes, what: tuple[str, ...]
) -> None:
    """One mistake per attempt makes an afternoon out of a list."""
    handler = workstations_api.tick_workstations
    status, said = call(handler, f"/api/workstations?batch={BATCH}", body=body)

    assert status == 400
    for part in what:
        assert any(part in mistake for mistake in said["mistakes"])


def test_it_takes_the_role_of_who_may_decide() -> None:
    """A word that turns a domain is no clerk's work; a tick is no director's."""
    assert least_role(behind(completion_api.say_word)) is Role.APPROVER
    assert least_role(behind(completion_api.show_completion)) is Role.READER
    assert least_role(behind(workstations_api.tick_workstations)) is Role.OPERATOR
