"""The tenant over HTTP: what is answered, what is asked of the story, and whose word it takes. About 5 s."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

from activities import readiness as room
from activities.adopt_tenant import adopt_tenant
from activities.see_tenant import see_tenant
from bascule.domain.completion import COMPLETION, CompletionRecord
from bascule.domain.errors import Refusal
from bascule.domain.tenant_records import (
    PREPARATION,
    PREPARATION_ID,
    RECORD,
    Preparation,
    TenantQuestion,
    TenantRecord,
)
from bascule.ports.mail_flow import T
from cli import tenant as command
from sandbox.bound.mail_flow import WorldMailFlow
from sandbox.in_process.simulation import Options, Simulation
from triggers import guard, tenant_api
from triggers.roles import Role, least_role

OPERATOR = "operator@example.org"


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

    async def raise_event(self, instance_id: str, name: str, data: Any = None) -> None:
        """Ring it."""
        del name, data
        self.rung.append(instance_id)


class ClosingMailFlow(WorldMailFlow):
    """The tenant's mail flow; somebody gives the word for the end while it is looked at."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(simulation.world)
        self._simulation = simulation
        self.look_count = 0

    def find(self, kind: type[T], name: str) -> T | None:
        """What is there; from then on the tenant is closed."""
        self.look_count += 1
        close(self._simulation)
        return super().find(kind, name)


@pytest.fixture
def simulation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulation]:
    """A prepared tenant behind the routes; checks run one after the other, because the world has no locks."""
    with Simulation(Options(people_count=1, messages_each=1)) as made:
        monkeypatch.setattr(tenant_api, "ports", lambda: made.ports)
        monkeypatch.setattr(guard, "ports", lambda: made.ports)
        monkeypatch.setattr(
            tenant_api, "readiness", lambda ports: room.readiness(ports, at_once_count=1)
        )
        yield made


def call(handler: Any, *more: Any) -> tuple[int, Any]:
    """Status and answer of a route."""
    request = func.HttpRequest("GET", "/api/tenant", body=b"")
    answer = asyncio.run(behind(handler)(request, *more))
    return answer.status_code, json.loads(answer.get_body())


def behind(registered: Any) -> Any:
    """The function behind what the programming model registers, without the durable client's own wrapping."""
    work = registered._function._func
    return getattr(work, "client_function", work)


def close(simulation: Simulation) -> None:
    """The first word of the completion that cannot be taken back."""
    record = CompletionRecord(closed_utc=simulation.clock.now_utc())
    simulation.ports.documents.amend(COMPLETION, CompletionRecord, lambda _: record)


def disable_rule(simulation: Simulation) -> None:
    """Somebody's hand."""
    rules = simulation.world.tenant.rules
    rule = rules.rule_written(simulation.names.rule_name)
    rules.change_rule(type(rule)(**{**vars(rule), "is_enabled": False}))


def test_a_tenant_is_shown_adopted_and_shown_again(simulation: Simulation) -> None:
    """From nothing known to watched."""
    _, before = call(tenant_api.show_tenant)
    status, adopted = call(tenant_api.adopt)
    _, after = call(tenant_api.show_tenant)

    assert before["guard"] == {"state": "not_prepared"}
    assert (status, adopted["differences"]) == (200, [])
    assert after["guard"]["state"] == "as_recorded"
    assert "as_recorded" in command._tenant_text(after)


def test_what_a_preparation_would_change_is_shown_without_changing_it(
    simulation: Simulation,
) -> None:
    """The dry run."""
    disable_rule(simulation)
    _, answer = call(tenant_api.show_tenant_differences)
    (difference,) = answer["differences"]

    assert (difference["setting"], difference["found"], difference["wanted"]) == (
        "is_enabled",
        "False",
        "True",
    )
    assert simulation.ports.documents.find(PREPARATION, Preparation) is None


@pytest.mark.parametrize(
    ("lacks", "setting"), [("mail", "services"), ("proof", "is_verified"), ("all", "missing")]
)
def test_a_dry_run_shows_what_a_preparation_would_do_to_a_domain(
    simulation: Simulation, lacks: str, setting: str
) -> None:
    """Whoever reads that nothing will be changed must not find a domain changed."""
    domains, name = simulation.world.tenant.directory.domains, simulation.world.naming.domain
    if lacks == "mail":
        simulation.ports.domains.set_services(name, ())
    else:
        domains._by_name.pop(name)
    if lacks == "proof":
        simulation.ports.domains.add(name)
    _, answer = call(tenant_api.show_tenant_differences)

    assert [(each["part"], each["setting"]) for each in answer["differences"]] == [
        ("domain", setting)
    ]


