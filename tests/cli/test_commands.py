"""The verbs: what they ask of the app, what they print, and the exit code."""

import json
from pathlib import Path

import pytest

from cli import waiting, wishes
from cli.main import main
from tests.cli.small_app import SmallApp

Screen = pytest.CaptureFixture[str]
REQUEST = "cutover-pilot-0a1b2c3d4e5f"


def test_batches_are_listed_as_a_table(app: SmallApp, capsys: Screen) -> None:
    """The first question of an operator in the morning."""
    app.will_answer(
        "GET /api/batches", {"batches": [{"batch": "pilot", "state": "running", "rows": 3}]}
    )

    assert main(["batches", "list"]) == 0
    assert capsys.readouterr().out == "batch  state    rows\npilot  running  3\n"


@pytest.mark.parametrize("way", [[], ["--json"]], ids=["table", "json"])
def test_what_others_wrote_gives_the_terminal_no_orders(
    way: list[str], app: SmallApp, capsys: Screen
) -> None:
    """A folder's name is its owner's, and stands in the details that an administrator reads."""
    name = "\x1b]0;hello\x07\x9b2J caf\u00e9\n"
    app.will_answer(
        "GET /api/batches", {"batches": [{"batch": name, "state": "running", "rows": 3}]}
    )

    assert main(["batches", "list", *way]) == 0
    shown = capsys.readouterr().out
    assert "caf\u00e9" in shown
    assert not set("\x1b\x07\x9b") & set(shown)
    if way:
        assert json.loads(shown)["batches"][0]["batch"] == name


def test_a_refusal_gives_the_terminal_no_orders(app: SmallApp, capsys: Screen) -> None:
    """It repeats what a server said."""
    refusal = {"error": "alias_map_refused", "detail": "\x1b[2Jno"}
    app.will_answer("GET /api/batches", refusal, 409)

    assert main(["batches", "list"]) == 1
    assert "\x1b" not in capsys.readouterr().err


