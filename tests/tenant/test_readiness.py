"""The readiness list: what is right is green, what is wrong is red, what nobody can say is unknown. About 5 s."""

import re
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from activities import readiness as room
from activities.adopt_tenant import adopt_tenant
from activities.directory_wishes import keep_upload
from activities.readiness import CHECKS, readiness
from activities.see_tenant import see_tenant
from bascule.domain.directory_objects.values import WantedDirectory
from bascule.domain.errors import Conflict
from bascule.domain.plan import Plan
from bascule.domain.plan_file import read_plan
from bascule.domain.plan_mail_flow import IntakePlan, Provisioning
from bascule.domain.readiness import Check, Light, green
from bascule.domain.rights import (
    DOMAIN_ROLE,
    EXCHANGE_ROLE,
    MAIL_ROLES,
    MEMBERS_ROLE,
)
from bascule.domain.stages import Stage
from bascule.domain.tenant_records import RECORD, TenantQuestion
from bascule.ports.bundle import Ports
from sandbox.in_process.simulation import Options, Simulation
from sandbox.world.misfortune import Failure, FailureKind
from tests.activities.moments import state_of

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "readiness.md"
# Nobody but a person can answer these.
ALWAYS_UNKNOWN = {"cmdlet_parameters", "intake_language", "intake_partner"}
# So is this one, until mailboxes are being filled.
BEFORE_THE_FIRST_BATCH = {"retention"}
MAIL = {"Mail.ReadWrite", "Mail.Send", "Mail.Read", "Mail.ReadBasic.All"}


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """A tenant that is ready in every way, watched."""
    with Simulation(Options(people_count=1, change_plan=_answered)) as made:
        adopt_tenant(made.ports, "operator@example.org")
        see_tenant(made.ports, TenantQuestion("guard"))
        yield made


def _answered(plan: Plan) -> Plan:
    intake = IntakePlan(
        domains=plan.tenant.domains,
        wished_date="2026-12-19",
        passwords_handed_out="on paper, by the class teacher",
    )
    return replace(plan, intake=intake)


def lights(simulation: Simulation) -> dict[str, Check]:
    """Each check by its name; one thread, because the world has no locks."""
    return {check.name: check for check in readiness(simulation.ports, at_once_count=1)}


def test_a_ready_tenant_has_no_red_but_what_the_plan_leaves_out(simulation: Simulation) -> None:
    """A list that is red on a good day is not read on a bad one."""
    found = lights(simulation)
    red = {name: check.told for name, check in found.items() if check.light is Light.RED}
    unknown = {name for name, check in found.items() if check.light is Light.UNKNOWN}

    assert set(red) <= {"plan"}
    assert "inbound" in red["plan"]
    assert unknown == ALWAYS_UNKNOWN | BEFORE_THE_FIRST_BATCH


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ("role", "token_roles"),
        ("mail", "token_roles_mail"),
        ("cmdlet", "cmdlets_guard"),
        ("unverified", "domains"),
        ("authoritative", "accepted_domains"),
        ("rule", "prepared"),
        ("unreachable", "endpoint"),
        ("certificate", "certificate"),
        ("expired", "certificate"),
        ("no dovecot", "imap"),
        ("denied", "alias_map"),
        ("no entry", "cmdlets"),
        ("clock", "time"),
        ("seats", "seats"),
        ("mx", "mx"),
        ("two policies", "spf"),
        ("sign-on", "intake_single_sign_on"),
        ("synchronised", "intake_provisioning"),
    ],
)
def test_what_is_wrong_is_red_under_its_own_name(
    simulation: Simulation, wrong: str, name: str
) -> None:
    """A wrong tenant that looks ready is found out in the night of the cutover."""
    assert lights(simulation)[name].light is Light.GREEN

    _spoil(simulation, wrong)

    assert lights(simulation)[name].light is Light.RED


@pytest.mark.parametrize(
    ("change", "light", "told"),
    [
        ({}, Light.GREEN, "1 mailboxes looked at"),
        ({"has_archive": True}, Light.RED, "Default MRM Policy"),
        ({"has_archive": True, "retention_hold": True}, Light.GREEN, ""),
        ({"has_archive": True, "is_retention_off": True}, Light.GREEN, ""),
        ({"has_archive": True, "retention_policy": ""}, Light.GREEN, ""),
        ({"retention_policy": "Delete after a year"}, Light.UNKNOWN, "Delete after a year"),
        ({"has_archive": True, "retention_policy": "9 months"}, Light.RED, "9 months"),
    ],
)
def test_an_archive_is_red_while_a_policy_may_move_mail_into_it(
    simulation: Simulation, change: dict[str, Any], light: Light, told: str
) -> None:
    """Every delta would copy again what has moved, for as long as the migration lasts."""
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    recipients = simulation.world.tenant.recipients
    guid = recipients.mailbox(simulation.people[0].address).exchange_guid
    recipients.change_settings(guid, replace(recipients.settings(guid), **change))
    check = lights(simulation)["retention"]

    assert check.light is light
    assert told in check.told


