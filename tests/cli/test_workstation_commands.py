"""The verbs of the workstations."""

import json
from pathlib import Path

import pytest

from cli.main import main
from tests.cli.small_app import SmallApp

Screen = pytest.CaptureFixture[str]


def test_who_has_a_step_open_is_listed_page_by_page(app: SmallApp, capsys: Screen) -> None:
    """A technician walks along this list."""
    anna = {"address": "anna@example.org", "open": ["outlook"], "reminders": 1, "done": {}}
    bob = {"address": "bob@example.org", "open": ["outlook", "office"], "reminders": 0, "done": {}}
    first = "GET /api/workstations?batch=pilot&open=outlook"
    app.will_answer(first, {"mailboxes": [anna], "after": "k1"})
    app.will_answer(f"{first}&after=k1", {"mailboxes": [bob], "after": ""})

    assert main(["workstations", "list", "pilot", "--open", "outlook"]) == 0
    printed = capsys.readouterr().out
    assert "anna@example.org  outlook          1" in printed
    assert "bob@example.org   outlook, office  0" in printed


def test_a_step_is_ticked_and_taken_back(app: SmallApp) -> None:
    """Undo must not be another tick."""
    app.will_answer("POST /api/workstations?batch=pilot", {"batch": "pilot", "mailboxes": 1})

    assert main(["workstations", "tick", "pilot", "outlook", "anna@example.org"]) == 0
    assert main(["workstations", "tick", "pilot", "outlook", "anna@example.org", "--undo"]) == 0
    assert [json.loads(each.body)["done"] for each in app.asked] == [True, False]


def test_a_list_travels_as_it_is(app: SmallApp, tmp_path: Path) -> None:
    """Its encoding is the app's business."""
    content = "EmailAddress;Step\nzoé@example.org;outlook\n".encode("windows-1252")
    file = tmp_path / "list.csv"
    file.write_bytes(content)
    app.will_answer("POST /api/workstations?batch=pilot", {"batch": "pilot", "mailboxes": 1})

    assert main(["workstations", "upload", "pilot", str(file)]) == 0
    assert app.asked[0].body == content
    assert main(["workstations", "upload", "pilot", str(tmp_path / "none.csv")]) == 2