def test_json_is_what_the_app_answered(app: SmallApp, capsys: Screen) -> None:
    """A script that reads tables breaks when a column grows."""
    answer = {"batches": [{"batch": "été", "state": "running", "rows": 3}]}
    app.will_answer("GET /api/batches", answer)

    assert main(["batches", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == answer


def test_a_batch_tells_who_is_set_aside_and_why(app: SmallApp, capsys: Screen) -> None:
    """Who is set aside waits for the person who reads this."""
    app.will_answer(
        "GET /api/batches/pilot",
        {
            "batch": "pilot",
            "stages": {"SYNCED": 2, "SET_ASIDE": 1},
            "set_aside": {"eve@example.org": "sync_late"},
        },
    )

    assert main(["batches", "show", "pilot"]) == 0
    printed = capsys.readouterr().out
    assert "stages  SYNCED 2, SET_ASIDE 1" in printed
    assert "eve@example.org  sync_late" in printed


def test_a_file_is_uploaded_under_its_own_name(
    app: SmallApp, capsys: Screen, tmp_path: Path
) -> None:
    """Another encoding or another line ending than the file's would change what is checked."""
    file = tmp_path / "Pilot.csv"
    file.write_bytes(b"EmailAddress,UserName,Password\r\n")
    app.will_answer("POST /api/batches?name=pilot", {"batch": "pilot"}, 202)

    assert main(["batches", "upload", str(file)]) == 0
    assert app.asked[0].body == b"EmailAddress,UserName,Password\r\n"
    assert "bascule batches show pilot" in capsys.readouterr().out


def test_a_cutover_waits_and_tells_who_cannot(app: SmallApp, capsys: Screen) -> None:
    """An operator who goes home after "asked" learns on Monday that nobody was cut over."""
    app.will_answer("POST /api/batches/pilot/cutover", {"request": REQUEST}, 202)
    app.will_answer(f"GET /api/requests/{REQUEST}", {"state": "Running", "result": None})
    result = {
        "granted": 1,
        "refused_count": 1,
        "refused": [{"address": "bob@example.org", "why": "its last sync is older than 26 h"}],
    }
    app.will_answer(f"GET /api/requests/{REQUEST}", {"state": "Completed", "result": result})

    when_and_what = ["--at", "2026-11-28T20:00:00Z", "--waive", "message_too_large"]
    code = main(["batches", "cutover", "pilot", "--all", *when_and_what])

    assert code == 1
    assert json.loads(app.asked[0].body) == {
        "mailboxes": "all",
        "at": "2026-11-28T20:00:00Z",
        "waive": ["message_too_large"],
    }
    assert "bob@example.org  its last sync is older than 26 h" in capsys.readouterr().out


def test_a_wish_that_stopped_half_way_says_why_and_what_to_do(
    app: SmallApp, capsys: Screen
) -> None:
    """Half a batch that is not cut over is found out on Monday."""
    app.will_answer("POST /api/batches/pilot/retry", {"request": "retry-pilot-1"}, 202)
    result = {"granted": 1, "refused_count": 0, "refused": [], "stopped": "answered 503"}
    app.will_answer("GET /api/requests/retry-pilot-1", {"state": "Completed", "result": result})

    assert main(["batches", "retry", "pilot", "--all"]) == 1
    out = capsys.readouterr().out
    assert "stopped before the end: answered 503" in out
    assert "Ask the same again" in out


@pytest.mark.parametrize("wish", ["rollback", "retry", "abandon", "survey"])
def test_every_wish_is_asked_by_its_name(app: SmallApp, wish: str) -> None:
    """A rollback sent as an abandon destroys what it should save."""
    app.will_answer(f"POST /api/batches/pilot/{wish}", {"request": f"{wish}-pilot-1"}, 202)

    assert main(["batches", wish, "pilot", "eve@example.org", "--no-wait"]) == 0
    assert json.loads(app.asked[0].body) == {"mailboxes": ["eve@example.org"]}


def test_a_wish_that_is_never_granted_ends(
    app: SmallApp, monkeypatch: pytest.MonkeyPatch, capsys: Screen
) -> None:
    """A terminal that hangs is closed, and nobody knows what was asked."""
    monkeypatch.setattr(wishes, "LOOK_COUNT_MAX", 2)
    monkeypatch.setattr(waiting, "LOOK_PAUSE_S", 0.0)
    app.will_answer("POST /api/batches/pilot/retry", {"request": "retry-pilot-1"}, 202)
    app.will_answer("GET /api/requests/retry-pilot-1", {"state": "Running", "result": None})

    assert main(["batches", "retry", "pilot", "--all"]) == 1
    assert "is not granted yet" in capsys.readouterr().err


def test_a_whole_batch_is_never_meant_by_leaving_something_out(
    app: SmallApp, capsys: Screen
) -> None:
    """A forgotten address must not cut over five thousand mailboxes."""
    assert main(["batches", "cutover", "pilot"]) == 2
    assert "name the mailboxes, or give --all" in capsys.readouterr().err
    assert app.asked == []


def test_sync_and_accept_ask_for_just_that(app: SmallApp, capsys: Screen) -> None:
    """The two smallest verbs, and the ones pressed in a hurry."""
    app.will_answer("POST /api/batches/pilot/sync", {"sync_batches": ["pilot", "pilot-2"]}, 202)
    app.will_answer("POST /api/batches/pilot/difference?fingerprint=f1", {"batch": "pilot"}, 202)

    assert main(["batches", "sync", "pilot"]) == 0
    assert main(["batches", "accept", "pilot", "--fingerprint", "f1"]) == 0
    assert "asked of pilot, pilot-2" in capsys.readouterr().out


def test_mailboxes_are_listed_to_the_last_page(app: SmallApp, capsys: Screen) -> None:
    """The mailbox that somebody looks for is on the second page."""
    base = "GET /api/batches/pilot/mailboxes?top=1000&stage=SYNCED"
    app.will_answer(base, {"mailboxes": [{"address": "a@x.org"}], "after": "k1"})
    app.will_answer(f"{base}&after=k1", {"mailboxes": [{"address": "b@x.org"}], "after": ""})

    assert main(["mailboxes", "list", "pilot", "--stage", "SYNCED"]) == 0
    printed = capsys.readouterr().out
    assert "a@x.org" in printed
    assert "b@x.org" in printed


def test_one_mailbox_is_shown_whatever_its_address_looks_like(
    app: SmallApp, capsys: Screen
) -> None:
    """A slash is allowed before the @; unquoted it would ask for something else."""
    app.will_answer(
        "GET /api/batches/pilot/mailboxes/a%2Fb@x.org",
        {"address": "a/b@x.org", "stage": "SYNCED", "code": None},
    )

    assert main(["mailboxes", "show", "pilot", "a/b@x.org"]) == 0
    assert capsys.readouterr().out == "address  a/b@x.org\nstage    SYNCED\n"


def test_words_that_are_no_command_end_with_two() -> None:
    """A script must tell a wrong call from a refusal."""
    with pytest.raises(SystemExit) as ended:
        main(["batches", "explode"])

    assert ended.value.code == 2
