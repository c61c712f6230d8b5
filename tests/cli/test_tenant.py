"""`bascule tenant`: what it asks of the app, what it prints, and the exit code."""

from typing import Any

import pytest

from cli.main import main
from tests.cli.small_app import SmallApp

Screen = pytest.CaptureFixture[str]
DIFFERENCE = {
    "part": "rule",
    "name": "Not migrated",
    "setting": "is_enabled",
    "wanted": "True",
    "found": "False",
    "endangers_routing": True,
}


def test_a_tenant_shows_its_parts_and_what_the_guard_found(app: SmallApp, capsys: Screen) -> None:
    """The first question after an alert."""
    detail = "publish example.org. TXT"
    part = {"part": "domain", "name": "example.org", "state": "waiting", "detail": detail}
    preparation = {"asked_by": "ann", "detail": "", "finished_utc": None, "parts": [part]}
    finding = {**DIFFERENCE, "since_utc": "2026-11-22T08:00:00+00:00"}
    guard = {"state": "differs", "holds_cutovers": True, "findings": [finding]}
    app.will_answer("GET /api/tenant", {"preparation": preparation, "guard": guard})

    assert main(["tenant", "show"]) == 0
    printed = capsys.readouterr().out
    for words in ("differs", "holds cutovers", detail, "is_enabled", "2026-11-22"):
        assert words in printed


def test_a_tenant_that_nobody_prepared_says_so(app: SmallApp, capsys: Screen) -> None:
    """Silence would look like agreement."""
    app.will_answer("GET /api/tenant", {"preparation": None, "guard": {"state": "not_prepared"}})

    assert main(["tenant", "show"]) == 0
    assert "not_prepared" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["prepare"], "POST /api/tenant/prepare"),
        (["repair"], "POST /api/tenant/repair"),
    ],
)
def test_a_word_is_passed_on_once(
    app: SmallApp, capsys: Screen, words: list[str], line: str
) -> None:
    """Asked twice, an operator would not know which one they are reading of."""
    app.will_answer(line, {"status": "/api/tenant"}, 202)

    assert main(["tenant", *words]) == 0
    assert app.lines == [line]
    assert "bascule tenant show" in capsys.readouterr().out


def test_a_dry_run_asks_for_differences_and_for_nothing_else(app: SmallApp, capsys: Screen) -> None:
    """A dry run that prepares is the worst of surprises."""
    app.will_answer("GET /api/tenant/differences", {"differences": [DIFFERENCE]})

    assert main(["tenant", "prepare", "--dry-run"]) == 0
    assert app.lines == ["GET /api/tenant/differences"]
    assert "is_enabled" in capsys.readouterr().out


def test_an_adoption_shows_what_was_adopted_with_it(app: SmallApp, capsys: Screen) -> None:
    """Small differences that nobody saw become what is right."""
    app.will_answer("POST /api/tenant/adopt", {"adopted": True, "differences": []})

    assert main(["tenant", "adopt"]) == 0
    assert "as the plan wants" in capsys.readouterr().out


@pytest.mark.parametrize(("light", "code"), [("green", 0), ("unknown", 0), ("red", 1)])
def test_a_red_check_is_an_exit_code(app: SmallApp, capsys: Screen, light: str, code: int) -> None:
    """A script that prepares a school stops there."""
    check: dict[str, Any] = {"check": "seats", "light": light, "told": "3 of 5 free", "page": ""}
    app.will_answer("GET /api/tenant/readiness", {"checks": [check]})

    assert main(["tenant", "check"]) == code
    assert "3 of 5 free" in capsys.readouterr().out


def test_a_preparation_over_a_danger_is_refused_with_the_way_out(
    app: SmallApp, capsys: Screen
) -> None:
    """The app says what to ask for instead."""
    refusal = {"error": "bad_request", "mistakes": ["ask for the repair, not for a preparation"]}
    app.will_answer("POST /api/tenant/prepare", refusal, 409)

    assert main(["tenant", "prepare"]) == 1
    assert "ask for the repair" in capsys.readouterr().err
