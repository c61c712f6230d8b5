"""Reading marks for workstations from a CSV: EmailAddress, Step and, optionally, Done; every mistake at once."""

import csv
import io
from collections.abc import Iterator

from bascule.domain.addresses import address_problem, normal_address
from bascule.domain.batch_encoding import decode_file
from bascule.domain.batch_header import delimiter_of
from bascule.domain.batch_mistakes import BatchFileInvalid, Mistake, whole_file
from bascule.domain.workstations import Tick

ADDRESS, STEP, DONE = "EmailAddress", "Step", "Done"
COLUMNS = (ADDRESS, STEP, DONE)
YES, NO = frozenset({"", "yes", "true", "1", "x", "oui"}), frozenset({"no", "false", "0", "non"})
# One request must end within seconds, and writes a document for every twenty mailboxes.
TICK_COUNT_MAX = 2_000


def read_ticks(raw: bytes, steps: tuple[str, ...]) -> tuple[Tick, ...]:
    """The marks that a file asks for.

    Raises:
        BatchFileInvalid: with every mistake, by line and column; then nothing of the file is used.
    """
    lines = decode_file(raw).text.splitlines()
    if not lines:
        raise whole_file("is empty", f"Write a header: {','.join(COLUMNS)}")
    try:
        rows = list(csv.reader(lines, delimiter=delimiter_of(lines[0]), strict=True))
    except csv.Error:
        raise whole_file("has a quote that is not closed", "Close every quote") from None
    places = _places(rows[0])
    if len(rows) - 1 > TICK_COUNT_MAX:
        raise whole_file(f"has more than {TICK_COUNT_MAX} rows", "Cut it into several files")
    mistakes: list[Mistake] = []
    ticks = tuple(_ticks(rows, places, steps, mistakes))
    if mistakes:
        raise BatchFileInvalid(tuple(mistakes))
    return ticks


def example(steps: tuple[str, ...]) -> str:
    """What such a file looks like."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(("anna@example.org", step, "yes") for step in steps)
    return text.getvalue()


def _places(header: list[str]) -> dict[str, int]:
    known = {name.lower(): name for name in COLUMNS}
    places = {known.get(cell.strip().lower(), cell): at for at, cell in enumerate(header)}
    mistakes = [
        Mistake(1, at + 1, "", "is no column of this file", f"Known are: {', '.join(COLUMNS)}")
        for name, at in places.items()
        if name not in COLUMNS
    ]
    mistakes += [
        Mistake(1, 0, name, "is missing", "Add the column")
        for name in (ADDRESS, STEP)
        if name not in places
    ]
    if mistakes:
        raise BatchFileInvalid(tuple(mistakes))
    return places


def _ticks(
    rows: list[list[str]], places: dict[str, int], steps: tuple[str, ...], mistakes: list[Mistake]
) -> Iterator[Tick]:
    for line, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        cells = {name: row[at].strip() if at < len(row) else "" for name, at in places.items()}
        found = [*_wrong(line, places, cells, steps)]
        mistakes.extend(found)
        if not found:
            is_done = cells.get(DONE, "").lower() in YES
            yield Tick(normal_address(cells[ADDRESS]), cells[STEP], is_done)


def _wrong(
    line: int, places: dict[str, int], cells: dict[str, str], steps: tuple[str, ...]
) -> Iterator[Mistake]:
    problem = address_problem(normal_address(cells[ADDRESS]))
    if problem:
        yield Mistake(line, places[ADDRESS] + 1, ADDRESS, problem, "Write a mail address")
    if cells[STEP] not in steps:
        todo = f"The plan's steps are: {', '.join(steps)}"
        yield Mistake(line, places[STEP] + 1, STEP, "is no step of the plan", todo)
    if cells.get(DONE, "").lower() not in YES | NO:
        yield Mistake(line, places[DONE] + 1, DONE, "is neither yes nor no", "Write yes or no")
