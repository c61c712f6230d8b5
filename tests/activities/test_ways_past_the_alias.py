"""Alias rows that lead straight home, at each step that has to mind them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from activities.catalogue import WORK
from bascule.domain.codes import Code, Offence
from bascule.domain.plan import Plan
from bascule.domain.records import Wish
from bascule.domain.requests import SwitchRequest, WishOutcome, WishRequest
from bascule.domain.routes import RouteSwitch
from sandbox.in_process.simulation import BATCH, Options, Simulation
from tests.activities import moments
from tests.activities.moments import asked, first, ref

SECOND, STAFF = "a.second@example.org", "staff@example.org"
BY_NAME = {work.__name__: work for work in WORK}


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """One person's migration."""
    with Simulation(Options(people_count=1, messages_each=11)) as made:
        yield made


def answer(simulation: Simulation, step: str, request: object) -> dict[str, Any]:
    """The reply of one run of a step."""
    reply = asked(simulation, BY_NAME[step], request)
    assert isinstance(reply, dict)
    return reply


def home_of(simulation: Simulation) -> str:
    """Where the first person's mail is delivered before the cutover."""
    return simulation.world.naming.source_address(simulation.people[0].address)


def add_way(simulation: Simulation, source: str = SECOND) -> None:
    """Somebody adds a row that leads straight to the first person's home."""
    simulation.world.aliases.edit_by_hand(source, [home_of(simulation)])


def turning(simulation: Simulation) -> SwitchRequest:
    """The alias of the first person, from home to the tenant."""
    address = simulation.people[0].address
    routing = simulation.world.naming.routing_address(address)
    return SwitchRequest(
        ref(simulation), RouteSwitch(address, first(simulation).route_home, routing)
    )


def rows(simulation: Simulation) -> list[str]:
    """The first person's own alias rows."""
    return simulation.world.aliases.rows_of(simulation.people[0].address)


def remembering(simulation: Simulation) -> None:
    """A synced mailbox whose survey has found a row that leads straight home."""
    add_way(simulation)
    moments.synced(simulation)
    assert first(simulation).offences == ("alias_bypassed:1",)


def cutover(simulation: Simulation, **changes: object) -> WishRequest:
    """The operator's request for the first person."""
    request = WishRequest(BATCH, Wish.CUTOVER, (first(simulation).key,), "operator")
    return replace(request, **changes)  # type: ignore[arg-type]


def outcome(simulation: Simulation, request: WishRequest) -> WishOutcome:
    """Who takes the wish, and who does not and why."""
    found = BY_NAME["grant_wish"](simulation.ports, request)
    assert isinstance(found, WishOutcome)
    return found


def test_the_survey_names_the_rows_in_its_report(simulation: Simulation) -> None:
    """Whoever mends the table must be told the rows, not only that there are some."""
    add_way(simulation)
    simulation.world.aliases.edit_by_hand(STAFF, [f"bob@ca.example.org, {home_of(simulation)}"])
    moments.registered(simulation)
    facts = answer(simulation, "survey_source", ref(simulation))["value"]
    survey = simulation.report(f"{BATCH}/{ref(simulation).key}.survey.json")

    assert facts["offences"] == ["alias_bypassed:2"]
    assert [row["source"] for row in survey["bypasses"]] == [SECOND, STAFF]
    assert survey["bypasses"][1]["destination"] == f"bob@ca.example.org, {home_of(simulation)}"


def test_the_look_names_the_first_rows_and_counts_the_others(simulation: Simulation) -> None:
    """A status of the portal has room for a line."""
    moments.synced(simulation)
    assert answer(simulation, "find_bypasses", ref(simulation))["value"]["count"] == 0
    for number in range(5):
        add_way(simulation, f"list{number}@example.org")
    found = answer(simulation, "find_bypasses", ref(simulation))["value"]

    assert found["count"] == 5
    assert found["named"] == "list0@example.org, list1@example.org, list2@example.org and 2 more"


