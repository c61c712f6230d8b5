"""The first row of a batch file: which columns there are, and what separates them.

Source: Microsoft Learn, CSV files for IMAP migration batches (EmailAddress, UserName, Password, UserRoot).
"""

import csv
from dataclasses import dataclass
from difflib import get_close_matches

from bascule.domain.batch_mistakes import Mistake
from bascule.domain.batch_records import DELIMITERS

COLUMNS = (
    "EmailAddress",
    "UserName",
    "Password",
    "UserRoot",
    "DisplayName",
    "Cohort",
    "CutoverAtUtc",
    "UsageLocation",
    "NewPassword",
    "Unit",
)
# Seven times what we know; a first row of more is no header of ours.
COLUMN_COUNT_MAX = 64
# No known name is longer; comparing more of an unknown one is waste.
NAME_LENGTH_MAX = 32
# Enough to tell comma from semicolon, and far below the field size at which the CSV reader gives up.
SAMPLE_LENGTH_MAX = 4_096
SECRET_COLUMNS = frozenset({"Password", "NewPassword"})
_BY_LOWER = {name.lower(): name for name in COLUMNS}


@dataclass(frozen=True)
class Header:
    """Where each known column stands."""

    column_count: int
    places: dict[str, int]
    """Position by column name, from 0, in the order of the file."""


def delimiter_of(line: str) -> str:
    """Comma or semicolon: whichever shows more known column names in the header, then more columns."""
    return max(DELIMITERS, key=lambda delimiter: _columns_shown(line, delimiter))


def read_header(
    line: int,
    cells: list[str],
    *,
    password_needed: bool,
    mistakes: list[Mistake],
    warnings: list[Mistake],
) -> Header | None:
    """The header that `cells` are; None when they are none, which is then the file's first mistake."""
    if len(cells) > COLUMN_COUNT_MAX or not any(_known(cell) for cell in cells):
        mistakes.append(_no_header(line, cells, password_needed=password_needed))
        return None
    places: dict[str, int] = {}
    for at, cell in enumerate(cells):
        name = _known(cell)
        if not name:
            mistakes.append(_unknown(line, at, cell))
        elif name in places:
            what = f"stands in column {places[name] + 1} already"
            mistakes.append(Mistake(line, at + 1, name, what, "Remove one of the two"))
        else:
            places[name] = at
            if cell != name:
                what = "is spelt otherwise than Exchange wants it"
                warnings.append(Mistake(line, at + 1, name, what, f"Write {name}"))
    mistakes.extend(_missing(line, places, password_needed=password_needed))
    return Header(len(cells), places)


def _columns_shown(line: str, delimiter: str) -> tuple[int, int]:
    cells = next(csv.reader([line[:SAMPLE_LENGTH_MAX]], delimiter=delimiter), [])
    return sum(1 for cell in cells if _known(cell)), len(cells)


def _known(cell: str) -> str:
    return _BY_LOWER.get(cell.strip().lower(), "")


def _no_header(line: int, cells: list[str], *, password_needed: bool) -> Mistake:
    needed = ",".join(COLUMNS[: 3 if password_needed else 2])
    if len(cells) > COLUMN_COUNT_MAX:
        what = f"has more than {COLUMN_COUNT_MAX} columns"
        return Mistake(line, 0, "", what, f"Known are: {', '.join(COLUMNS)}")
    for at, cell in enumerate(cells):
        if "@" in cell:
            what = "is an address where the header should be"
            return Mistake(line, at + 1, "", what, f"Add a first line: {needed}")
    what = "names none of the known columns"
    return Mistake(line, 0, "", what, f"Add a first line, with commas or semicolons: {needed}")


def _unknown(line: int, at: int, cell: str) -> Mistake:
    close = get_close_matches(cell.strip().lower()[:NAME_LENGTH_MAX], _BY_LOWER, n=1)
    todo = f"Did you mean {_BY_LOWER[close[0]]}?" if close else f"Known are: {', '.join(COLUMNS)}"
    what = "is no column that we know" if cell.strip() else "is a column without a name"
    return Mistake(line, at + 1, "", what, todo)


def _missing(line: int, places: dict[str, int], *, password_needed: bool) -> list[Mistake]:
    needed = COLUMNS[: 3 if password_needed else 2]
    return [
        Mistake(line, 0, name, f"lacks the column {name}", "Add it")
        for name in needed
        if name not in places
    ]
