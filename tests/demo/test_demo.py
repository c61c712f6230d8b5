"""The demo is the first thing a new user runs, and what they judge everything else by."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.demo.own_input import people_of

REPOSITORY = Path(__file__).parents[2]
DEMO_TIMEOUT_S = 280


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the demo as a person does."""
    return subprocess.run(
        [sys.executable, "-m", "sandbox.demo", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=DEMO_TIMEOUT_S,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_three_are_set_aside_one_is_repaired_one_is_rolled_back_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    """A demo that shows anything else would be the last thing its viewer runs."""
    path = tmp_path / "report.json"

    run = demo("--mailboxes", "12", "--seed", "2", "--report", str(path))

    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    ends = [(row["stage"], row["code"]) for row in report["mailboxes"]]
    assert sorted(ends, key=str) == sorted(
        [("MIGRATED", None)] * 9
        + [("SET_ASIDE", "source_login_refused"), ("SET_ASIDE", "no_seat"), ("ROLLED_BACK", None)],
        key=str,
    )
    assert "was set aside: alias_changed" in run.stdout
    mail = report["mail"]
    assert (mail["lost"], mail["doubled"], mail["loops"]) == ([], [], 0)
    assert mail["accepted"] > sum(row["source_messages"] for row in report["mailboxes"]) / 2
    assert mail["hops_max"] <= 2
    assert report["batch"]
    assert report["seed"] == 2
    assert set(report["calls"]) == {"graph", "exchange", "alias_map", "imap_sessions"}
    assert all(report["calls"].values())
    proofs = [row["certificate"] for row in report["mailboxes"] if row["stage"] == "MIGRATED"]
    assert all(proof["complete"] for proof in proofs)
    assert report["virtual_days"] > 0 < report["wall_s"]


@pytest.mark.slow
def test_a_persons_own_file_is_refused_with_every_mistake_at_once(tmp_path: Path) -> None:
    """The demo with one's own file is how an administrator checks it before the real upload."""
    own = tmp_path / "own.csv"
    own.write_text(
        "EmailAddress;UserName;Password\n"
        "anna@ecole.example;anna;one;two\n"
        "bob@ecole.example;robert;two\n"
        "bob@ecole.example;bob;three\n",
        encoding="utf-8",
    )

    run = demo("--csv", str(own), "--report", str(tmp_path / "report.json"))

    assert run.returncode == 2, run.stdout + run.stderr
    assert "refused: 3 mistakes" in run.stdout
    assert [line.split(",")[0].strip() for line in run.stdout.splitlines() if "  line" in line] == [
        "line 2",
        "line 3",
        "line 4",
    ]


def test_a_file_with_mistakes_still_has_people_behind_it() -> None:
    """The product judges the file; the sandbox only needs a mailbox for whoever is in it."""
    content = (
        b"EmailAddress,UserName,Password\r\n"
        b"Anna@ecole.example,anna,one\r\nanna@ecole.example,other,two\r\nnobody,x,y\r\nbob@ecole.example,,z\r\n"
    )

    people = people_of(content)

    assert [(person.address, person.user_name) for person in people] == [
        ("anna@ecole.example", "anna"),
        ("bob@ecole.example", "bob"),
    ]
    with pytest.raises(ValueError, match="no row of the file has an address"):
        people_of(b"EmailAddress,UserName,Password\r\n")
