"""The rules of the house that no linter keeps: sizes, names, who reads the environment, what may be imported."""

import ast
import re
import statistics
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
DEPLOYED = ("triggers", "orchestrators", "activities", "bascule")
FUNCTION_LINES_MAX = 40
FUNCTION_LINES_USUAL_MAX = 30
FUNCTION_LINES_MEDIAN_MAX = 9
FILE_LINES_MAX = 400
# Names that say nothing about what is inside.
EMPTY_NAMES = frozenset({"data", "helper", "helpers", "info", "manager", "util", "utils"})
# Root-owned or personal folders: a path below one of them means something on one machine only.
PERSONAL_PATH = re.compile(r"(?<![\w.:/-])/(?:home|root|Users|work)/\w")


def sources(*rooms: str) -> list[Path]:
    """Every Python file of these rooms, sorted, function_app.py with the deployed ones."""
    found = [file for room in rooms for file in (ROOT / room).rglob("*.py")]
    return sorted(found + (list(ROOT.glob("function_app.py")) if "triggers" in rooms else []))


def functions(files: list[Path]) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function with the place where it stands."""
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{file.relative_to(ROOT)}:{node.lineno} {node.name}", node


def line_count(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the last one, docstring included."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def tracked_texts() -> Iterator[tuple[str, str]]:
    """Every text file under version control, by its path; lock files left out."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix not in {".png", ".lock"}:
            yield name, path.read_text(encoding="utf-8", errors="replace")


def test_no_function_is_longer_than_a_screen() -> None:
    """A function that does not fit on a screen is not read whole, and its bugs live where nobody looks."""
    code = sources(*DEPLOYED, "cli", "sandbox", "benchmarks")
    long = [where for where, node in functions(code) if line_count(node) > FUNCTION_LINES_MAX]

    assert long == []


def test_functions_are_short_as_a_rule() -> None:
    """Without it the limit becomes the habit."""
    counts = sorted(line_count(node) for _, node in functions(sources(*DEPLOYED)))

    assert statistics.median(counts) <= FUNCTION_LINES_MEDIAN_MAX
    assert counts[len(counts) * 9 // 10] <= FUNCTION_LINES_USUAL_MAX


def test_no_file_is_longer_than_one_concern() -> None:
    """A file of many concerns is changed by everybody for every reason."""
    code = sources(*DEPLOYED, "cli", "sandbox", "benchmarks", "tests")
    long = [
        str(file.relative_to(ROOT))
        for file in code
        if len(file.read_text(encoding="utf-8").splitlines()) > FILE_LINES_MAX
    ]

    assert long == []


def test_every_file_name_says_what_is_inside() -> None:
    """`utils` is where code goes to be written a second time."""
    code = sources(*DEPLOYED, "cli", "sandbox", "benchmarks", "tests")
    empty = [
        str(file.relative_to(ROOT)) for file in code if file.stem.split("_")[-1] in EMPTY_NAMES
    ]

    assert empty == []


def test_every_test_says_what_would_hurt() -> None:
    """A test that nobody can explain is deleted on the day it fails."""
    silent = [
        where
        for where, node in functions(sources("tests"))
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]

    assert silent == []


def test_only_settings_read_the_environment() -> None:
    """A setting read elsewhere is neither checked at the start nor documented."""
    reading = [
        str(file.relative_to(ROOT))
        for file in sources(*DEPLOYED)
        if re.search(r"os\.environ|getenv", file.read_text(encoding="utf-8"))
    ]

    assert reading in ([], ["bascule/settings.py"])


def imported_names(file: Path) -> set[str]:
    """Full names of the modules a file imports; `from a import b` counts as `a` and as `a.b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def module_name(file: Path) -> str:
    """The dotted name of a file of the repository."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def test_every_deployed_module_is_used_by_another() -> None:
    """A dead file is read, ported and worried about for years."""
    used: set[str] = set()
    for file in sources(*DEPLOYED):
        used |= imported_names(file)
    dead = [
        module_name(file)
        for file in sources(*DEPLOYED)
        if file.name not in {"__init__.py", "function_app.py"} and module_name(file) not in used
    ]

    assert dead == []


def test_no_file_names_a_folder_of_one_machine() -> None:
    """Such a path works for its writer and for nobody else."""
    personal = [name for name, text in tracked_texts() if PERSONAL_PATH.search(text)]

    assert personal == []


def test_the_lock_satisfies_the_ranges() -> None:
    """A lock that was not compiled again after an edit deploys something else than the project says."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        ("requirements.txt", project["dependencies"]),
        ("requirements-dev.txt", project["optional-dependencies"]["dev"]),
    ]
    for lock, ranges in wanted:
        pinned = dict(
            re.findall(
                r"^([\w.-]+)==(\S+)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE
            )
        )
        loose = [text for text in ranges if not _is_met(Requirement(text), pinned)]

        assert loose == [], lock


def _is_met(wanted: Requirement, pinned: dict[str, str]) -> bool:
    version = pinned.get(wanted.name.lower())
    return version is not None and wanted.specifier.contains(version)


def test_every_make_target_says_what_it_is_for() -> None:
    """`make` without arguments is the first thing a newcomer types."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^\.PHONY: ([a-z-]+)$", makefile, re.MULTILINE))
    explained = set(re.findall(r"^([a-z-]+):.*## \w", makefile, re.MULTILINE))

    assert targets
    assert targets == explained