def test_a_tenant_that_is_not_synchronised_contradicts_who_says_it_is(
    simulation: Simulation,
) -> None:
    """Accounts that nobody makes are found missing one by one."""
    plan = simulation.ports.plan
    said = replace(
        plan,
        intake=replace(plan.intake, provisioning=Provisioning.SYNCHRONISED),
        accounts=replace(plan.accounts, create=False),
    )
    ports = replace(simulation.ports, plan=said)
    for state, light in ((None, Light.RED), (True, Light.GREEN)):
        simulation.world.tenant.is_synchronised = state
        found = {check.name: check for check in readiness(ports, at_once_count=1)}
        assert found["intake_provisioning"].light is light


def test_rights_over_the_tenant_are_missed_only_while_nothing_is_prepared(
    simulation: Simulation,
) -> None:
    """Red for ever would make people grant what they had good reason to keep."""
    tenant, names = simulation.world.tenant, ("token_roles_tenant", "cmdlets_tenant")
    tenant.app.roles.discard("Domain.ReadWrite.All")
    tenant.exchange_roles.discard("Transport Rules")
    assert {lights(simulation)[name].light for name in names} == {Light.GREEN}

    simulation.ports.documents.remove(RECORD)
    assert {lights(simulation)[name].light for name in names} == {Light.RED}


def test_rights_to_mail_that_exchange_grants_itself_are_unknown_and_not_red(
    simulation: Simulation,
) -> None:
    """Whoever confines them as they are advised to must not be told to grant them for the whole tenant."""
    app = simulation.world.tenant.app
    app.roles.difference_update(MAIL)
    app.roles_in_exchange.update(MAIL_ROLES)
    found = lights(simulation)

    assert found["token_roles"].light is Light.GREEN
    assert found["token_roles_mail"].light is Light.UNKNOWN
    assert simulation.ports.plan.tenant.probe_sender in found["token_roles_mail"].told


def test_half_of_the_rights_to_mail_is_never_green(simulation: Simulation) -> None:
    """A token with one of the two says nothing of the other."""
    simulation.world.tenant.app.roles.discard("Mail.Send")
    check = lights(simulation)["token_roles_mail"]

    assert check.light is Light.UNKNOWN
    assert "no token carries Mail.Send;" in check.told


def test_rights_over_objects_are_missed_only_once_there_are_files(simulation: Simulation) -> None:
    """Whoever uploads groups must not learn at the thousandth that a contact may not be made."""
    tenant, names = simulation.world.tenant, ("token_roles_objects", "cmdlets_objects")
    assert {lights(simulation)[name].light for name in names} == {Light.GREEN}
    tenant.app.roles.discard(MEMBERS_ROLE)
    tenant.exchange_roles.discard("Mail Recipients")
    assert {lights(simulation)[name].light for name in names} == {Light.GREEN}

    keep_upload(simulation.ports, WantedDirectory(), "operator@example.org")
    found = lights(simulation)
    assert {found[name].light for name in names} == {Light.RED}
    assert "Add-MailboxPermission" in found["cmdlets_objects"].told


def _spoil(simulation: Simulation, wrong: str) -> None:
    world, tenant, domain = (
        simulation.world,
        simulation.world.tenant,
        simulation.world.naming.domain,
    )
    rules, shelf = tenant.rules, tenant.directory.shelf
    around = simulation.ports.surroundings
    spoilers: dict[str, Callable[[], object]] = {
        "role": lambda: tenant.app.roles.discard("MailboxSettings.Read"),
        "mail": lambda: tenant.app.roles.difference_update(MAIL),
        "cmdlet": lambda: tenant.exchange_roles.difference_update(
            {"Remote and Accepted Domains", "View-Only Configuration"}
        ),
        "unverified": lambda: tenant.directory.domains._by_name.pop(domain),
        "authoritative": lambda: tenant.recipients.set_domain_type(
            domain, type(tenant.accepted_domains[domain])("Authoritative")
        ),
        "rule": lambda: rules.change_rule(replace(rules.rules_seen()[0], is_enabled=False)),
        "unreachable": lambda: tenant.migration.endpoints.unreachable_servers.update(
            {"imap.example.org": "no route"}
        ),
        "certificate": lambda: setattr(around, "certificate_left", timedelta(days=10)),
        "no entry": lambda: tenant.app.roles.discard(EXCHANGE_ROLE),
        "expired": lambda: setattr(around, "certificate_left", timedelta(days=-1)),
        "no dovecot": lambda: setattr(around, "is_listening", False),
        "denied": lambda: setattr(
            simulation.ports.alias_map, "denied", "error 1142, SELECT command denied"
        ),
        "clock": lambda: setattr(around, "skew_s", 400.0),
        "seats": lambda: shelf.seats.update(
            {key: replace(seat, enabled=0) for key, seat in shelf.seats.items()}
        ),
        "mx": lambda: world.dns.publish(
            domain, "MX", ("0 example-org.mail.protection.outlook.com",), 60
        ),
        "two policies": lambda: world.dns.publish(
            domain, "TXT", ("v=spf1 -all", "v=spf1 ~all"), 60
        ),
        "synchronised": lambda: setattr(tenant, "is_synchronised", True),
        "sign-on": lambda: tenant.directory.domains.add_verified(domain, "Federated"),
    }
    spoilers[wrong]()
    # Resolvers remember.
    simulation.pass_time(days=2)


