"""From text to records: fields, quotes and line ends as RFC 4180, and where each record begins.

A quote that is never closed swallows the rows behind it. Reading starts again at the line after it, so that one slip
does not hide the others.
"""

import csv
import io
from collections.abc import Generator, Iterator, Sequence

from bascule.domain.batch_mistakes import BatchFileInvalid, Mistake, whole_file

DELIMITERS = (",", ";")
# Exchange refuses more rows in one CSV (Microsoft Learn, CSV files for IMAP migration batches).
ROW_COUNT_MAX = 50_000
# Reading again after each unclosed quote may cost this many times the file, no more.
REREAD_FACTOR_MAX = 4

Record = tuple[int, list[str]]
"""The physical line on which a record begins, from 1, and its cells."""


def physical_lines(text: str) -> list[str]:
    """The lines of a text, ended by CRLF, LF or CR, with their ends."""
    return io.StringIO(text, newline="").readlines()


def read_records(lines: Sequence[str], delimiter: str, mistakes: list[Mistake]) -> Iterator[Record]:
    """Yield the records that can be read, blank lines as `[]`; append what cannot to `mistakes`.

    Raises:
        BatchFileInvalid: more broken rows than a file may have rows.
    """
    start, reread_max = 0, REREAD_FACTOR_MAX * len(lines)
    while start < len(lines):  # ends: each turn begins at a later line
        swallowed = yield from _until_swallowed(lines, start, delimiter, mistakes)
        if swallowed is None:
            return
        start, end = swallowed
        reread_max -= end - start
        if reread_max < 0:
            what = "has too many quotes that are not closed; the rest was not read"
            mistakes.append(Mistake(start, 0, "", what, "Close every quote"))
            return


def too_many_rows() -> BatchFileInvalid:
    """The one mistake of a file that is too long."""
    return whole_file(f"has more than {ROW_COUNT_MAX} rows", "Cut it into several batches")


def _until_swallowed(
    lines: Sequence[str], start: int, delimiter: str, mistakes: list[Mistake]
) -> Generator[Record, None, tuple[int, int] | None]:
    """Yield records from `start` on; return (line to go on from, line reached) after a broken one of several lines."""
    reader = csv.reader(
        (lines[at] for at in range(start, len(lines))), delimiter=delimiter, strict=True
    )
    before = start
    while True:  # ends: each turn takes at least one line
        try:
            cells = next(reader)
        except StopIteration:
            return None
        except csv.Error:
            mistakes.append(_broken(lines, before, delimiter))
            if len(mistakes) > ROW_COUNT_MAX:
                raise too_many_rows() from None
            if start + reader.line_num > before + 1:
                return before + 1, start + reader.line_num
        else:
            yield before + 1, cells
        before = start + reader.line_num


def _broken(lines: Sequence[str], before: int, delimiter: str) -> Mistake:
    if len(lines[before]) > csv.field_size_limit():
        what = f"has a field longer than {csv.field_size_limit()} characters"
        return Mistake(before + 1, 0, "", what, "Shorten it")
    column = _broken_column(lines[before], delimiter)
    what = "has a quote that is not closed, or something behind a closing quote"
    todo = 'Put the field in quotes and write each quote inside it twice: "a""b"'
    return Mistake(before + 1, column, "", what, todo)


def _broken_column(line: str, delimiter: str) -> int:
    """Number of the field whose quotes do not pair, as far as its first line shows."""
    column, at_start, quoted, closed = 1, True, False, False
    for mark in line.rstrip("\r\n"):
        if quoted:
            if mark == '"':
                quoted, closed = False, True
        elif closed and mark == '"':
            quoted, closed = True, False
        elif mark == delimiter:
            column, at_start, closed = column + 1, True, False
            continue
        elif closed:
            return column
        elif at_start and mark == '"':
            quoted = True
        at_start = False
    return column
