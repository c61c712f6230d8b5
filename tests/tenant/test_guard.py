"""What the guard notices, whom it holds, and how a repair lets the cutovers go on. About 30 s."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from email import message_from_bytes
from typing import Any

import pytest

from activities.adopt_tenant import adopt_tenant
from activities.see_tenant import see_tenant
from activities.tenant_parts import GUARD_PERIOD_S
from activities.wake_stories import wake_preparation
from bascule.domain.codes import Code
from bascule.domain.errors import BasculeError, Refusal
from bascule.domain.records import Wish
from bascule.domain.stages import Stage
from bascule.domain.tenant_records import (
    DRIFT,
    JOURNAL,
    PREPARATION,
    RECORD,
    Drift,
    Preparation,
    TenantFacts,
    TenantQuestion,
    TenantRecord,
)
from infra.grants.wanted import EXCHANGE_ROLES
from sandbox.in_process.simulation import BATCH, Options, Simulation
from sandbox.world.misfortune import Failure, FailureKind
from sandbox.world.weather import CALM, ORDINARY, Weather
from tests.stories.endings import judge_life
from triggers.tenant_views import tenant_view

OPERATOR = "operator@example.org"
GUARD = TenantQuestion("guard")
UNWELL = Failure(FailureKind.TRANSIENT, 503)
Simulate = Callable[..., Simulation]


@pytest.fixture
def simulate() -> Iterator[Simulate]:
    """A maker of simulated migrations whose tenant was adopted."""
    with ExitStack() as stack:

        def make(**options: Any) -> Simulation:
            simulation = stack.enter_context(Simulation(Options(**options)))
            patiently(simulation, lambda: adopt_tenant(simulation.ports, OPERATOR))
            return simulation

        yield make


def look(simulation: Simulation) -> TenantFacts:
    """The guard's timer."""
    return see_tenant(simulation.ports, GUARD)


def drift_of(simulation: Simulation) -> Drift:
    """What the guard has found so far."""
    return simulation.ports.documents.find(DRIFT, Drift) or Drift()


def reported(simulation: Simulation) -> list[str]:
    """Subjects of what has come to the report mailbox."""
    mailbox = simulation.world.tenant.mailboxes.at_address(simulation.names.report_address)
    assert mailbox is not None
    return [str(message_from_bytes(message.raw)["Subject"]) for _, message in mailbox.store.walk()]


def patiently(simulation: Simulation, act: Callable[[], object]) -> None:
    """Try as a person does whose request was not answered, or was too early for a tenant just made."""
    for _ in range(20):
        try:
            act()
        except BasculeError:
            simulation.pass_time(hours=0.05)
        else:
            return
    raise AssertionError("it never answered")


def delete_group(simulation: Simulation) -> None:
    """Somebody tidies up."""
    simulation.world.tenant.groups.remove(simulation.names.group_address)


def repair(simulation: Simulation) -> None:
    """The operator's word, and everything until the story has ended."""
    ports = simulation.ports
    wish = Preparation(OPERATOR, ports.clock.now_utc(), is_repair=True)
    ports.documents.amend(PREPARATION, Preparation, lambda _: wish)
    asyncio.run(wake_preparation(simulation.engine.client()))
    simulation.run_until(lambda: _is_ended(simulation), days=1)


def _is_ended(simulation: Simulation) -> bool:
    asked = simulation.ports.documents.find(PREPARATION, Preparation)
    return asked is not None and asked.finished_utc is not None


def turned(simulation: Simulation) -> list[str]:
    """Addresses whose alias points at the tenant."""
    return [
        person.address
        for person in simulation.people
        if simulation.world.aliases.rows_of(person.address)
        != [simulation.world.naming.source_address(person.address)]
    ]


def pass_guarded(simulation: Simulation, hours: float) -> None:
    """Let time pass with the guard's timer in it."""
    for _ in range(int(hours * 3600 / GUARD_PERIOD_S)):
        simulation.pass_time(hours=GUARD_PERIOD_S / 3600)
        look(simulation)


