"""The batch CSV: reading what an operator uploads, writing what Exchange wants.

bytes -> batch_encoding (text) -> batch_records (fields) -> batch_header (columns) -> batch_rows (rows) -> BatchFile
"""

import csv
import dataclasses
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from bascule.domain.batch_encoding import Decoded, decode_file
from bascule.domain.batch_header import (
    COLUMNS,
    SECRET_COLUMNS,
    Header,
    delimiter_of,
    read_header,
)
from bascule.domain.batch_mistakes import BatchFileInvalid, Mistake, whole_file
from bascule.domain.batch_passwords import guessable
from bascule.domain.batch_records import (
    ROW_COUNT_MAX,
    Record,
    physical_lines,
    read_records,
    too_many_rows,
)
from bascule.domain.batch_rows import BatchRow, RowReader
from bascule.domain.plan import Plan

# Address, user name, password: the first ones, and all that are needed.
EXCHANGE_COLUMN_COUNT = 3


@dataclass(frozen=True)
class BatchFile:
    """A batch file that can be used as it is."""

    rows: tuple[BatchRow, ...]
    columns: tuple[str, ...]
    """Column names as Exchange and we spell them, in the order of the file."""
    encoding: str
    """`utf-8`, `utf-8-sig`, `utf-16-le`, `utf-16-be` or `windows-1252`."""
    delimiter: str
    warnings: tuple[Mistake, ...] = field(default=())
    """What was accepted and should be looked at, sorted by place."""

    @property
    def has_passwords(self) -> bool:
        """Whether any row brings a password for the source."""
        return any(row.password for row in self.rows)


def read_batch_file(raw: bytes, plan: Plan) -> BatchFile:
    """The batch that an uploaded file describes, checked whole against the plan.

    At most 10 MB and 50 000 rows. Comma or semicolon, quotes as RFC 4180, any line end, blank rows ignored.

    Raises:
        BatchFileInvalid: with every mistake, sorted by line and column; no message repeats a cell.
    """
    decoded = decode_file(raw)
    lines = physical_lines(decoded.text)
    delimiter = delimiter_of(next((line for line in lines if line.strip()), ""))
    mistakes, warnings = list[Mistake](), list(decoded.warnings)
    records = _without_blank_rows(read_records(lines, delimiter, mistakes), warnings)
    header = _header_of(next(records, None), plan, mistakes, warnings)
    rows = _read_rows(records, RowReader(header, plan), mistakes, warnings)
    if mistakes:
        raise BatchFileInvalid(tuple(sorted(_named(mistake, header) for mistake in mistakes)))
    warnings.extend(guessable(rows, plan.cohorts, header.places.get("NewPassword", -1) + 1))
    return _batch_file(decoded, delimiter, header, rows, warnings)


def exchange_csv(rows: Iterable[tuple[str, str, str]]) -> bytes:
    """The CSV of a migration batch exactly as Exchange takes it.

    `rows` are (address, user name, password). Every field is quoted, because passwords hold separators; UTF-8 without
    byte order mark; CRLF.
    Source: Microsoft Learn, CSV files for IMAP migration batches; RFC 4180.
    """
    written = io.StringIO(newline="")
    written.write(",".join(COLUMNS[:EXCHANGE_COLUMN_COUNT]) + "\r\n")
    writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows(rows)
    return written.getvalue().encode()


def sanitised_csv(batch: BatchFile) -> bytes:
    """The uploaded file without its passwords: same columns and rows otherwise; UTF-8, commas, CRLF."""
    columns = [name for name in batch.columns if name not in SECRET_COLUMNS]
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(columns)
    for row in batch.rows:
        cell = _cells_without_secrets(row)
        writer.writerow([cell[name] for name in columns])
    return written.getvalue().encode()


def _without_blank_rows(records: Iterator[Record], warnings: list[Mistake]) -> Iterator[Record]:
    """Rows of empty cells end many spreadsheets; between others they are worth a look."""
    blank_line = 0  # the first of those that stand together: a file may hold millions
    for line, cells in records:
        if not "".join(cells).strip():
            blank_line = blank_line or line
            continue
        if blank_line:
            what = "is a blank row, which was ignored"
            warnings.append(Mistake(blank_line, 0, "", what, "Check that nothing is missing"))
            blank_line = 0
        yield line, cells


def _header_of(
    first: Record | None, plan: Plan, mistakes: list[Mistake], warnings: list[Mistake]
) -> Header:
    """The header, or nothing to read rows by: then its mistakes are all there is to say."""
    if mistakes:  # a header that breaks in its quotes: the first record is no header then
        raise BatchFileInvalid(tuple(mistakes))
    if first is None:
        raise whole_file("is empty", "Send a header and at least one row")
    password_needed = not plan.source.master_user
    header = read_header(
        *first, password_needed=password_needed, mistakes=mistakes, warnings=warnings
    )
    if header is None:
        raise BatchFileInvalid(tuple(mistakes))
    return header


def _named(mistake: Mistake, header: Header) -> Mistake:
    """The mistake with its column's name, where it was found before columns had names."""
    if mistake.column_name or not mistake.column:
        return mistake
    names = {at + 1: name for name, at in header.places.items()}
    return dataclasses.replace(mistake, column_name=names.get(mistake.column, ""))


def _read_rows(
    records: Iterator[Record], reader: RowReader, mistakes: list[Mistake], warnings: list[Mistake]
) -> list[BatchRow]:
    rows: list[BatchRow] = []
    row_count = 0
    for line, cells in records:
        row_count += 1
        if row_count > ROW_COUNT_MAX:
            raise too_many_rows()
        row = reader.read(line, cells)
        if row:
            rows.append(row)
    reader.warn_of_strangers(rows)
    mistakes.extend(reader.mistakes)
    warnings.extend(reader.warnings)
    if not row_count and not mistakes:
        raise whole_file("has a header and no rows", "Add a row for each mailbox")
    return rows


def _batch_file(
    decoded: Decoded, delimiter: str, header: Header, rows: list[BatchRow], warnings: list[Mistake]
) -> BatchFile:
    columns = tuple(header.places)
    return BatchFile(tuple(rows), columns, decoded.encoding, delimiter, tuple(sorted(warnings)))


def _cells_without_secrets(row: BatchRow) -> dict[str, str]:
    return {
        "EmailAddress": row.address_as_written,
        "UserName": row.user_name,
        "UserRoot": "",
        "DisplayName": row.display_name,
        "Cohort": row.cohort,
        "CutoverAtUtc": _instant_text(row.cutover_at_utc),
        "UsageLocation": row.usage_location,
        "Unit": row.unit,
    }


def _instant_text(instant: datetime | None) -> str:
    return instant.isoformat().replace("+00:00", "Z") if instant else ""


__all__ = [
    "BatchFile",
    "BatchFileInvalid",
    "BatchRow",
    "Mistake",
    "exchange_csv",
    "read_batch_file",
    "sanitised_csv",
]