def test_a_dry_run_says_that_domains_may_not_be_read_and_shows_the_rest(
    simulation: Simulation,
) -> None:
    """A right that is not there must neither look like agreement nor hide a rule that is off."""
    simulation.world.tenant.app.roles.discard("Domain.ReadWrite.All")
    disable_rule(simulation)
    _, answer = call(tenant_api.show_tenant_differences)

    assert [each["setting"] for each in answer["differences"]] == ["state", "is_enabled"]


def test_asking_starts_the_one_story_or_rings_it(simulation: Simulation) -> None:
    """Two stories would correct each other."""
    bell, awake = Bell(), Bell(state="Running")

    assert call(tenant_api.prepare_tenant, bell)[0] == 202
    assert call(tenant_api.prepare_tenant, awake)[0] == 202
    assert (bell.started, awake.rung) == ([PREPARATION_ID], [PREPARATION_ID])


def test_a_danger_is_repaired_by_its_own_word_only(simulation: Simulation) -> None:
    """An operator may prepare; undoing what an administrator has done takes an approver."""
    adopt_tenant(simulation.ports, OPERATOR)
    disable_rule(simulation)
    see_tenant(simulation.ports, TenantQuestion("guard"))

    status, answer = call(tenant_api.prepare_tenant, Bell())
    assert status == 409
    assert "repair" in answer["mistakes"][0]
    assert call(tenant_api.repair_tenant, Bell())[0] == 202
    assert call(tenant_api.adopt)[0] == 409
    roles = {
        handler: least_role(behind(handler))
        for handler in (tenant_api.prepare_tenant, tenant_api.repair_tenant, tenant_api.adopt)
    }
    assert list(roles.values()) == [Role.OPERATOR, Role.APPROVER, Role.APPROVER]


def test_a_tenant_that_is_being_completed_is_not_adopted_any_more(simulation: Simulation) -> None:
    """The guard would alarm about everything that the completion takes down, for ever."""
    close(simulation)
    status, answer = call(tenant_api.adopt)

    assert status == 409
    assert "is being completed" in answer["detail"]
    assert simulation.ports.documents.find(RECORD, TenantRecord) is None


def test_a_tenant_that_is_closed_during_the_look_is_not_adopted(simulation: Simulation) -> None:
    """The look takes seconds, and the word for the end may be said in any of them."""
    watched = ClosingMailFlow(simulation)
    asked = replace(simulation.ports, mail_flow=watched)

    with pytest.raises(Refusal, match="is being completed"):
        adopt_tenant(asked, OPERATOR)
    assert watched.look_count > 0
    assert simulation.ports.documents.find(RECORD, TenantRecord) is None


def test_the_timer_of_the_guard_looks(
    simulation: Simulation, caplog: pytest.LogCaptureFixture
) -> None:
    """A timer that looks at nothing is the same as none."""
    adopt_tenant(simulation.ports, OPERATOR)
    disable_rule(simulation)
    timer: Any = SimpleNamespace()
    asyncio.run(behind(guard.guard_tenant)(timer, Bell()))

    assert "differs from its record" in caplog.text
    _, view = call(tenant_api.show_tenant)
    assert view["guard"]["holds_cutovers"] is True


def test_a_preparation_that_the_engine_has_lost_is_started_again(simulation: Simulation) -> None:
    """A purge by hand would leave a tenant half prepared, and an operator who believes it is under way."""
    lost, runs, over = Bell(), Bell(state="Running"), Bell()
    call(tenant_api.prepare_tenant, Bell())
    timer: Any = SimpleNamespace()
    for bell in (lost, runs):
        asyncio.run(behind(guard.guard_tenant)(timer, bell))
    ports, now_utc = simulation.ports, simulation.clock.now_utc()
    done = Preparation(OPERATOR, now_utc, finished_utc=now_utc)
    ports.documents.amend(PREPARATION, Preparation, lambda _: done)
    asyncio.run(behind(guard.guard_tenant)(timer, over))

    assert (lost.started, runs.started, over.started) == ([PREPARATION_ID], [], [])


def test_the_readiness_list_names_a_page_for_what_is_red(simulation: Simulation) -> None:
    """And for nothing else: a page is a call to act."""
    _, answer = call(tenant_api.show_readiness)

    assert {each["light"] for each in answer["checks"]} == {"green", "red", "unknown"}
    for each in answer["checks"]:
        assert bool(each["page"]) is (each["light"] == "red")
