"""A forecast: what it says of queues, seats and surveys, and that the same question has the same answer."""

import json
from dataclasses import replace

import pytest

from bascule.domain.batch_rows import BatchRow
from bascule.domain.codes import Offence
from bascule.domain.plan import AliasMapPlan, CohortPlan, Plan, SourcePlan, TenantPlan
from sandbox.forecast.question import (
    GIB,
    Assumptions,
    Box,
    Question,
    boxes_of,
    class_of,
    read_survey,
)
from sandbox.forecast.report import Json, foretell, quantiles
from sandbox.forecast.sample import live_sample
from sandbox.forecast.slots import Turn, turns
from sandbox.forecast.timeline import PACE_SPREAD, Walk
from sandbox.forecast.words import said

DAY_S = 86_400
LICENCE = "STANDARDWOFFPACK_STUDENT"
PLAN = Plan(
    tenant=TenantPlan(
        tenant_id="11111111-2222-3333-4444-555555555555",
        domains=("example.org",),
        routing_domain="contoso.onmicrosoft.com",
        coexistence_group="not.moved@contoso.onmicrosoft.com",
        migration_endpoint="dovecot",
        probe_sender="probe@contoso.onmicrosoft.com",
    ),
    source=SourcePlan(host="imap.example.org"),
    alias_map=AliasMapPlan(driver="sqlite", path="aliases.db"),
    cohorts={"default": CohortPlan(LICENCE)},
)


def question(count: int, gib: float = 1.0, **assumed: float) -> Question:
    """A batch of equal mailboxes."""
    boxes = tuple(
        Box(f"u{number}@example.org", LICENCE, int(gib * GIB), 1_000) for number in range(count)
    )
    return Question(PLAN, boxes, count, Assumptions(**assumed))  # type: ignore[arg-type]


def limit(forecast: Json, name: str) -> Json:
    """One of its limits."""
    found: Json = next(each for each in forecast["limits"] if each["limit"] == name)
    return found


def synced_after_h(forecast: Json) -> float:
    """Hours from the begin of the first copies to the last one's end."""
    at_h = {each["stage"]: each["last_h"]["p50"] for each in forecast["stages"]}
    found: float = at_h["SYNCED"] - at_h["SYNCING"]
    return found


@pytest.fixture(scope="module")
def small() -> Json:
    """Forty mailboxes of 1 GiB on twenty slots, over two seeds; two seconds."""
    return foretell(question(40), 2)


def test_whoever_is_ready_first_is_served_first() -> None:
    """A queue that forgets somebody foretells a night that is too short."""
    assert turns([0.0, 0.0, 1.0], [10.0, 4.0, 2.0], slot_count=2) == [
        Turn(0.0, 10.0),
        Turn(0.0, 4.0),
        Turn(4.0, 6.0),
    ]


def test_a_line_is_shared_by_those_who_are_served_at_that_instant() -> None:
    """Slots that nobody holds take nothing from the line."""
    assert turns([0.0], [10.0], slot_count=20, line=1.0) == [Turn(0.0, 10.0)]
    assert turns([0.0, 5.0], [10.0, 10.0], slot_count=20, line=1.0) == [
        Turn(0.0, 15.0),
        Turn(5.0, 20.0),
    ]
    assert turns([0.0, 0.0, 0.0], [2.0, 4.0, 1.0], slot_count=2, line=1.0) == [
        Turn(0.0, 4.0),
        Turn(0.0, 7.0),
        Turn(4.0, 6.0),
    ]
    assert turns([0.0], [10.0], slot_count=20, line=0.5) == [Turn(0.0, 20.0)]


def test_every_stage_follows_the_one_before(small: Json) -> None:
    """An operator plans people's evenings by these hours."""
    stages = small["stages"]
    halves = [each["half_h"]["p50"] for each in stages]

    assert [each["stage"] for each in stages][:3] == ["SURVEYED", "PROVISIONED", "COEXISTING"]
    assert stages[-1]["stage"] == "CLOSED"
    assert halves == sorted(halves)
    assert all(each["half_h"]["p90"] <= each["last_h"]["p90"] for each in stages)


def test_a_cutover_takes_no_less_than_its_hold_and_quiet_time(small: Json) -> None:
    """Hours that the plan itself asks for cannot be foretold away."""
    at_h = {each["stage"]: each["last_h"]["p50"] for each in small["stages"]}

    assert at_h["DETACHED"] - at_h["SYNCED"] >= PLAN.cutover.hold_s / 3600
    assert at_h["FINAL_SYNC"] - at_h["REDIRECTED"] >= PLAN.cutover.quiet_s / 3600
    assert at_h["CLOSED"] - at_h["REDIRECTED"] >= PLAN.cutover.grace_h - 1


def test_the_same_question_has_the_same_answer_to_the_byte(small: Json) -> None:
    """A forecast that changes when it is asked again is believed by nobody."""
    again = foretell(question(40), 2)

    assert json.dumps(again) == json.dumps(small)
    assert said(again) == said(small)


def test_fewer_slots_make_a_queue() -> None:
    """The endpoint's concurrency is the one number that an operator can change the evening before."""
    wide, narrow = (foretell(question(40, concurrent_copies=count), 1) for count in (40, 2))

    assert limit(wide, "endpoint concurrency")["binds"] is False
    assert limit(narrow, "endpoint concurrency")["binds"] is True
    assert narrow["stages"][4]["last_h"]["p50"] > 5 * wide["stages"][4]["last_h"]["p50"]