# In rough weather the first look is often not answered.
@pytest.mark.parametrize(
    ("weather", "periods"),
    [(CALM, 1), pytest.param(ORDINARY, 2, marks=pytest.mark.slow)],
    ids=["calm", "ordinary"],
)
def test_a_group_that_goes_is_noticed_and_no_alias_is_turned_until_it_is_repaired(
    simulate: Simulate, weather: Weather, periods: int
) -> None:
    """Without the group mail takes ways that no cutover has counted on; afterwards everybody must arrive."""
    simulation = simulate(people_count=3, weather=weather)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    anna, *others = simulation.people
    simulation.ask_cutover([anna.address])
    simulation.run_until(lambda: simulation.record_of(anna.address).left_group_utc is not None)

    delete_group(simulation)
    pass_guarded(simulation, hours=periods * GUARD_PERIOD_S / 3600)
    assert drift_of(simulation).danger
    simulation.ask_cutover([person.address for person in others])
    pass_guarded(simulation, hours=9)

    assert [str(f.difference) for f in drift_of(simulation).findings] == [
        f"group {simulation.names.group_address} is missing"
    ]
    assert turned(simulation) == []
    assert all(simulation.record_of(p.address).detach_began_utc is None for p in others)
    assert reported(simulation).count("The tenant is not as it was prepared") == 1
    status = simulation.engine.control.instance(simulation.story_of(others[0].address))
    assert "as it was prepared" in (status.custom_status or "")

    repair(simulation)
    pass_guarded(simulation, hours=2 * GUARD_PERIOD_S / 3600)
    entries = simulation.ports.journal.entries(BATCH)
    restored = {entry.key for entry in entries if entry.after == "member again"}
    assert drift_of(simulation).findings == ()
    assert restored == {simulation.record_of(person.address).key for person in others}

    simulation.run_until_all(Stage.MIGRATED)
    assert len(turned(simulation)) == 3
    simulation.run_until_closed()
    judge_life(simulation)


def test_the_way_back_stays_open_while_new_cutovers_are_held(simulate: Simulate) -> None:
    """A hold that locks people out of their way back would be worse than what it protects from."""
    simulation = simulate(people_count=1)
    anna = simulation.people[0]
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.REDIRECTED)
    rules = simulation.world.tenant.rules
    rules.change_rule(replace(rules.rule_written(simulation.names.rule_name), stops=False))
    rules.change_rule(replace(rules.rule_written(simulation.names.rule_name), except_header=None))
    look(simulation)
    assert drift_of(simulation).danger

    simulation.ask(Wish.ROLLBACK, [anna.address])
    simulation.run_until(lambda: turned(simulation) == [], days=1)


@pytest.mark.parametrize(
    ("hand", "setting"),
    [
        ("disabled", "is_enabled"),
        ("audit", "mode"),
        ("no exception", "except_header"),
        ("old host", "hosts"),
        ("authoritative", "kind"),
    ],
)
def test_each_hand_edit_that_endangers_routing_is_found(
    simulate: Simulate, hand: str, setting: str
) -> None:
    """Each of these alone sends mail another way, or round in circles."""
    simulation = simulate(people_count=1)
    _meddle(simulation, hand)
    look(simulation)
    (finding,) = drift_of(simulation).findings

    assert finding.difference.setting == setting
    assert finding.difference.endangers_routing


def _meddle(simulation: Simulation, hand: str) -> None:
    tenant, names = simulation.world.tenant, simulation.names
    rule = tenant.rules.rule_written(names.rule_name)
    match hand:
        case "disabled":
            tenant.rules.change_rule(replace(rule, is_enabled=False))
        case "audit":
            tenant.rules.change_rule(replace(rule, mode=type(rule.mode)("Audit")))
        case "no exception":
            tenant.rules.change_rule(replace(rule, except_header=None))
        case "old host":
            connector = tenant.rules.outbound_written(names.connector_name)
            tenant.rules.change_outbound(replace(connector, smart_hosts=("old.example.org",)))
        case _:
            domain = simulation.world.naming.domain
            kinds = type(tenant.accepted_domains[domain])
            tenant.recipients.set_domain_type(domain, kinds("Authoritative"))


def test_an_endpoint_that_is_changed_is_told_and_holds_nobody(simulate: Simulate) -> None:
    """The copy suffers, the way of the mail does not."""
    simulation = simulate(people_count=1)
    endpoints = simulation.world.tenant.migration.endpoints
    endpoints.change(
        replace(endpoints.require(simulation.names.endpoint_name), concurrent_migrations_max=50)
    )
    look(simulation)

    assert len(drift_of(simulation).findings) == 1
    assert drift_of(simulation).danger == ""
    assert len(simulation.ports.notifier.alerts) == 1


def test_a_finding_is_told_once_and_journaled_when_it_comes_and_goes(simulate: Simulate) -> None:
    """An alert each ten minutes is one that is filtered away on the second day."""
    simulation = simulate(people_count=1)
    _meddle(simulation, "disabled")
    for _ in range(4):
        look(simulation)
        simulation.pass_time(hours=GUARD_PERIOD_S / 3600)
    repair(simulation)
    entries = [e.after for e in simulation.ports.journal.entries(JOURNAL) if e.effect == "drift"]

    assert len(simulation.ports.notifier.alerts) == 1
    assert len(entries) == 2
    assert entries[1] == "as recorded again"


