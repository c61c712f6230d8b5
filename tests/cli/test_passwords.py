"""The noun `passwords`: what it refuses before it asks, and what it never prints or writes over."""

import json
import resource
import stat
from pathlib import Path

import pytest

from bascule.domain.codec import encode
from bascule.domain.plan import HandOutPlan
from cli import hand_out, passwords, waiting
from cli.letters import file_name_of
from cli.main import main
from tests.cli.small_app import SmallApp

Screen = pytest.CaptureFixture[str]
CANARY = "Kanari-vogel-7"
EXPORT = "POST /api/passwords/export"
EXPORTED = "POST /api/passwords/exported"
REQUEST = "reset-passwords-0a1b2c3d4e5f"
SET_UTC = "2026-03-02T08:00:00+00:00"


def row(address: str, unit: str = "3A", password: str = CANARY) -> dict[str, str]:
    """One row as the app answers it."""
    person = {"display_name": "Anne MARTIN", "cohort": "eleves", "unit": unit, "batch": "lot-1"}
    return {"address": address, "password": password, "set_utc": SET_UTC, **person}


def page(*rows: dict[str, str], after: str = "", uncertain: int = 0) -> dict[str, object]:
    """One page of an export."""
    form = encode(HandOutPlan())
    return {"rows": list(rows), "after": after, "uncertain": uncertain, "form": form}


