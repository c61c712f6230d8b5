"""The noun `licences`: what it asks of the app, what it prints, and the exit code."""

import json

import pytest

from activities.find_licence_changes import LINES_MAX
from cli.main import main
from tests.cli.small_app import SmallApp

Screen = pytest.CaptureFixture[str]
REQUEST = "licences-pilot-0a1b2c3d4e5f"
SEATS = {
    "licence": "STUDENT",
    "state": "Enabled",
    "enabled": 100,
    "warning": 5,
    "suspended": 2,
    "locked_out": 0,
    "consumed": 40,
    "reserved": 70,
    "left": -10,
    "batches": [{"batch": "lot-2", "needs": 70, "left": -10}],
}


def result(**facts: object) -> dict[str, object]:
    """What became of a run."""
    nothing = {"changed": 0, "left_over": 0, "refused_count": 0, "refused": [], "stopped": ""}
    return {"state": "Completed", "result": {**nothing, **facts}}


def test_a_plan_is_a_table_of_changes(app: SmallApp, capsys: Screen) -> None:
    """Read line by line before anything is changed."""
    line = {"address": "lea@x.org", "cohort": "pupils", "change": "+STUDENT -7, -PACK"}
    app.will_answer(
        "GET /api/licences/plan?batch=lot-1",
        {"accounts": [line], "unchanged": 3, "unknown_services": ["pupils: TEAM1"]},
    )

    assert main(["licences", "plan", "--batch", "lot-1"]) == 0
    printed = capsys.readouterr().out
    assert "lea@x.org  pupils  +STUDENT -7, -PACK" in printed
    assert "3 are as they should be" in printed
    assert "no such service in the licence of cohort pupils: TEAM1" in printed


def test_what_lies_beyond_the_limit_of_one_run_is_printed_apart(
    app: SmallApp, capsys: Screen
) -> None:
    """Whoever types `apply` next changes the first table and not the second."""
    lines = [
        {"address": "lea@x.org", "cohort": "pupils", "change": "+STUDENT -7", "left_over": False},
        {"address": "tom@x.org", "cohort": "pupils", "change": "+STUDENT -7", "left_over": True},
    ]
    app.will_answer(
        "GET /api/licences/plan?cohort=pupils",
        {"accounts": lines, "unchanged": 0, "left_over": 1},
    )

    assert main(["licences", "apply", "--cohort", "pupils", "--dry-run"]) == 0
    now, later = capsys.readouterr().out.split("1 are left over for a later run:")
    assert ("lea@x.org" in now, "tom@x.org" in now) == (True, False)
    assert "tom@x.org" in later


def test_a_dry_run_asks_for_nothing_but_the_plan(app: SmallApp, capsys: Screen) -> None:
    """What is only looked at must not be written."""
    app.will_answer("GET /api/licences/plan?cohort=pupils", {"accounts": [], "unchanged": 0})

    assert main(["licences", "apply", "--cohort", "pupils", "--dry-run"]) == 0
    assert "nothing would change" in capsys.readouterr().out
    assert app.lines == ["GET /api/licences/plan?cohort=pupils"]


def test_an_apply_waits_and_names_who_could_not_be_changed(app: SmallApp, capsys: Screen) -> None:
    """A script stops at the exit code, a person reads the reason."""
    refused = {"address": "lea@x.org", "code": "no_seat", "detail": "STUDENT: 0 left"}
    app.will_answer("POST /api/licences/apply", {"request": REQUEST}, status=202)
    app.will_answer(
        f"GET /api/requests/{REQUEST}",
        result(changed=2, left_over=1, refused_count=1, refused=[refused]),
    )

    assert main(["licences", "apply", "--batch", "lot-1"]) == 1
    printed = capsys.readouterr().out
    assert "2 changed, 1 could not be" in printed
    assert "1 are left over" in printed
    assert "lea@x.org  no_seat" in printed
    assert json.loads(app.asked[0].body) == {"batch": "lot-1"}


def test_a_plan_that_is_cut_off_says_so(app: SmallApp, capsys: Screen) -> None:
    """Whoever reads to the end thinks that it was all."""
    line = {"address": "lea@x.org", "cohort": "pupils", "change": "+STUDENT -7"}
    app.will_answer(
        "GET /api/licences/plan?cohort=pupils", {"accounts": [line] * LINES_MAX, "unchanged": 0}
    )

    assert main(["licences", "plan", "--cohort", "pupils"]) == 0
    assert "no more than 5000 accounts are shown" in capsys.readouterr().out


def test_a_report_that_lacks_seats_ends_with_one(app: SmallApp, capsys: Screen) -> None:
    """The morning's script tells somebody to order."""
    app.will_answer("GET /api/licences/report", {"licences": [SEATS]})

    assert main(["licences", "report"]) == 1
    printed = capsys.readouterr().out
    assert "STUDENT  Enabled  100" in printed
    assert "lot-2  70     -10" in printed


def test_a_run_that_was_asked_before_is_waited_for_and_not_asked_again(
    app: SmallApp, capsys: Screen
) -> None:
    """Asked twice, it would change the next hundred as well."""
    app.will_answer(f"GET /api/requests/{REQUEST}", result(changed=7))

    assert main(["licences", "apply", "--request", REQUEST]) == 0
    assert "7 changed" in capsys.readouterr().out
    assert app.lines == [f"GET /api/requests/{REQUEST}"]


@pytest.mark.parametrize("words", [[], ["--batch", "a", "--cohort", "b"]])
def test_neither_or_both_of_batch_and_cohort_are_wrong_use(
    app: SmallApp, words: list[str], capsys: Screen
) -> None:
    """Never everybody by accident."""
    assert main(["licences", "apply", *words]) == 2
    assert "one of the two" in capsys.readouterr().err
    assert app.lines == []
