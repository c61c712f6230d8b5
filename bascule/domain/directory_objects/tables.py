"""One of the five files as rows of cells: bytes, encoding, separator, header, rows; checked as far as one row can be.

The batch file's own modules do the reading, so that all files of the product take the same encodings and quotes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from types import MappingProxyType

from bascule.domain.batch_cells import CELL_LENGTH_MAX, control_problem, length_problem
from bascule.domain.batch_encoding import FILE_SIZE_MAX_BYTES, decode_file
from bascule.domain.batch_mistakes import BatchFileInvalid, Mistake
from bascule.domain.batch_records import (
    DELIMITERS,
    ROW_COUNT_MAX,
    Record,
    physical_lines,
    read_records,
)

GROUPS = "groups.csv"
MEMBERS = "group_members.csv"
MAILBOXES = "shared_mailboxes.csv"
DELEGATIONS = "delegations.csv"
CONTACTS = "contacts.csv"


@dataclass(frozen=True)
class Columns:
    """The columns of a file: those it must have, and those it may have."""

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def known(self) -> dict[str, str]:
        """Spelling by lower case."""
        return {name.lower(): name for name in (*self.needed, *self.optional)}


# Exchange's own words, so that an export of the cmdlets of that name nearly is such a file.
FILES = MappingProxyType(
    {
        GROUPS: Columns(
            ("PrimarySmtpAddress", "DisplayName", "ManagedBy"),
            (
                "MemberJoinRestriction",
                "MemberDepartRestriction",
                "HiddenFromAddressListsEnabled",
                "RequireSenderAuthenticationEnabled",
            ),
        ),
        MEMBERS: Columns(("Group", "Member")),
        MAILBOXES: Columns(
            ("PrimarySmtpAddress", "DisplayName"), ("HiddenFromAddressListsEnabled",)
        ),
        DELEGATIONS: Columns(("Mailbox", "Trustee", "AccessRights"), ("AutoMapping",)),
        CONTACTS: Columns(("ExternalEmailAddress", "DisplayName")),
    }
)


@dataclass(frozen=True, order=True)
class FileMistake:
    """One thing to put right, and in which file."""

    file: str
    mistake: Mistake

    def __str__(self) -> str:
        return f"{self.file}, {self.mistake}"


@dataclass(frozen=True)
class Row:
    """One row; every known column has a cell, without blanks around it, empty when the file lacks the column."""

    file: str
    line: int
    cells: dict[str, str]
    places: dict[str, int]

    def wrong(self, name: str, what: str, todo: str) -> FileMistake:
        """What is wrong with one of its cells."""
        column = self.places.get(name, -1) + 1
        return FileMistake(self.file, Mistake(self.line, column, name, what, todo))


@dataclass(frozen=True)
class Table:
    """What could be read of a file, and what could not."""

    rows: tuple[Row, ...]
    mistakes: tuple[FileMistake, ...]


def read_table(file: str, raw: bytes) -> Table:
    """The rows of a file. A header without rows is a file that wants nothing; an empty file is a mistake."""
    if len(raw) > FILE_SIZE_MAX_BYTES:
        return _unreadable(file, Mistake(0, 0, "", "is larger than 10 MB", "Leave out what is old"))
    mistakes: list[Mistake] = []
    try:
        rows = tuple(_rows(file, raw, mistakes))
    except BatchFileInvalid as invalid:
        return _unreadable(file, *mistakes, *invalid.mistakes)
    return Table(rows, tuple(FileMistake(file, mistake) for mistake in mistakes))


def _unreadable(file: str, *mistakes: Mistake) -> Table:
    return Table((), tuple(FileMistake(file, mistake) for mistake in mistakes))


def _rows(file: str, raw: bytes, mistakes: list[Mistake]) -> Iterator[Row]:
    lines = physical_lines(decode_file(raw).text)
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(DELIMITERS, key=first.count)
    records = (
        each for each in read_records(lines, delimiter, mistakes) if "".join(each[1]).strip()
    )
    header = next(records, None)
    places = _places(FILES[file], header, mistakes)
    if header is None or mistakes:
        return
    for count, (line, cells) in enumerate(records):
        if count >= ROW_COUNT_MAX:
            what = f"has more than {ROW_COUNT_MAX} rows"
            mistakes.append(Mistake(0, 0, "", what, "Leave out what is old"))
            return
        row = _row(Row(file, line, {}, places), cells, len(header[1]), mistakes)
        if row:
            yield row


def _places(columns: Columns, header: Record | None, mistakes: list[Mistake]) -> dict[str, int]:
    if header is None:
        todo = f"Add a first line: {','.join(columns.needed)}"
        mistakes.append(Mistake(0, 0, "", "is empty", todo))
        return {}
    line, cells = header
    places: dict[str, int] = {}
    for at, cell in enumerate(cells):
        name = columns.known.get(cell.strip().lower(), "")
        if not name:
            mistakes.append(_unknown(columns, line, at, cell))
        elif name in places:
            what = f"stands in column {places[name] + 1} already"
            mistakes.append(Mistake(line, at + 1, name, what, "Remove one of the two"))
        else:
            places[name] = at
    mistakes += [
        Mistake(line, 0, name, f"lacks the column {name}", "Add it")
        for name in columns.needed
        if name not in places
    ]
    return places


def _unknown(columns: Columns, line: int, at: int, cell: str) -> Mistake:
    close = get_close_matches(cell.strip().lower()[:CELL_LENGTH_MAX], columns.known, n=1)
    known = ", ".join(columns.known.values())
    todo = f"Did you mean {columns.known[close[0]]}?" if close else f"Known are: {known}"
    return Mistake(line, at + 1, "", "is no column that we know", todo)


def _row(bare: Row, cells: list[str], wanted: int, mistakes: list[Mistake]) -> Row | None:
    if len(cells) != wanted:
        what = f"has {len(cells)} fields, and the header has {wanted}"
        todo = "Put fields that hold the separator or a quote into quotes"
        mistakes.append(Mistake(bare.line, min(len(cells), wanted) + 1, "", what, todo))
        return None
    named = {name: cells[at].strip() for name, at in bare.places.items()}
    row = replace(bare, cells=dict.fromkeys(FILES[bare.file].known.values(), "") | named)
    found = [wrong for name in bare.places if (wrong := _cell_mistake(row, name))]
    mistakes += found
    return None if found else row


def _cell_mistake(row: Row, name: str) -> Mistake | None:
    cell = row.cells[name]
    # Owners stand in one cell, and a large group has many.
    length_max = 16 * CELL_LENGTH_MAX if name == "ManagedBy" else CELL_LENGTH_MAX
    problem = control_problem(cell, lines_allowed=False) or length_problem(cell, length_max)
    return row.wrong(name, *problem).mistake if problem else None
