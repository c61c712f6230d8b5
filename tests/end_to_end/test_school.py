"""A school moves from its provisional pack to its real licences: 251 accounts, over the real Graph adapter. About 40 s.

The procedure's phases: a STUDENT licence to everybody, then FACULTY to the teachers, the provisional pack swapped in the
same change, and the acting administrator left out.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.find_licence_changes import preview_licences
from activities.free_seats import forecasts
from bascule.adapters.graph import GraphClient, GraphDirectory
from bascule.domain.codec import encode
from bascule.domain.licence_requests import LicenceProgress, LicenceRun
from bascule.domain.plan import AccountPlan, CohortPlan, LicenceMode, Plan
from sandbox.bound.ports import BoundPorts, bound_ports
from sandbox.faces.server import Faces
from sandbox.in_process.app import simulated_app
from sandbox.in_process.plan import plan_of
from sandbox.local_host.clock import VirtualClock
from sandbox.local_host.engine import Engine
from sandbox.world.coexistence import prepare_coexistence
from sandbox.world.directory import User
from sandbox.world.licences import Licence, LicenceChange, Seats
from sandbox.world.world import World
from tests.contracts.tenant_doors import TokenFaceCredential

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PACK, STUDENT, FACULTY = (
    "EXCHANGESTANDARD",
    "STANDARDWOFFPACK_STUDENT",
    "STANDARDWOFFPACK_FACULTY",
)
SEATS = {PACK: 1_000, STUDENT: 2_000, FACULTY: 500}
ADMINISTRATOR = "direction@example.org"
TEACHER_COUNT, PUPIL_COUNT = 20, 230
SERVICES = ("TEAMS1", "SHAREPOINTWAC_EDU")
TURNS_MAX = 20_000


@dataclass
class School:
    """The tenant of a school, and the app that works on it through the real adapter."""

    world: World
    clock: VirtualClock
    ports: BoundPorts
    client: GraphClient
    without_mailbox_plan: list[str] = field(default_factory=list)
    """Whoever was at any moment without a plan that opens a mailbox."""
    run_count: int = 0

    @property
    def teachers(self) -> list[str]:
        """Addresses."""
        return [f"prof.{at}@example.org" for at in range(TEACHER_COUNT)]

    @property
    def pupils(self) -> list[str]:
        """Addresses."""
        return [f"eleve.{at}@example.org" for at in range(PUPIL_COUNT)]

    def licences(self, address: str) -> tuple[Licence, ...]:
        """What an account really holds."""
        user = self.world.tenant.directory.truth(address)
        return user.licences if user else ()

    def held(self, *addresses: str) -> Counter[str]:
        """How many of these accounts hold what, by part number."""
        products = self.world.tenant.directory.shelf.products
        return Counter(
            products[licence.sku_id].part_number
            for address in addresses
            for licence in self.licences(address)
        )

    def plan(self, **cohorts: CohortPlan) -> Plan:
        """The plan with these cohorts."""
        default = CohortPlan(STUDENT, usage_location="FR")
        return replace(
            self.ports.plan,
            cohorts={"default": default, **cohorts},
            accounts=AccountPlan(never_touch=(ADMINISTRATOR,)),
        )

    def apply(self, plan: Plan, cohort: str) -> dict[str, Any]:
        """Ask for a run over a cohort under a plan, and let the story live to its end."""
        self.run_count += 1
        run = LicenceRun(f"licences-{cohort}-{self.run_count}", "operator", cohort=cohort)
        ports = replace(self.ports, plan=plan)
        engine = Engine.in_memory(simulated_app(ports, lambda step: step), self.clock)
        try:
            engine.start("licensing", encode(LicenceProgress(run)), run.request)
            for _ in range(TURNS_MAX):
                output = engine.control.instance(run.request).output
                if output is not None:
                    answer: dict[str, Any] = json.loads(output)
                    return answer
                if not engine.run_step():
                    assert engine.fire_next_timer()
        finally:
            engine.close()
        raise AssertionError(f"{run.request} never ended")

    def watch(self, user: User) -> None:
        """Remember whoever is without a mailbox plan after any change of licences."""
        shelf = self.world.tenant.directory.shelf
        names = {plan.plan_id: plan.name for p in shelf.products.values() for plan in p.plans}
        on = {names[plan_id] for plan_id in shelf.enabled_plans(user.licences)}
        if not any(name.startswith("EXCHANGE_S_") for name in on):
            self.without_mailbox_plan.append(user.upn)


@contextmanager
def school() -> Iterator[School]:
    """251 people on a provisional pack, mailboxes open; licences of 1 000, 2 000 and 500 seats."""
    clock = VirtualClock(datetime(2026, 8, 24, 8, tzinfo=UTC))
    world = World(11, clock.now_utc)
    plan = plan_of(world, prepare_coexistence(world))
    with Faces(world) as faces:
        credential = TokenFaceCredential(faces.addresses)
        client = GraphClient(credential, base_url=faces.addresses["graph_url"])
        ports = replace(bound_ports(world, plan), directory=GraphDirectory(client))  # type: ignore[arg-type]
        made = School(world, clock, ports, client)
        _enrol(made)
        try:
            yield made
        finally:
            client.close()


def _enrol(school: School) -> None:
    directory = school.world.tenant.directory
    for part_number, seat_count in SEATS.items():
        directory.buy(part_number, Seats(enabled=seat_count))
    pack = directory.shelf.by_part_number(PACK).sku_id
    for address in (ADMINISTRATOR, *school.teachers, *school.pupils):
        local = address.partition("@")[0]
        draft = User("", address, local, local, school.clock.now_utc(), password="Tr0ub4dor&3!")
        made = directory.create(replace(draft, usage_location="FR"))
        directory.assign(made.user_id, LicenceChange({pack: frozenset()}, frozenset()))
    school.clock.advance_to(school.clock.now_utc() + timedelta(hours=2))
    with school.world.kernel.look():
        directory.on_licences_changed.append(school.watch)


def swapped(licence: str, *patterns: str) -> CohortPlan:
    """A cohort whose licence takes the place of what opened the mailbox before."""
    return CohortPlan(
        licence,
        LicenceMode.REPLACE,
        services_after=SERVICES,
        usage_location="FR",
        addresses=patterns,
    )


def test_a_school_goes_from_its_provisional_pack_to_student_and_faculty() -> None:
    """Two clicks for each of 251 people in a portal that is gone; one of them wrong locks a mailbox."""
    with school() as lycee:
        everybody = [ADMINISTRATOR, *lycee.teachers, *lycee.pupils]
        before = lycee.licences(ADMINISTRATOR)
        assert lycee.held(*everybody) == {PACK: 251}

        _student_to_everybody(lycee)
        _faculty_to_the_teachers(lycee)

        assert lycee.licences(ADMINISTRATOR) == before
        assert lycee.without_mailbox_plan == []
        mailboxes = lycee.world.tenant.mailboxes
        users = [lycee.world.tenant.directory.truth(address) for address in everybody]
        assert all(user and mailboxes.of_user(user.user_id) for user in users)
        _the_stock_says_the_same(lycee)


def _student_to_everybody(lycee: School) -> None:
    plan = lycee.plan(everybody=swapped(STUDENT, "*@example.org"))
    looked = preview_licences(
        replace(lycee.ports, plan=plan), LicenceRun("look", "operator", cohort="everybody")
    )
    assert len(looked.lines) == TEACHER_COUNT + PUPIL_COUNT
    assert {line.change for line in looked.lines} == {f"+{STUDENT} -7, -{PACK}"}
    assert lycee.held(*lycee.pupils) == {PACK: PUPIL_COUNT}

    answer = lycee.apply(plan, "everybody")

    assert (answer["changed"], answer["refused_count"]) == (TEACHER_COUNT + PUPIL_COUNT, 0)
    assert lycee.held(*lycee.pupils, *lycee.teachers) == {STUDENT: TEACHER_COUNT + PUPIL_COUNT}
    assert lycee.apply(plan, "everybody")["changed"] == 0


def _faculty_to_the_teachers(lycee: School) -> None:
    plan = lycee.plan(
        pupils=swapped(STUDENT, "eleve.*@example.org"),
        teachers=swapped(FACULTY, "prof.*@example.org"),
    )

    answer = lycee.apply(plan, "teachers")

    assert (answer["changed"], answer["refused_count"]) == (TEACHER_COUNT, 0)
    assert lycee.held(*lycee.teachers) == {FACULTY: TEACHER_COUNT}
    assert lycee.held(*lycee.pupils) == {STUDENT: PUPIL_COUNT}
    assert lycee.apply(plan, "pupils")["changed"] == 0


def _the_stock_says_the_same(lycee: School) -> None:
    stock = {each.part_number: each for each in forecasts(lycee.ports)}
    assert {name: stock[name].consumed_count for name in SEATS} == {
        PACK: 1,
        STUDENT: PUPIL_COUNT,
        FACULTY: TEACHER_COUNT,
    }
    assert stock[STUDENT].left_count == SEATS[STUDENT] - PUPIL_COUNT
