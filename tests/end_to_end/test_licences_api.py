"""Licences over the wire, by the command an operator types: plan, apply, report. About 30 s."""

import json
import re
from collections.abc import Iterator

import pytest

from cli.main import main
from tests.end_to_end.rehearsal import FACULTY, PLAN, STUDENT, Rehearsal, rehearsal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

Screen = pytest.CaptureFixture[str]
STAFF = f"""
[cohorts.teachers]
licence = "{FACULTY}"
mode = "replace"
usage_location = "FR"
addresses = ["nobody.*@example.org"]
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """The batch `pilot`: two mailboxes synced, under a plan that has got a first service since."""
    folder = tmp_path_factory.mktemp("licences") / "rig"
    made = rehearsal(folder, 2)
    plan = re.sub(
        r"\[cohorts\.staff\]", '[cohorts.staff]\nservices_first = ["TEAMS1", "TEAMS2"]', PLAN
    )
    (folder / "operators-plan.toml").write_text(plan + STAFF, encoding="utf-8")
    with made.rig, pytest.MonkeyPatch.context() as patch:
        made.rig.open()
        patch.setenv("BASCULE_URL", made.rig.app.url)
        made.upload("pilot")
        made.wait_for_stage("pilot", "SYNCED")
        yield made


def printed(screen: Screen, *words: str) -> dict[str, object]:
    """The JSON that a command prints."""
    screen.readouterr()
    assert main([*words, "--json"]) == 0
    answer: dict[str, object] = json.loads(screen.readouterr().out)
    return answer


def test_a_plan_is_printed_and_writes_nothing(run: Rehearsal, capsys: Screen) -> None:
    """Exactly what would change, before anything does."""
    answer = printed(capsys, "licences", "plan", "--batch", "pilot")

    assert answer == {
        "accounts": [],
        "unchanged": len(run.people),
        "left_over": 0,
        "unknown_services": ["staff: TEAMS2"],
    }


def test_a_run_is_asked_for_waited_for_and_told(run: Rehearsal, capsys: Screen) -> None:
    """Whoever types it wants to know how it ended."""
    assert main(["licences", "apply", "--batch", "pilot"]) == 0
    assert "0 changed, 0 could not be" in capsys.readouterr().out
    assert main(["licences", "apply", "--cohort", "teachers", "--dry-run"]) == 0
    assert "nothing would change" in capsys.readouterr().out

    asked = run.call("POST", "/cohorts/teachers/apply", dry_run="true")
    assert asked.status == 202
    request = f"/requests/{asked.body['request']}"
    run.wait(lambda: run.call("GET", request).body["state"] == "Completed", "the end of the run")
    assert run.call("GET", request).body["result"]["is_dry_run"] is True


def test_the_report_shows_seats_and_what_is_left(run: Rehearsal, capsys: Screen) -> None:
    """Somebody has to order in time."""
    answer = printed(capsys, "licences", "report")
    licences = {each["licence"]: each for each in answer["licences"]}  # type: ignore[attr-defined]

    assert licences[STUDENT]["consumed"] == len(run.people)
    assert licences[STUDENT]["left"] == licences[STUDENT]["enabled"] - len(run.people)
    assert (licences[STUDENT]["batches"], licences[STUDENT]["suspended"]) == ([], 0)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/licences/plan", None, 400),
        ("GET", "/licences/plan?batch=pilot&cohort=staff", None, 400),
        ("GET", "/licences/plan?batch=nobody", None, 404),
        ("GET", "/licences/plan?cohort=nobody", None, 404),
        ("POST", "/licences/apply", {"batch": "pilot", "when": "now"}, 400),
        ("POST", "/licences/apply", {"batch": 7}, 400),
        ("POST", "/licences/apply", {"cohort": "staff", "dry_run": "yes"}, 400),
        ("POST", "/cohorts/nobody/apply", None, 404),
    ],
)
def test_what_makes_no_sense_is_refused(
    run: Rehearsal, method: str, path: str, body: object, status: int
) -> None:
    """A slip must not change the licences of a whole school."""
    path, _, query = path.partition("?")
    parameters = dict(pair.split("=") for pair in query.split("&")) if query else {}

    answer = run.call(method, path, body, **parameters)  # type: ignore[arg-type]

    assert answer.status == status
    assert answer.body["mistakes"]