def test_what_may_not_be_looked_at_is_unknown_and_not_red(simulation: Simulation) -> None:
    """Without the right to read domains nothing is said against them: an administrator prepared them by hand."""
    simulation.world.tenant.app.roles.discard(DOMAIN_ROLE)
    found = lights(simulation)

    assert found["domains"].light is Light.UNKNOWN
    assert found["token_roles_tenant"].light is Light.GREEN


def test_one_failing_check_hides_no_other(simulation: Simulation) -> None:
    """The day something is wrong is the day the rest of the list is needed."""
    simulation.world.misfortune.provoke("graph.GET domains", Failure(FailureKind.TRANSIENT, 503))
    found = lights(simulation)
    unknown = {name for name, check in found.items() if check.light is Light.UNKNOWN}

    assert len(unknown - ALWAYS_UNKNOWN - BEFORE_THE_FIRST_BATCH) == 1
    assert found["seats"].light is Light.GREEN


class WithoutPlan:
    """The ports of an app whose plan cannot be used."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    @property
    def plan(self) -> Plan:
        return read_plan('[cutover]\nprobe_count = "many"\n')

    def __getattr__(self, name: str) -> object:
        return getattr(self._ports, name)


def test_a_plan_that_cannot_be_used_is_red_with_all_its_mistakes(simulation: Simulation) -> None:
    """It was one more unknown among those that are always there, and the command ended as if nothing were red."""
    found = {
        check.name: check
        for check in readiness(cast("Ports", WithoutPlan(simulation.ports)), at_once_count=1)
    }

    assert found["plan"].light is Light.RED
    assert "cutover.probe_count" in found["plan"].told
    assert "; source: is missing" in found["plan"].told
    assert found["domains"].light is Light.UNKNOWN
    assert "source" not in found["domains"].told
    assert found["time"].light is Light.GREEN


def test_a_check_that_breaks_or_hangs_is_unknown_and_the_others_answer(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that waits for its slowest line is a list that nobody gets."""
    gate = threading.Event()

    def breaks(_: object) -> list[Check]:
        raise KeyError("nobody thought of this")

    def hangs(_: object) -> list[Check]:
        gate.wait(60)
        return []

    def answers(_: object) -> list[Check]:
        return [green("quick", "here")]

    monkeypatch.setattr(room, "CHECKS", {"broken": breaks, "slow": hangs, "quick": answers})
    monkeypatch.setattr(room, "wait", until_two_are_done)
    found = {check.name: check for check in readiness(simulation.ports)}
    gate.set()

    assert "KeyError" in found["broken"].told
    assert "no answer" in found["slow"].told
    assert found["quick"].light is Light.GREEN


def until_two_are_done(asked: Collection[Future[Any]], timeout: float) -> None:
    """A patience that ends when everything but one has answered, on however slow a machine."""
    for _ in zip(range(len(asked) - 1), as_completed(asked, timeout), strict=False):
        pass


def test_who_asks_while_the_list_is_made_is_sent_away(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two who wait for each other wait longer than the app's front door does."""
    begun, gate = threading.Event(), threading.Event()

    def hangs(_: object) -> list[Check]:
        begun.set()
        gate.wait(60)
        return [green("slow", "here")]

    monkeypatch.setattr(room, "CHECKS", {"slow": hangs})
    with ThreadPoolExecutor(1) as others:
        first = others.submit(readiness, simulation.ports)
        assert begun.wait(60)
        with pytest.raises(Conflict, match="somebody else"):
            readiness(simulation.ports)
        gate.set()
        assert [check.light for check in first.result(60)] == [Light.GREEN]
    assert len(readiness(simulation.ports)) == 1


def test_every_check_has_a_place_on_the_page(simulation: Simulation) -> None:
    """Red without a word what to do is a riddle."""
    headings = set(re.findall(r"^#{2,3} (\w+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))

    pages = {check.page.partition("#")[2] for check in lights(simulation).values()}
    # A check that fails as a whole is told under its own name.
    assert {*pages, *CHECKS} <= headings
    assert headings <= {*CHECKS, *lights(simulation)}


def test_nothing_is_written_by_looking(simulation: Simulation) -> None:
    """It is asked often, and by people who may only look."""
    before = state_of(simulation)
    lights(simulation)

    assert state_of(simulation) == before
