"""`bascule forecast`: files in, words out; a few seconds in all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import main

ROOT = Path(__file__).parents[2]
Screen = pytest.CaptureFixture[str]
PLAN = """
[tenant]
tenant_id = "11111111-2222-3333-4444-555555555555"
domains = ["example.org"]
routing_domain = "contoso.onmicrosoft.com"
coexistence_group = "not.moved@contoso.onmicrosoft.com"
migration_endpoint = "dovecot"
probe_sender = "probe@contoso.onmicrosoft.com"
[source]
host = "imap.example.org"
[alias_map]
driver = "mysql"
host = "db.example.org"
database = "mail"
user = "bascule"
[cohorts.default]
licence = "STANDARDWOFFPACK_STUDENT"
"""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """A plan and a batch of three, as arguments."""
    plan, batch = tmp_path / "plan.toml", tmp_path / "pilot.csv"
    plan.write_text(PLAN, encoding="utf-8")
    rows = [f"u{n}@example.org,u{n}@example.org,a pass phrase {n}" for n in range(3)]
    batch.write_text("\n".join(["EmailAddress,UserName,Password", *rows]), encoding="utf-8")
    return ["forecast", "--plan", str(plan), "--csv", str(batch), "--seeds", "1"]


def test_a_forecast_tells_when_who_and_what_binds(files: list[str], capsys: Screen) -> None:
    """The three questions that are asked before a batch is uploaded."""
    assert main([*files, "--seats", "STANDARDWOFFPACK_STUDENT=2"]) == 0
    printed = capsys.readouterr().out

    assert "MIGRATED" in printed
    assert "no_seat" in printed
    assert "endpoint concurrency" in printed
    assert "No throughput of an IMAP migration is published" in printed
    assert "a pass phrase" not in printed


def test_json_says_the_same(files: list[str], capsys: Screen) -> None:
    """A script watches the forecast of next month's batches."""
    assert main([*files, "--json", "--copies", "7"]) == 0
    forecast = json.loads(capsys.readouterr().out)

    assert forecast["mailboxes"] == 3
    assert forecast["assumed"]["concurrent_copies"] == 7


def test_two_processes_print_the_same_bytes(files: list[str]) -> None:
    """Sets are ordered anew in every process; a forecast must not be."""
    printed = {
        subprocess.run(
            [sys.executable, "-m", "cli", *files],
            cwd=ROOT,
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }

    assert len(printed) == 1


def test_instants_in_the_file_need_a_start(
    files: list[str], tmp_path: Path, capsys: Screen
) -> None:
    """Without one nobody knows whether tonight's cutover is before or after the first copy."""
    batch = tmp_path / "dated.csv"
    batch.write_text(
        "EmailAddress,UserName,Password,CutoverAtUtc\n"
        "u1@example.org,u1@example.org,a pass phrase,2026-12-05T20:00:00Z\n",
        encoding="utf-8",
    )
    files[4] = str(batch)

    assert main(files) == 2
    assert "--start" in capsys.readouterr().err
    assert main([*files, "--start", "2026-12-01T08:00:00Z", "--json"]) == 0
    stages = {
        each["stage"]: each["half_h"] for each in json.loads(capsys.readouterr().out)["stages"]
    }
    assert stages["DETACHED"]["p50"] >= 108


@pytest.mark.parametrize(
    ("place", "text", "said"),
    [(2, "[tenant]\n", "plan has"), (4, "EmailAddress\nnobody\n", "UserName"), (2, "", "plan has")],
)
def test_a_wrong_file_is_named_with_its_mistakes(
    files: list[str], capsys: Screen, place: int, text: str, said: str
) -> None:
    """The forecast is where most files are checked for the first time."""
    Path(files[place]).write_text(text, encoding="utf-8")

    assert main(files) == 2
    assert said in capsys.readouterr().err


def test_a_file_that_is_not_there_is_named(files: list[str], capsys: Screen) -> None:
    """A traceback hides which of the files was meant."""
    Path(files[4]).unlink()

    assert main(files) == 2
    assert "pilot.csv cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--seeds", "0"], ["--seats", "A"], ["--start", "soon"], ["--delta-s", "-1"]]
)
def test_a_wrong_number_is_refused_at_once(files: list[str], words: list[str]) -> None:
    """A forecast over no seeds would say that nothing ever happens."""
    with pytest.raises(SystemExit) as ended:
        main([*files, *words])

    assert ended.value.code == 2
