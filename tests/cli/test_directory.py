"""`bascule directory`: what it asks, what it prints, and what it refuses to send."""

import base64
import json
from pathlib import Path

import pytest

from cli.main import main
from tests.cli.small_app import SmallApp
from tests.directory.samples import ALL, ANN, contacts, groups, members

Screen = pytest.CaptureFixture[str]
REMOVAL = {"change": "remove member", "address": ALL, "whom": ANN, "before": ANN}
DIGEST = "3f8a0c51d2e6b947"
DIFFERENCE = {
    "fingerprint": "0123456789abcdef",
    "changes": [{"change": "create group", "address": ALL, "after": "Everybody"}],
    "removals": [REMOVAL],
    "removals_digest": DIGEST,
    "waiting": [{"address": ANN, "place": ALL}],
    "blocked": [],
}
PLAN = """
[tenant]
tenant_id = "11111111-2222-3333-4444-555555555555"
domains = ["example.org"]
routing_domain = "exampleorg.onmicrosoft.com"
coexistence_group = "not.migrated@example.org"
migration_endpoint = "imap-source"
probe_sender = "probe@exampleorg.onmicrosoft.com"

[source]
host = "imap.example.org"

[alias_map]
driver = "sqlite"
path = "aliases.sqlite"

[cohorts.default]
licence = "STANDARDWOFFPACK_STUDENT"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files in a folder."""
    (tmp_path / "groups.csv").write_bytes(groups(f"{ALL};Everybody;{ANN};"))
    (tmp_path / "group_members.csv").write_bytes(members(f"{ALL},{ANN}"))
    return tmp_path


def test_a_plan_sends_the_files_as_they_are_and_shows_what_would_change(
    app: SmallApp, folder: Path, capsys: Screen
) -> None:
    """Who reads the difference decides on it."""
    app.will_answer("POST /api/directory", {"state": "kept"})
    app.will_answer("GET /api/directory/differences", DIFFERENCE)

    assert main(["directory", "plan", str(folder)]) == 0
    sent = json.loads(app.asked[0].body)["files"]
    assert set(sent) == {"groups.csv", "group_members.csv"}
    assert base64.b64decode(sent["groups.csv"]) == (folder / "groups.csv").read_bytes()
    printed = capsys.readouterr().out
    for words in ("create group", "removals", "remove member", "waiting"):
        assert words in printed


def test_a_check_keeps_nothing(app: SmallApp, folder: Path) -> None:
    """Somebody who only looks must not put files in force."""
    app.will_answer("POST /api/directory?check=true", {"state": "correct", "groups": 1})

    assert main(["directory", "check", str(folder)]) == 0
    assert app.lines == ["POST /api/directory?check=true"]


def test_an_application_gives_no_word_for_removals_unless_asked(app: SmallApp) -> None:
    """Groups are emptied by those who did not know that they said so."""
    app.will_answer("POST /api/directory/apply", {"state": "asked"}, 202)

    assert main(["directory", "apply"]) == 0
    assert app.lines == ["POST /api/directory/apply"]


def test_the_word_for_removals_is_for_those_that_are_shown(app: SmallApp, capsys: Screen) -> None:
    """A list that nobody saw is no agreement: nothing is asked for again between the reading and the word."""
    app.will_answer("GET /api/directory/differences", DIFFERENCE)
    app.will_answer(f"POST /api/directory/apply?removals={DIGEST}", {"state": "asked"}, 202)

    assert main(["directory", "apply", "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert printed.index("remove member") < printed.index(f"--apply-removals {DIGEST}")
    assert main(["directory", "apply", "--apply-removals", DIGEST]) == 0
    assert app.lines[1:] == [f"POST /api/directory/apply?removals={DIGEST}"]


def test_a_dry_run_asks_for_nothing(app: SmallApp) -> None:
    """It is what people try first, on the real tenant."""
    app.will_answer("GET /api/directory/differences", DIFFERENCE)

    assert main(["directory", "apply", "--dry-run", "--apply-removals", DIGEST]) == 0
    assert app.lines == ["GET /api/directory/differences"]


def test_the_report_is_told(app: SmallApp, capsys: Screen) -> None:
    """What Exchange refused is somebody's work."""
    left = {**DIFFERENCE, "changes": [], "removals": [], "removals_digest": "", "waiting": []}
    answer = {
        "state": "settled",
        "waiting": [],
        "refused": [{"address": ALL, "why": "taken"}],
        "report": {"agrees": False, "left": left},
    }
    app.will_answer("GET /api/directory", answer)

    assert main(["directory", "show"]) == 0
    printed = capsys.readouterr().out
    assert "settled" in printed
    assert "taken" in printed


def test_files_are_judged_without_the_app(app: SmallApp, folder: Path, capsys: Screen) -> None:
    """Most mistakes need no tenant to be seen."""
    plan = folder / "plan.toml"
    plan.write_text(PLAN, encoding="utf-8")
    assert main(["directory", "check", str(folder), "--plan", str(plan)]) == 0

    (folder / "contacts.csv").write_bytes(contacts("nobody,=1+1"))
    assert main(["directory", "check", str(folder), "--plan", str(plan)]) == 1
    told = capsys.readouterr().err
    assert "contacts.csv, line 2, column 1 (ExternalEmailAddress): has no @" in told
    assert "contacts.csv, line 2, column 2 (DisplayName)" in told
    assert app.lines == []


def test_a_misspelt_file_is_not_left_out_silently(app: SmallApp, folder: Path) -> None:
    """Its rows would show as removals, or be missed for months."""
    (folder / "group-members.csv").write_bytes(members())

    assert main(["directory", "check", str(folder)]) == 2
    assert main(["directory", "plan", str(folder / "nowhere")]) == 2
    assert app.lines == []