@pytest.mark.parametrize(
    "words",
    [
        ("export", "--out", "x.csv"),
        ("reset",),
        ("letters", "--out", "x.pdf"),
        ("export", "--cohort", "a", "--out", "x", "--template", "%NOBODY%"),
        ("export", "--cohort", "a", "--out", "x", "--fields", "USER_ID,NOBODY"),
        ("export", "--cohort", "a", "--out", "x", "--separator", ";;"),
        ("import", "there-is-no-such-file.csv", "--map", "a=USER_ID,b=USER_PASSWORD"),
        ("letters", "--cohort", "a", "--out", "x.pdf", "--font", "there-is-no-such-font.ttf"),
        ("letters", "--cohort", "a", "--out", "x.pdf", "--font", __file__),
        ("administrator", "--length", "17"),
        ("administrator", "--account", "a@example.org", "--length", "10"),
        ("reset", "--request", REQUEST, "--cohort", "a"),
        ("reset", "--request", REQUEST, "--no-wait"),
        ("tell", "--request", REQUEST, "a@example.org"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    app: SmallApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """A slip must not reset a whole tenant, nor leave an empty file that looks like a list."""
    monkeypatch.chdir(tmp_path)
    app.will_answer(EXPORT, page(row("a@example.org")))

    assert main(["passwords", *words]) == 2
    assert list(tmp_path.iterdir()) == []
    assert app.asked == []


def test_a_file_that_is_there_is_not_written_over_and_nothing_is_fetched(
    app: SmallApp, tmp_path: Path
) -> None:
    """It may be the only list of last week; and a page that is fetched counts as handed out."""
    out = tmp_path / "list.csv"
    out.write_text("last week's")

    assert main(["passwords", "export", "--cohort", "eleves", "--out", str(out)]) == 2
    assert main(["passwords", "letters", "--cohort", "eleves", "--out", str(out)]) == 2
    assert out.read_text() == "last week's"
    assert app.asked == []


def test_a_disk_that_is_full_leaves_no_half_a_list(
    app: SmallApp, tmp_path: Path, capsys: Screen
) -> None:
    """Handed out, half a list looks like a whole one; and what is not written is not counted."""
    app.will_answer(EXPORT, page(*(row(f"p{number}@example.org") for number in range(100))))
    out = tmp_path / "list.csv"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        code = main(["passwords", "export", "--cohort", "eleves", "--out", str(out)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert code == 2
    assert "cannot be written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert app.lines == [EXPORT]


def test_all_pages_end_in_one_file_for_its_owner_alone_and_on_no_screen(
    app: SmallApp, tmp_path: Path, capsys: Screen
) -> None:
    """A terminal scrolls back for days, and other people work on the machine."""
    app.will_answer(EXPORT, page(row("b@example.org", "3B"), after="b"))
    app.will_answer(EXPORT, page(row("a@example.org"), uncertain=2))
    out = tmp_path / "list.csv"

    app.will_answer(EXPORTED, {"counted": 2})
    assert main(["passwords", "export", "--cohort", "eleves", "--out", str(out)]) == 0
    lines = out.read_text(encoding="utf-8-sig").splitlines()
    screen = capsys.readouterr()
    assert [line.partition(";")[0] for line in lines] == [
        "USER_ID",
        "a@example.org",
        "b@example.org",
    ]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [out]
    assert CANARY not in screen.out + screen.err
    assert "2 are withheld" in screen.out
    assert json.loads(app.asked[1].body)["after"] == "b"
    both = {"a@example.org": SET_UTC, "b@example.org": SET_UTC}
    assert [json.loads(each.body) for each in app.asked[2:]] == [{"exported": both}]


def test_passwords_that_a_reader_may_misread_are_counted(
    app: SmallApp, tmp_path: Path, capsys: Screen
) -> None:
    """An Excel that makes a formula of it shows another password."""
    app.will_answer(EXPORT, page(row("a@example.org", password="=1+1Abc-x")))
    app.will_answer(EXPORTED, {"counted": 1})
    out = tmp_path / "list.csv"

    assert main(["passwords", "export", "a@example.org", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["misread"] == 1
    assert ";" in out.read_text(encoding="utf-8-sig")


def test_a_name_that_the_encoding_lacks_leaves_no_file(app: SmallApp, tmp_path: Path) -> None:
    """Half a list is handed out as if it were whole."""
    app.will_answer(EXPORT, page({**row("a@example.org"), "display_name": "李娜"}))
    out = tmp_path / "list.csv"
    words = ("export", "--cohort", "x", "--out", str(out), "--encoding", "windows-1252")

    assert main(["passwords", *words]) == 2
    assert not out.exists()
    assert app.lines == [EXPORT]


def test_an_export_that_is_written_and_not_counted_says_so(
    app: SmallApp, tmp_path: Path, capsys: Screen
) -> None:
    """Whoever exports the new ones next has to know that these come again."""
    app.will_answer(EXPORT, page(row("a@example.org")))
    app.will_answer(EXPORTED, {"error": "unreachable", "detail": "tables"}, status=503)
    out = tmp_path / "list.csv"

    assert main(["passwords", "export", "--cohort", "x", "--out", str(out)]) == 1
    assert "a@example.org" in out.read_text(encoding="utf-8-sig")
    assert "--new-only will bring them again: unreachable: tables" in capsys.readouterr().err


def test_more_pages_than_anybody_has_is_no_list_that_ends_in_the_middle(
    app: SmallApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Screen
) -> None:
    """Half a list is handed out as if it were whole, and half a report hides who is left alone."""
    monkeypatch.setattr(hand_out, "PAGE_COUNT_MAX", 2)
    monkeypatch.setattr(passwords, "PAGE_COUNT_MAX", 2)
    result = {"changed": 1, "refused_count": 0, "stopped": "", "is_dry_run": False}
    app.will_answer(EXPORT, page(row("a@example.org"), after="a"))
    app.will_answer(f"GET /api/requests/{REQUEST}", {"state": "Completed", "result": result})
    for after in ("0", "20"):
        line = f"GET /api/passwords/resets/{REQUEST}?after={after}"
        app.will_answer(line, {"accounts": [], "after": str(int(after) + 20)})

    assert main(["passwords", "export", "--cohort", "x", "--out", str(tmp_path / "x.csv")]) == 1
    assert list(tmp_path.iterdir()) == []
    assert main(["passwords", "reset", "--request", REQUEST]) == 1
    assert "?after=40 tells the rest" in capsys.readouterr().err


def test_a_reset_that_takes_hours_is_waited_for_again(
    app: SmallApp, monkeypatch: pytest.MonkeyPatch, capsys: Screen
) -> None:
    """A notice a day ahead outlasts every command; asked anew, everybody would be told and reset twice."""
    monkeypatch.setattr(waiting, "LOOK_COUNT_MAX", 2)
    monkeypatch.setattr(waiting, "LOOK_PAUSE_S", 0.0)
    line = {"address": "a@example.org", "cohort": "x", "result": "changed", "rule": "random"}
    result = {"changed": 1, "refused_count": 0, "stopped": "", "is_dry_run": False}
    app.will_answer("POST /api/passwords/reset", {"request": REQUEST}, status=202)
    for _ in range(2):
        app.will_answer(f"GET /api/requests/{REQUEST}", {"state": "Running", "result": None})
    app.will_answer(f"GET /api/requests/{REQUEST}", {"state": "Completed", "result": result})
    app.will_answer(
        f"GET /api/passwords/resets/{REQUEST}?after=0", {"accounts": [line], "after": ""}
    )

    assert main(["passwords", "reset", "--cohort", "x"]) == 1
    assert f"--request {REQUEST}" in capsys.readouterr().err
    assert main(["passwords", "reset", "--request", REQUEST]) == 0
    assert "a@example.org" in capsys.readouterr().out
    assert [each for each in app.lines if each.startswith("POST")] == ["POST /api/passwords/reset"]


def test_an_administrators_password_is_made_without_any_app(
    monkeypatch: pytest.MonkeyPatch, capsys: Screen
) -> None:
    """On the first day there is no app yet."""
    monkeypatch.delenv("BASCULE_URL", raising=False)

    assert main(["passwords", "administrator", "--length", "16"]) == 0
    assert len(capsys.readouterr().out.splitlines()[0]) == 16


@pytest.mark.parametrize(
    ("unit", "name"), [("Eleves/3A", "Eleves-3A"), ("../..", "none"), ("", "none"), ("3 A", "3-A")]
)
def test_a_unit_can_name_no_file_elsewhere(unit: str, name: str) -> None:
    """A list of passwords in a shared folder is everybody's."""
    assert file_name_of(unit) == name