def test_a_slow_source_binds_whatever_the_endpoint_allows() -> None:
    """The old server's line is the narrowest part more often than not."""
    fast, slow = (foretell(question(40, source_mib_per_h=pace), 1) for pace in (100_000, 500))
    all_gib_h = 40 * 1024 / 500

    assert synced_after_h(slow) == pytest.approx(all_gib_h, rel=PACE_SPREAD)
    assert synced_after_h(fast) < all_gib_h / 5
    assert limit(slow, "IMAP throughput")["binds"] is True


def test_a_mailbox_that_is_alone_has_the_source_for_itself() -> None:
    """Who plans a pilot of one to five mailboxes plans one evening, not a week."""
    forecast = foretell(question(1, source_mib_per_h=500), 4)

    assert synced_after_h(forecast) == pytest.approx(1024 / 500, rel=PACE_SPREAD)


def test_deltas_that_cannot_keep_up_with_the_day_are_told() -> None:
    """Cutovers are then refused for a last sync that is older than 26 h, whatever anybody does."""
    forecast = foretell(question(60, delta_s=3600, concurrent_deltas=2), 1)

    assert limit(forecast, "24 h cycle")["binds"] is True


def test_seats_that_are_short_are_told_before_the_upload() -> None:
    """A batch without seats is refused whole; better on Tuesday than in the night of the cutover."""
    asked = question(8)
    short, enough = (foretell(replace(asked, seats={LICENCE: free}), 1) for free in (5, 8))

    assert {"code": "no_seat", "mailboxes": 3, "from": f"seats of {LICENCE}"} in short[
        "needs_a_person"
    ]
    assert limit(short, "seats")["binds"] is True
    assert limit(enough, "seats")["binds"] is False
    assert limit(foretell(asked, 1), "seats")["binds"] is None


def test_what_a_survey_found_is_work_for_somebody() -> None:
    """Offences hold a cutover up until they are waived or mended."""
    asked = question(2)
    boxes = tuple(replace(box, offences=("message_too_large:3",)) for box in asked.boxes)
    waiving = replace(PLAN, survey=replace(PLAN.survey, waived=(Offence.MESSAGE_TOO_LARGE,)))

    told = foretell(replace(asked, boxes=boxes), 1)["needs_a_person"]
    waived = foretell(replace(asked, boxes=boxes, plan=waiving), 1)["needs_a_person"]
    assert told == [{"code": "message_too_large", "mailboxes": 2, "from": "survey"}]
    assert waived == []


def test_a_survey_is_what_the_list_of_mailboxes_says() -> None:
    """Two formats for one thing are one too many; mailboxes not surveyed yet are guessed."""
    survey = read_survey(
        json.dumps(
            [
                {
                    "address": "Anna@example.org",
                    "source_size_bytes": 5,
                    "source_message_count": 2,
                    "offences": ["message_too_large:1"],
                },
                {"address": "bob@example.org", "source_size_bytes": 0},
            ]
        )
    )
    rows = [
        BatchRow(number, address, address, address)
        for number, address in enumerate(("anna@example.org", "bob@example.org"))
    ]
    anna, bob = boxes_of(rows, PLAN, survey, None)

    assert (anna.size_bytes, anna.message_count) == (5, 2)
    assert anna.offences == ("message_too_large:1",)
    assert bob.size_bytes > 0
    assert bob == boxes_of(rows, PLAN, {}, None)[1]


@pytest.mark.parametrize("text", ["{}", "[1]", '[{"source_size_bytes": 3}]', "nonsense"])
def test_a_file_that_is_no_survey_is_refused(text: str) -> None:
    """Silently taken for empty it would be replaced by guesses."""
    with pytest.raises(ValueError, match=r"survey|mailbox|Expecting"):
        read_survey(text)


def test_sizes_are_told_in_four_classes() -> None:
    """The large ones decide when a batch is done; an operator wants to see how many there are."""
    boxes = [question(1, gib).boxes[0] for gib in (0.5, 1.0, 1.1, 10, 30)]

    assert [class_of(box) for box in boxes] == [0, 0, 1, 2, 3]


def test_quantiles_are_of_the_values_themselves() -> None:
    """An average of two courses is a course that nobody lives."""
    ten, twenty = ([3600.0 * hour for hour in range(1, count + 1)] for count in (10, 20))

    assert quantiles(ten) == {"p10": 1, "p50": 5, "p90": 9}
    assert quantiles(twenty) == {"p10": 2, "p50": 10, "p90": 18}
    assert quantiles([7200.0]) == {"p10": 2, "p50": 2, "p90": 2}


def test_every_sampled_mailbox_may_lend_its_times() -> None:
    """Sizes are reckoned, not lived: nobody is bound to two of the eight."""
    walk = Walk(question(200), 0)
    walk.walk()

    assert {id(passage) for passage in walk.passages} == {
        id(passage) for passage in walk.course.sample.passages
    }


def test_what_comes_to_no_end_is_called_by_no_code_of_the_product() -> None:
    """A forecast that names an outage sends somebody to look for one."""
    asked = question(3)
    patient = replace(PLAN, cutover=replace(PLAN.cutover, quiet_s=11 * DAY_S, grace_h=300))
    told = foretell(replace(asked, plan=patient), 1)["needs_a_person"]

    assert told == [{"code": "unfinished", "mailboxes": 3, "from": "simulation"}]


def test_the_patience_of_the_plan_is_lived() -> None:
    """Who is waited for in vain is set aside when the operator's own plan says so."""
    hasty = replace(PLAN, patience=replace(PLAN.patience, detach_h=1))

    assert "detach_not_proven" in {passage.code for passage in live_sample(hasty, 0).passages}
