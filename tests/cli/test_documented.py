"""docs/reference/command-line.md says what the command takes, and the command stands where it is said to."""

import argparse
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from cli.main import parser

ROOT = Path(__file__).parents[2]
PAGES = ("reference/command-line.md", "how-to/forecast.md")


def verbs() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every verb by its words, such as `batches list`."""
    waiting = [("", parser())]
    while waiting:
        name, found = waiting.pop()
        below = [a for a in found._actions if isinstance(a, argparse._SubParsersAction)]
        waiting += [(f"{name} {word}".strip(), each) for word, each in _choices(below)]
        if not below:
            yield name, found


def _choices(
    below: list["argparse._SubParsersAction[argparse.ArgumentParser]"],
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in below:
        yield from action.choices.items()


def test_every_verb_and_option_is_documented_and_no_other() -> None:
    """An option that only `--help` knows is an option nobody plans with."""
    text = "\n".join((ROOT / "docs" / page).read_text(encoding="utf-8") for page in PAGES)
    options = {
        option
        for _, verb in verbs()
        for action in verb._actions
        for option in action.option_strings
        if option.startswith("--") and option != "--help"
    }
    told = set(re.findall(r"`bascule ((?:[a-z-]+ )*[a-z-]+)(?= [A-Z-]|`)", text))

    assert {name for name, _ in verbs()} == told
    assert options == set(re.findall(r"`(--[a-z-]+)`", text))


def test_every_verb_has_work_and_speaks_json() -> None:
    """A verb that does nothing looks like one that has done it."""
    silent = [
        name
        for name, verb in verbs()
        if verb.get_default("run") is None or "--json" not in verb._option_string_actions
    ]

    assert silent == []


def test_setup_makes_the_command(tmp_path: Path) -> None:
    """The launcher works from any folder, also from one where somebody has a folder named cli."""
    script = (ROOT / ".ci" / "python").read_text(encoding="utf-8")
    making = script[script.index("launcher=") :]
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "__init__.py").write_text("raise SystemExit(9)\n", encoding="utf-8")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(ROOT / ".venv" / "bin" / "python")
    (tmp_path / "lib").symlink_to(ROOT / ".venv" / "lib")
    (tmp_path / "pyvenv.cfg").write_bytes((ROOT / ".venv" / "pyvenv.cfg").read_bytes())
    making = f"venv={tmp_path}\n{making}"
    subprocess.run(["bash", "-euc", making], cwd=ROOT, check=True)

    asked = subprocess.run(
        [tmp_path / "bin" / "bascule", "--help"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )

    assert asked.stdout.startswith("usage: bascule")
