"""Licences of many accounts: newcomers, services at a date, a changed plan. About 20 s."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from activities.find_licence_changes import preview_licences
from activities.free_seats import forecasts
from bascule.domain.codec import encode
from bascule.domain.codes import Code
from bascule.domain.completion import COMPLETION, CompletionRecord, Phase
from bascule.domain.errors import Unreachable
from bascule.domain.licence_requests import LicenceProgress, LicenceRun
from bascule.domain.plan import AccountPlan, CohortPlan, FutureUsersPlan, LicenceMode, Plan
from bascule.domain.records import Wish
from bascule.domain.stages import Stage
from sandbox.faces.graph_users import USER_READERS
from sandbox.in_process.plan import LICENCE, STAFF_LICENCE
from sandbox.in_process.simulation import BATCH, START_UTC, Options, Simulation
from sandbox.world.directory import User
from sandbox.world.licences import LicenceChange as WorldChange
from sandbox.world.licences import Seats
from sandbox.world.weather import CALM, Span
from triggers.licences_api import STOPPED_PAUSE_H, due_runs

ADMIN, ASKER = "p.admin@example.org", "p.asker@example.org"
DATE_UTC = START_UTC + timedelta(days=20)
PUPILS = CohortPlan(LICENCE, usage_location="FR", addresses=("p.*@example.org",))
ROUGH = replace(
    CALM,
    graph_throttle_probability=0.1,
    graph_lost_reply_probability=0.1,
    graph_replication=Span(0, 30),
)


def school_plan(plan: Plan) -> Plan:
    """Pupils by their address, an administrator whom nobody touches, two newcomers a run."""
    return replace(
        plan,
        cohorts={**plan.cohorts, "pupils": PUPILS},
        accounts=AccountPlan(never_touch=(ADMIN,)),
        future_users=FutureUsersPlan(interval_h=24, count_max=2),
    )


def dated_plan(plan: Plan) -> Plan:
    """Services of afterwards only from a date on; one newcomer a run."""
    dated = replace(plan.cohorts["default"], services_after_at_utc=DATE_UTC.isoformat())
    cohorts = {**plan.cohorts, "default": dated}
    return replace(plan, cohorts=cohorts, future_users=FutureUsersPlan(count_max=1))


@pytest.fixture
def school() -> Iterator[Simulation]:
    """A tenant with a plan for pupils; no batch yet."""
    with Simulation(Options(people_count=1, messages_each=11, change_plan=school_plan)) as made:
        yield made


def enrol(simulation: Simulation, *addresses: str, is_enabled: bool = True) -> None:
    """Accounts that somebody else makes."""
    now_utc = simulation.world.kernel.now_utc()
    for address in addresses:
        local = address.partition("@")[0]
        draft = User("", address, local, local, now_utc, is_enabled, password="Tr0ub4dor&3!")
        simulation.world.tenant.directory.create(draft)


def licences_of(simulation: Simulation, address: str) -> dict[str, frozenset[str]]:
    """{part number: plans that are off}."""
    directory = simulation.world.tenant.directory
    user = directory.truth(address)
    held = user.licences if user else ()
    return {directory.shelf.products[h.sku_id].part_number: h.disabled_plans for h in held}


def begin(simulation: Simulation, **asked: Any) -> str:
    """Start a run; its id."""
    facts = {"request": "licences-1", "asked_by": ASKER, **asked}
    request = LicenceRun(**facts)
    simulation.engine.start("licensing", encode(LicenceProgress(request)), request.request)
    return request.request


def run(simulation: Simulation, **asked: Any) -> dict[str, Any]:
    """Start a run and wait for its end."""
    request = begin(simulation, **asked)
    simulation.run_until(lambda: simulation.output(request) is not None)
    answer: dict[str, Any] = json.loads(simulation.output(request) or "{}")
    return answer


def test_newcomers_get_what_their_cohort_says_within_the_limit(school: Simulation) -> None:
    """A wrong pattern must not use up every licence of the school."""
    enrol(
        school, "p.ann@example.org", "p.bob@example.org", "p.cyd@example.org", "x.dan@example.org"
    )
    enrol(school, ADMIN, ASKER)
    enrol(school, "p.room@example.org", is_enabled=False)

    answer = run(school, cohort="pupils", count_max=2)

    assert (answer["changed"], answer["left_over"], answer["refused_count"]) == (2, 1, 0)
    assert licences_of(school, "p.ann@example.org") == {LICENCE: frozenset()}
    for left_alone in ("p.cyd", "x.dan", "p.room", "p.admin", "p.asker"):
        assert licences_of(school, f"{left_alone}@example.org") == {}
    journal = list(school.ports.journal.entries("cohort-pupils"))
    assert [entry.effect for entry in journal].count("licence") == 2
    assert {entry.asked_by for entry in journal} == {ASKER}


def test_the_timer_looks_for_newcomers_once_in_its_interval(school: Simulation) -> None:
    """Every ten minutes would read the whole directory for nothing."""
    due = due_runs(school.ports)
    assert [each.cohort for each in due] == ["pupils"]
    assert (due[0].has_newcomers, due[0].count_max) == (True, 2)

    run(school, cohort="pupils")
    assert due_runs(school.ports) == ()

    school.pass_time(hours=25)
    assert [each.cohort for each in due_runs(school.ports)] == ["pupils"]


def test_a_newcomer_takes_no_seat_that_a_batch_has_reserved(school: Simulation) -> None:
    """The batch was promised its seats before its first write."""
    school.world.tenant.directory.buy(LICENCE, Seats(enabled=2))
    slow = school.people[0].address
    school.world.aliases.edit_by_hand(slow, ["elsewhere@example.com"])
    school.upload()
    enrol(school, "p.ann@example.org", "p.bob@example.org")

    answer = run(school, cohort="pupils")

    assert answer["changed"] == 1
    assert [line["code"] for line in answer["refused"]] == [Code.NO_SEAT]


def test_nobody_gets_a_cloud_mailbox_while_their_mail_is_at_the_source(school: Simulation) -> None:
    """In no coexistence group: what colleagues write would stay in the cloud, where nobody reads it yet."""
    anna, gone, moved = school.people[0].address, "p.gone@example.org", "p.moved@example.org"
    everybody = replace(PUPILS, addresses=("*@example.org",))
    school.ports.plan.cohorts["pupils"] = everybody
    enrol(school, anna, gone, moved)
    school.world.aliases.edit_by_hand(gone, ["gone@elsewhere.example"])
    school.world.aliases.edit_by_hand(moved, [school.plan.routing_address(moved)])

    looked = preview_licences(school.ports, LicenceRun("x", ASKER, cohort="pupils"))
    answer = run(school, cohort="pupils")

    shown = {line.address: (line.change, line.code) for line in looked.lines}
    assert shown[anna] == shown[gone] == ("", Code.MAILBOX_AT_SOURCE)
    assert {line["address"]: line["code"] for line in answer["refused"]} == dict.fromkeys(
        (anna, gone), Code.MAILBOX_AT_SOURCE
    )
    assert all("put it in a batch" in line["detail"] for line in answer["refused"])
    assert licences_of(school, anna) == licences_of(school, gone) == {}
    assert licences_of(school, moved) == {LICENCE: frozenset()}
    assert "could not be changed" in school.ports.notifier.alerts[-1][0]


def test_somebody_whom_a_batch_gave_back_is_no_newcomer(school: Simulation) -> None:
    """Whatever the alias map says by now, a person took that mailbox out of the migration."""
    anna = school.people[0].address
    school.ports.plan.cohorts["pupils"] = replace(PUPILS, addresses=("*@example.org",))
    enrol(school, anna)
    school.world.aliases.edit_by_hand(anna, ["elsewhere@example.com"])
    school.upload()
    school.run_until_all(Stage.SET_ASIDE)
    school.ask(Wish.ABANDON)
    school.run_until_all(Stage.ABANDONED)
    school.world.aliases.edit_by_hand(anna, [])

    answer = run(school, cohort="pupils")

    assert [line["code"] for line in answer["refused"]] == [Code.MAILBOX_AT_SOURCE]
    assert BATCH in answer["refused"][0]["detail"]
    assert licences_of(school, anna) == {}


def test_newcomers_wait_while_nobody_can_say_where_their_mail_goes(school: Simulation) -> None:
    """Not knowing is no permission."""
    enrol(school, "p.ann@example.org")
    school.world.weather = replace(CALM, source_unreachable_probability=1.0)
    with pytest.raises(Unreachable):
        preview_licences(school.ports, LicenceRun("x", ASKER, cohort="pupils"))
    request = begin(school, cohort="pupils")
    school.pass_time(hours=1)
    assert (school.output(request), licences_of(school, "p.ann@example.org")) == (None, {})

    school.world.weather = CALM
    school.pass_time(hours=1)

    assert licences_of(school, "p.ann@example.org") == {LICENCE: frozenset()}


def test_after_the_completion_nobody_asks_the_source(school: Simulation) -> None:
    """The alias map may be switched off for good, and pupils still arrive in November."""
    enrol(school, "p.ann@example.org")
    done = CompletionRecord(phase=Phase.COMPLETE)
    school.ports.documents.amend(COMPLETION, CompletionRecord, lambda _: done)
    school.world.weather = replace(CALM, source_unreachable_probability=1.0)

    assert run(school, cohort="pupils")["changed"] == 1


def test_a_dry_run_says_how_many_and_changes_nothing(school: Simulation) -> None:
    """Somebody wants to know before."""
    enrol(school, "p.ann@example.org", "p.bob@example.org", "p.cyd@example.org")

    answer = run(school, cohort="pupils", is_dry_run=True, count_max=2)
    asked = LicenceRun("x", ASKER, cohort="pupils", count_max=2)
    preview = preview_licences(school.ports, asked)

    assert (answer["would_change"], answer["left_over"], answer["changed"]) == (3, 1, 0)
    assert [line.change for line in preview.lines] == [f"+{LICENCE} -0"] * 3
    assert [line.is_left_over for line in preview.lines] == [False, False, True]
    assert preview.left_over_count == 1
    assert licences_of(school, "p.ann@example.org") == {}
    assert [each.cohort for each in due_runs(school.ports)] == ["pupils"]


def test_a_run_through_bad_weather_changes_each_account_once() -> None:
    """Throttled halves of a chunk are asked for again, lost answers are found done."""
    options = Options(people_count=1, messages_each=11, weather=ROUGH, change_plan=school_plan)
    with Simulation(options) as school:
        addresses = [f"p.n{at}@example.org" for at in range(50)]
        enrol(school, *addresses)
        school.pass_time(hours=1)

        answer = run(school, cohort="pupils", count_max=1_000)

        assert (answer["stopped"], answer["refused"]) == ("", [])
        assert all(licences_of(school, address) == {LICENCE: frozenset()} for address in addresses)


def test_one_account_that_is_never_licensed_holds_up_nobody(school: Simulation) -> None:
    """Its directory answers "not yet" for ever: the country is one where nothing is sold."""
    others = [f"p.n{at}@example.org" for at in range(30)]
    enrol(school, "p.ann@example.org", *others)
    directory = school.world.tenant.directory
    directory.update("p.ann@example.org", lambda user: replace(user, usage_location="KP"))
    began_utc = school.clock.now_utc()

    answer = run(school, cohort="pupils")

    assert (answer["changed"], answer["stopped"]) == (30, "")
    assert [(line["address"], line["code"]) for line in answer["refused"]] == [
        ("p.ann@example.org", Code.USAGE_LOCATION_INVALID)
    ]
    assert school.clock.now_utc() - began_utc < timedelta(minutes=15)
    assert "1 licences of pupils could not be changed" in school.ports.notifier.alerts[-1][0]


def test_a_run_that_stops_is_told_and_comes_again_after_a_pause(school: Simulation) -> None:
    """Begun again every ten minutes, and stopped every time, it would never be missed."""
    enrol(school, "p.ann@example.org")
    school.world.weather = replace(CALM, source_unreachable_probability=1.0)

    answer = run(school, cohort="pupils")

    assert "no connection" in answer["stopped"]
    subject, text = school.ports.notifier.alerts[-1]
    assert "the licences of pupils stopped" in subject
    assert "no connection" in text
    assert due_runs(school.ports) == ()
    school.pass_time(hours=STOPPED_PAUSE_H)
    assert [each.cohort for each in due_runs(school.ports)] == ["pupils"]


def test_a_run_that_is_refused_is_told_as_well(school: Simulation) -> None:
    """A right was taken away: the story must not only fail where nobody looks."""
    school.world.tenant.app.roles -= USER_READERS

    answer = run(school, cohort="pupils")

    assert "graph.GET users needs one of" in answer["stopped"]
    assert "stopped" in school.ports.notifier.alerts[-1][0]


def test_nobody_is_a_newcomer_of_the_default_cohort_by_default(school: Simulation) -> None:
    """It serves rows that name no cohort, not every account of the tenant."""
    enrol(school, "somebody@example.org")

    assert run(school, cohort="default")["changed"] == 0


def test_services_wait_for_their_date_and_the_mailbox_does_not() -> None:
    """Everybody starts with Teams on the same morning, whoever moved when, however few newcomers a run may take."""
    with Simulation(
        Options(people_count=2, messages_each=11, change_plan=dated_plan)
    ) as simulation:
        simulation.upload()
        simulation.run_until_all(Stage.SYNCED)
        simulation.ask_cutover()
        simulation.run_until_closed()
        anna = simulation.people[0].address
        assert simulation.clock.now_utc() < DATE_UTC
        assert {r.stage for r in simulation.records()} == {Stage.MIGRATED}
        assert len(licences_of(simulation, anna)[LICENCE]) > 0
        assert due_runs(simulation.ports) == ()

        simulation.clock.advance_to(DATE_UTC)
        simulation.settle()
        due = due_runs(simulation.ports)
        assert [(each.cohort, each.has_newcomers) for each in due] == [("default", False)]
        asked = {"has_newcomers": False, "count_max": due[0].count_max}
        answer = run(simulation, cohort="default", **asked)
        assert (answer["changed"], answer["left_over"]) == (2, 0)

        assert licences_of(simulation, anna) == {LICENCE: frozenset()}
        assert due_runs(simulation.ports) == ()


def test_a_changed_plan_reaches_a_batch_that_has_moved() -> None:
    """Teachers were licensed as pupils, and the plan was put right afterwards."""
    with Simulation(Options(people_count=1, messages_each=11)) as simulation:
        simulation.upload()
        simulation.run_until_all(Stage.SYNCED)
        anna = simulation.people[0].address
        staff = CohortPlan(STAFF_LICENCE, LicenceMode.REPLACE, usage_location="FR")
        plan = replace(simulation.plan, cohorts={"default": staff})
        ports = replace(simulation.ports, plan=plan)

        preview = preview_licences(ports, LicenceRun("x", ASKER, batch=BATCH))

        assert [(line.address, line.change) for line in preview.lines] == [
            (anna, f"+{STAFF_LICENCE} -10, -{LICENCE}")
        ]


def test_the_forecast_counts_nobody_twice_who_has_a_licence(school: Simulation) -> None:
    """A pupil with the licence in an open batch needs no second seat; one who keeps another licence needs none."""
    anna = school.people[0].address
    school.world.aliases.edit_by_hand(anna, ["elsewhere@example.com"])
    enrol(school, anna)
    directory = school.world.tenant.directory
    directory.update(anna, lambda user: replace(user, usage_location="FR"))
    directory.buy(LICENCE, Seats(enabled=1))
    sku_id = directory.shelf.by_part_number(LICENCE).sku_id
    directory.assign(anna, WorldChange({sku_id: frozenset()}, frozenset()))
    school.upload()

    found = next(each for each in forecasts(school.ports) if each.part_number == LICENCE)
    assert (found.consumed_count, found.reserved_count, found.left_count) == (1, 0, 0)

    keeps = CohortPlan(STAFF_LICENCE, LicenceMode.KEEP, usage_location="FR")
    school.ports.plan.cohorts["default"] = keeps
    staff = next(each for each in forecasts(school.ports) if each.part_number == STAFF_LICENCE)
    assert (staff.reserved_count, staff.needs) == (0, ())


def test_the_forecast_names_what_each_open_batch_will_take(school: Simulation) -> None:
    """Somebody has to order seats before the last batch."""
    school.world.tenant.directory.buy(LICENCE, Seats(enabled=5, warning=2, suspended=1))
    school.world.aliases.edit_by_hand(school.people[0].address, ["elsewhere@example.com"])
    school.upload()

    found = next(each for each in forecasts(school.ports) if each.part_number == LICENCE)

    assert [(need.batch, need.needed_count, need.left_count) for need in found.needs] == [
        (BATCH, 1, 4)
    ]
    assert (found.warning_count, found.suspended_count, found.left_count) == (2, 1, 4)