@pytest.mark.parametrize("failure", [Failure(FailureKind.THROTTLED, 429, 60), UNWELL])
def test_an_alert_that_could_not_be_mailed_is_sent_at_the_next_look(
    simulate: Simulate, failure: Failure
) -> None:
    """One busy moment, and nobody would ever hear that the group is gone."""
    simulation = simulate(people_count=1)
    delete_group(simulation)
    simulation.world.misfortune.provoke("graph.POST sendMail", failure)
    look(simulation)
    assert reported(simulation) == []

    for _ in range(3):
        simulation.pass_time(hours=GUARD_PERIOD_S / 3600)
        look(simulation)
    simulation.pass_time(hours=1)
    assert reported(simulation) == ["The tenant is not as it was prepared"]


def test_that_nothing_is_known_is_mailed_at_the_next_look_too(simulate: Simulate) -> None:
    """An outage of the mail often comes with the outage that is to be told."""
    simulation = simulate(people_count=1)
    for call in ("exchange.Get-AcceptedDomain",) * 6 + ("graph.POST sendMail",):
        simulation.world.misfortune.provoke(call, UNWELL)
    for _ in range(6):
        look(simulation)
        simulation.pass_time(hours=GUARD_PERIOD_S / 3600)
    simulation.pass_time(hours=1)

    assert reported(simulation) == ["The tenant cannot be watched"]


def test_silence_is_unknown_and_not_green(simulate: Simulate) -> None:
    """A guard that cannot see must not say that all is well."""
    simulation = simulate(people_count=1)
    look(simulation)
    assert tenant_view(simulation.ports)["guard"]["state"] == "as_recorded"

    for _ in range(5):
        simulation.pass_time(hours=GUARD_PERIOD_S / 3600)
        failure = Failure(FailureKind.TRANSIENT, 503)
        simulation.world.misfortune.provoke("exchange.Get-AcceptedDomain", failure)
        facts = look(simulation)
    view = tenant_view(simulation.ports)["guard"]

    assert facts.is_unknown
    assert view["state"] == "unknown"
    assert view["unknown_why"]
    assert len(simulation.ports.notifier.alerts) == 1
    assert not look(simulation).is_unknown
    assert tenant_view(simulation.ports)["guard"]["state"] == "as_recorded"


def test_a_guard_that_does_not_run_is_unknown_too(simulate: Simulate) -> None:
    """A timer that was switched off makes no errors."""
    simulation = simulate(people_count=1)
    simulation.pass_time(hours=1)

    assert tenant_view(simulation.ports)["guard"]["state"] == "unknown"


def test_what_was_found_holds_while_nobody_answers(simulate: Simulate) -> None:
    """An outage right after the finding must not lift the hold."""
    simulation = simulate(people_count=1)
    _meddle(simulation, "disabled")
    look(simulation)
    failure = Failure(FailureKind.TRANSIENT, 503)
    simulation.world.misfortune.provoke("exchange.Get-AcceptedDomain", failure)
    look(simulation)

    assert drift_of(simulation).danger


def test_a_tenant_that_is_not_as_planned_cannot_be_adopted(simulate: Simulate) -> None:
    """Adopted, a disabled rule would be what is right."""
    simulation = simulate(people_count=1)
    before = simulation.ports.documents.find(RECORD, TenantRecord)
    _meddle(simulation, "disabled")

    with pytest.raises(Refusal, check=lambda no: no.code is Code.REQUEST_REJECTED):
        adopt_tenant(simulation.ports, OPERATOR)
    assert simulation.ports.documents.find(RECORD, TenantRecord) == before


def test_a_tenant_can_be_adopted_and_watched_with_a_right_to_look_alone(
    simulate: Simulate,
) -> None:
    """Not every tenant gives a program the right to write its rules."""
    simulation = simulate(people_count=1)
    roles = simulation.world.tenant.exchange_roles
    roles.clear()
    roles.update({right.name for right in EXCHANGE_ROLES} | {"View-Only Configuration"})
    adopt_tenant(simulation.ports, OPERATOR)
    _meddle(simulation, "disabled")
    look(simulation)

    assert drift_of(simulation).danger


def test_without_a_record_nothing_is_watched() -> None:
    """Migrations that began before the guard go on as they were."""
    with Simulation(Options(people_count=1)) as simulation:
        calls = sum(simulation.world.calls.values())
        look(simulation)

        assert sum(simulation.world.calls.values()) == calls
        assert tenant_view(simulation.ports)["guard"] == {"state": "not_prepared"}
