"""Reading the rows of a batch by the migration service's own rules.

Source: Microsoft Learn, "CSV files for IMAP migration batches"; "New-MigrationBatch", -AllowUnknownColumnsInCsv.
"""

import csv
import io
from dataclasses import dataclass

from sandbox.world.exchange_refusals import CsvRefused
from sandbox.world.migration_states import SourceLogin

ROW_COUNT_MAX = 50_000
SIZE_MAX_BYTES = 10 * 1024 * 1024
REQUIRED_COLUMNS = ("EmailAddress", "UserName", "Password")
OPTIONAL_COLUMNS = ("UserRoot",)


@dataclass(frozen=True)
class MigrationRow:
    """One row: whose mailbox, and how to sign in to the source."""

    address: str
    login: SourceLogin


def read_rows(data: bytes, *, allow_unknown_columns: bool = False) -> list[MigrationRow]:
    """The rows of a batch's CSV.

    Raises:
        CsvRefused: too large, not UTF-8, a wrong header, uneven rows, an address twice, an empty value.
    """
    if not data:
        raise CsvRefused("The CSV file is empty.")
    if len(data) > SIZE_MAX_BYTES:
        raise CsvRefused("The CSV file is larger than the maximum size allowed, 10 MB.")
    lines = list(csv.reader(io.StringIO(_decoded(data), newline=""), strict=False))
    lines = [line for line in lines if line]
    header = _checked_header(lines[0], allow_unknown_columns=allow_unknown_columns)
    if len(lines) - 1 > ROW_COUNT_MAX:
        raise CsvRefused(f"The CSV file contains more than {ROW_COUNT_MAX} rows.")
    rows = [_row(header, number, line) for number, line in enumerate(lines[1:], start=1)]
    if not rows:
        raise CsvRefused("The CSV file doesn't contain any rows.")
    _refuse_repeats(rows)
    return rows


def _decoded(data: bytes) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as garbled:
        raise CsvRefused("The CSV file isn't in a Unicode encoding. Save it as UTF-8.") from garbled


def _checked_header(names: list[str], *, allow_unknown_columns: bool) -> list[str]:
    known = {name.lower(): name for name in REQUIRED_COLUMNS + OPTIONAL_COLUMNS}
    header = [known.get(name.lower(), name) for name in names]
    missing = [name for name in REQUIRED_COLUMNS if name not in header]
    if missing:
        raise CsvRefused(f"The CSV file is missing required columns: {', '.join(missing)}.")
    unknown = [name for name in header if name not in known.values()]
    if unknown and not allow_unknown_columns:
        raise CsvRefused(f"The CSV file contains unknown columns: {', '.join(unknown)}.")
    if len(set(header)) != len(header):
        raise CsvRefused("The CSV file contains a column more than once.")
    return header


def _row(header: list[str], number: int, values: list[str]) -> MigrationRow:
    if len(values) != len(header):
        raise CsvRefused(
            f"Row {number} of the CSV file has {len(values)} columns; {len(header)} were expected."
        )
    cells = dict(zip(header, values, strict=True))
    for name in REQUIRED_COLUMNS:
        if not cells[name].strip():
            raise CsvRefused(f"Row {number} of the CSV file has no value for {name}.")
    login = SourceLogin(cells["UserName"], cells["Password"], cells.get("UserRoot", ""))
    return MigrationRow(cells["EmailAddress"].strip().lower(), login)


def _refuse_repeats(rows: list[MigrationRow]) -> None:
    met: set[str] = set()
    for row in rows:
        if row.address in met:
            raise CsvRefused(f"The CSV file contains a duplicate entry: {row.address}.")
        met.add(row.address)
