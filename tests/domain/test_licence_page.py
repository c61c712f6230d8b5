"""The page about licences says what the planner and the adapter know, and no more."""

import re
from pathlib import Path

from bascule.adapters.graph.errors import Failure, GraphRefused, Meaning, domain_error
from bascule.domain.codes import Code
from bascule.domain.directory import MAILBOX_PLAN_NAMES
from bascule.domain.licences import STATE_CODES
from bascule.domain.service_plans import EXCLUSIVE_PLANS, PARENTS_BY_NAME
from tests.adapters.test_graph_errors import ANSWERS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "licences.md"
# Answers whose code depends on the call, or that the caller turns into something else.
TOLD_IN_WORDS = frozenset(
    {Meaning.INVALID_VALUE, Meaning.OTHER, Meaning.DENIED, Meaning.NOT_LICENSED}
)
ANY_MAILBOX = "any plan that opens a mailbox"


def section(title: str) -> list[tuple[str, ...]]:
    """The rows of the table under a heading, without its first two lines."""
    text = PAGE.read_text(encoding="utf-8").split(f"## {title}\n")[1].split("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    return [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows]


def named(cell: str) -> frozenset[str]:
    """The names between backticks."""
    return frozenset(re.findall(r"`(\w+)`", cell))


def test_the_mailbox_plans_are_those_of_the_planner() -> None:
    """An operator who misses a plan here reports it before a batch is refused for it."""
    rows = section("Plans that open a mailbox")

    assert {name for (cell,) in rows for name in named(cell)} == MAILBOX_PLAN_NAMES


def test_the_dependencies_and_conflicts_are_those_of_the_planner() -> None:
    """A page that knows more than the code sends people looking for bugs."""
    told = {
        next(iter(named(child))): MAILBOX_PLAN_NAMES if parents == ANY_MAILBOX else named(parents)
        for child, parents in section("What a plan needs")
    }

    assert told == dict(PARENTS_BY_NAME)
    assert tuple(named(cell) for (cell,) in section("What excludes each other")) == EXCLUSIVE_PLANS


def test_every_refusal_of_the_directory_is_told_with_its_code() -> None:
    """One table: what the service says, and the page that says what to do."""
    rows = section("What the directory refuses, and the code that follows")
    told = {row[0]: row[1] for row in rows}
    known = {
        str(meaning): f"`{code}`" for _, meaning, code in ANSWERS if meaning not in TOLD_IN_WORDS
    }

    assert told == known


def test_what_no_table_knows_is_told_to_be_unknown() -> None:
    """Never success, never a loop."""
    unknown = domain_error("x", Failure(400, "New", "new"), fallback=Code.LICENCE_REFUSED)

    assert isinstance(unknown, GraphRefused)
    assert unknown.code is Code.LICENCE_REFUSED
    assert "never taken for success" in PAGE.read_text(encoding="utf-8")


def test_the_notes_on_group_licences_are_those_of_the_planner() -> None:
    """The note is all that a group licence leaves behind."""
    rows = section("What the directory notes on a licence from a group")

    assert {next(iter(named(note))): next(iter(named(code))) for note, code in rows} == {
        note: str(code) for note, code in STATE_CODES.items()
    }
