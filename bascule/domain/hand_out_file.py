"""A list of passwords from another program: which columns hold what, read whole, every mistake at once.

No message ever repeats a cell: it may hold a password.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from bascule.domain.addresses import address_problem, normal_address
from bascule.domain.batch_encoding import decode_file
from bascule.domain.batch_mistakes import BatchFileInvalid, Mistake, whole_file
from bascule.domain.batch_records import DELIMITERS, Record, physical_lines, read_records
from bascule.domain.hand_out import Person
from bascule.domain.hand_out_form import FIELDS, PASSWORD_FIELD
from bascule.domain.passwords import given_problem, shared_count
from bascule.domain.plan import CohortPlan

# One request seals them all, well within the time a front door waits.
ROW_COUNT_MAX = 5_000
NAME_FIELDS = ("USER_ID", "ADDRESS")


@dataclass(frozen=True)
class Columns:
    """Which column holds the sign-in name and which the password."""

    name: str
    """Its name in the header, or its number from 1 when the file has none."""
    password: str

    @property
    def has_header(self) -> bool:
        """Whether the first line names the columns."""
        return not (self.name.isdecimal() and self.password.isdecimal())


@dataclass(frozen=True)
class ImportedRow:
    """One person's password as the file says it."""

    line: int
    person: Person
    password: str = field(repr=False)


@dataclass(frozen=True)
class ImportedFile:
    """A list that can be used as it is."""

    rows: tuple[ImportedRow, ...]
    warnings: tuple[Mistake, ...]


Known = Callable[[str], Person | str]
"""The person of a normal address, or why nobody's password may come this way."""


def columns_of(text: str) -> Columns:
    """The columns that `login=USER_ID,mdp=USER_PASSWORD` names; further fields are read over.

    Raises:
        ValueError: with what is wrong.
    """
    found: dict[str, str] = {}
    for part in text.split(","):
        column, equals, name = (each.strip() for each in part.partition("="))
        if not equals or not column:
            raise ValueError("write COLUMN=FIELD, with commas between")
        if name not in FIELDS:
            raise ValueError(f"{name or 'nothing'} is no field; known are: {', '.join(FIELDS)}")
        found[name] = column
    names = [found[name] for name in NAME_FIELDS if name in found]
    if not names or PASSWORD_FIELD not in found:
        raise ValueError(f"name a column for USER_ID and one for {PASSWORD_FIELD}")
    return Columns(names[0], found[PASSWORD_FIELD])


def read_list(
    raw: bytes, columns: Columns, known: Known, cohorts: Mapping[str, CohortPlan]
) -> ImportedFile:
    """The passwords that a list brings, checked whole.

    Raises:
        BatchFileInvalid: with every mistake, sorted by line and column.
    """
    decoded = decode_file(raw)
    lines = physical_lines(decoded.text)
    mistakes = list[Mistake]()
    delimiter = max(DELIMITERS, key=lambda each: _shown(lines, each, columns))
    records = (each for each in read_records(lines, delimiter, mistakes) if any(each[1]))
    at = _places(records, columns)
    reader = _Reader(at, columns, known, cohorts, mistakes)
    rows = [row for record in records if (row := reader.read(*record))]
    if not rows and not mistakes:
        raise whole_file("has no rows", "Add a row for each person")
    if mistakes:
        raise BatchFileInvalid(tuple(sorted(mistakes)))
    warnings = (*decoded.warnings, *_shared(rows, at[1] + 1))
    return ImportedFile(tuple(rows), tuple(sorted(warnings)))


class _Reader:
    """Reads rows one by one; remembers the addresses."""

    def __init__(
        self,
        at: tuple[int, int],
        columns: Columns,
        known: Known,
        cohorts: Mapping[str, CohortPlan],
        mistakes: list[Mistake],
    ) -> None:
        self._name_at, self._password_at = at
        self._columns = columns
        self._known = known
        self._cohorts = cohorts
        self._mistakes = mistakes
        self._lines: dict[str, int] = {}

    def read(self, line: int, cells: list[str]) -> ImportedRow | None:
        """The row that cells are; None, with its mistake noted, when they are none."""
        if len(cells) <= max(self._name_at, self._password_at):
            self._mistakes.append(Mistake(line, 0, "", "has too few fields", "Fill the row"))
            return None
        if len(self._lines) >= ROW_COUNT_MAX:
            raise whole_file(f"has more than {ROW_COUNT_MAX} rows", "Cut it into several lists")
        person = self._person(line, normal_address(cells[self._name_at]))
        if person is None:
            return None
        password = cells[self._password_at]
        problem = ("is empty", "Write the password, or remove the row") if not password else None
        problem = problem or given_problem(password, self._cohorts[person.cohort])
        if problem:
            self._wrong(line, self._password_at, self._columns.password, *problem)
            return None
        return ImportedRow(line, person, password)

    def _person(self, line: int, address: str) -> Person | None:
        why = address_problem(address)
        first_line = self._lines.setdefault(address, line)
        if why is None and first_line != line:
            why = f"is the sign-in name of line {first_line} too"
        found = self._known(address) if why is None else why
        if isinstance(found, Person):
            return found
        todo = "Write the sign-in name of an account whose password may come from a list"
        self._wrong(line, self._name_at, self._columns.name, found, todo)
        return None

    def _wrong(self, line: int, at: int, name: str, what: str, todo: str) -> None:
        self._mistakes.append(Mistake(line, at + 1, name, what, todo))


def _shown(lines: list[str], delimiter: str, columns: Columns) -> int:
    """How much of what is wanted the first line shows with this delimiter."""
    first = next((line for line in lines if line.strip()), "")
    cells = next(csv.reader([first], delimiter=delimiter), [])
    if not columns.has_header:
        return len(cells)
    return len({columns.name, columns.password} & {cell.strip() for cell in cells})


def _places(records: Iterator[Record], columns: Columns) -> tuple[int, int]:
    """Where the two columns stand, from 0. Raises BatchFileInvalid: the header lacks one."""
    if not columns.has_header:
        return int(columns.name) - 1, int(columns.password) - 1
    line, cells = next(records, (0, list[str]()))
    header = [cell.strip() for cell in cells]
    lacking = [name for name in (columns.name, columns.password) if name not in header]
    if lacking:
        raise BatchFileInvalid(
            tuple(
                Mistake(line, 0, name, f"lacks the column {name}", "Map the columns that are there")
                for name in lacking
            )
        )
    return header.index(columns.name), header.index(columns.password)


def _shared(rows: list[ImportedRow], column: int) -> Iterator[Mistake]:
    first_lines: dict[str, int] = {}
    for row in rows:
        first_lines.setdefault(row.password, row.line)
    for password, count in shared_count(row.password for row in rows).items():
        what = f"is the same in {count} rows: each of them knows the others'"
        yield Mistake(first_lines[password], column, "", what, "Give each person another")