def test_the_alias_is_not_turned_while_a_row_goes_past_it(simulation: Simulation) -> None:
    """A row added after the last look would fill the old mailbox for ever."""
    moments.proven(simulation)
    add_way(simulation)
    held = answer(simulation, "switch_route", turning(simulation))
    assert held["$type"] == "Later"
    assert SECOND in held["why"]
    assert rows(simulation) == [home_of(simulation)]

    simulation.world.aliases.edit_by_hand(SECOND, [simulation.people[0].address])
    assert answer(simulation, "switch_route", turning(simulation))["$type"] == "Done"


def test_a_waiver_of_the_mailbox_lets_the_alias_be_turned(simulation: Simulation) -> None:
    """Sometimes the second address shall stay where it is; then that was somebody's decision."""
    moments.proven(simulation)
    add_way(simulation)
    simulation.ports.ledger.amend_mailbox(
        BATCH,
        ref(simulation).key,
        lambda row: replace(row, waived=(Offence.ALIAS_BYPASSED.value,)),
    )

    assert answer(simulation, "switch_route", turning(simulation))["$type"] == "Done"


def waiving(plan: Plan) -> Plan:
    """The plan that waives the offence for everybody."""
    return replace(plan, survey=replace(plan.survey, waived=(Offence.ALIAS_BYPASSED,)))


def test_a_waiver_of_the_plan_lets_the_alias_be_turned() -> None:
    """What is waived for everybody need not be waived for each."""
    options = Options(people_count=1, messages_each=11, change_plan=waiving)
    with Simulation(options) as simulation:
        moments.proven(simulation)
        add_way(simulation)

        assert answer(simulation, "switch_route", turning(simulation))["$type"] == "Done"


def test_a_row_that_came_after_the_turn_does_not_hide_that_it_is_turned(
    simulation: Simulation,
) -> None:
    """A lost answer is asked for again: held back, the mailbox would stand as at home while its mail goes to the cloud."""
    moments.proven(simulation)
    turned = answer(simulation, "switch_route", turning(simulation))
    add_way(simulation)

    assert answer(simulation, "switch_route", turning(simulation)) == turned


def test_a_row_that_somebody_has_moved_is_refused_with_its_own_code(
    simulation: Simulation,
) -> None:
    """Held for the detour, the operator would never read that the row itself was edited."""
    moments.proven(simulation)
    add_way(simulation)
    simulation.world.aliases.edit_by_hand(simulation.people[0].address, [SECOND])

    assert answer(simulation, "switch_route", turning(simulation))["code"] == Code.ALIAS_CHANGED


def test_the_way_home_is_open_whatever_else_leads_there(simulation: Simulation) -> None:
    """A rollback would wait for somebody to mend a row that is quite right then."""
    moments.redirected(simulation)
    moments.amended(
        simulation, lambda row: replace(row, rollback_began_utc=simulation.clock.now_utc())
    )
    add_way(simulation)
    back = SwitchRequest(ref(simulation), turning(simulation).change.reversed())

    assert answer(simulation, "switch_route", back)["$type"] == "Done"
    assert rows(simulation) == [home_of(simulation)]


def test_a_cutover_is_refused_while_the_row_is_there(simulation: Simulation) -> None:
    """The operator hears it in daylight, not at the instant of the cutover."""
    remembering(simulation)
    [refused] = outcome(simulation, cutover(simulation)).refused

    assert "alias_bypassed" in refused.why


def test_a_cutover_whose_offence_is_waived_is_granted_without_a_look(
    simulation: Simulation,
) -> None:
    """Every look reads the whole table, and a wish may be for thousands."""
    remembering(simulation)
    looks = simulation.world.calls["alias_map"]
    waived = cutover(simulation, waived=("alias_bypassed",))

    assert outcome(simulation, waived).granted_keys == (first(simulation).key,)
    assert simulation.world.calls["alias_map"] == looks
