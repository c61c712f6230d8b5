"""The alias table that Postfix reads and the product writes: in memory, or one SQLite file both share.

The shape is the usual `virtual` table of a Postfix with an SQL map: one row for each pair of source and destination,
several rows for one source when a copy is kept. Source: Postfix virtual(5), sqlite_table(5).
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# A writer holds the file for microseconds; a reader that waits longer than this has met a stuck process.
BUSY_TIMEOUT_S = 10.0

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")


class AliasRows(Protocol):
    """The rows of the alias table, whoever else writes them."""

    def rows_of(self, source: str) -> list[str]:
        """Every destination of one source, in the order they were written; upper and lower case alike."""
        ...

    def all_rows(self) -> list[tuple[str, str]]:
        """Every (source, destination), sorted."""
        ...

    def replace(self, source: str, before: str, after: str) -> int:
        """Set the destination of the rows that are exactly (source, before); how many were changed."""
        ...

    def edit_by_hand(self, source: str, destinations: list[str]) -> None:
        """Put these rows in place of all rows of the source, as a person at the database would."""
        ...


class MemoryAliases:
    """Alias rows that live and die with the world."""

    def __init__(self) -> None:
        # By source in lower case: a simulation asks for ten thousand addresses, again and again.
        self._rows: dict[str, list[tuple[str, str]]] = {}

    def rows_of(self, source: str) -> list[str]:
        """Every destination of one source."""
        return [destination for _, destination in self._rows.get(source.lower(), [])]

    def all_rows(self) -> list[tuple[str, str]]:
        """Every (source, destination), sorted."""
        return sorted(row for rows in self._rows.values() for row in rows)

    def replace(self, source: str, before: str, after: str) -> int:
        """Change the rows that match whole."""
        rows = self._rows.get(source.lower(), [])
        hits = [index for index, row in enumerate(rows) if row[1].lower() == before.lower()]
        for index in hits:
            rows[index] = (rows[index][0], after)
        return len(hits)

    def edit_by_hand(self, source: str, destinations: list[str]) -> None:
        """Put these rows in place of all rows of the source."""
        self._rows[source.lower()] = [(source, destination) for destination in destinations]


@dataclass(frozen=True)
class AliasTable:
    """The table's place and the names it goes by."""

    path: Path
    table: str = "virtual"
    source_column: str = "source"
    destination_column: str = "destination"

    def __post_init__(self) -> None:
        for name in (self.table, self.source_column, self.destination_column):
            if not _NAME.match(name):
                raise ValueError(f"not a table or column name: {name!r}")


class FileAliases:
    """Alias rows in an SQLite file; each call opens, reads or writes, and closes.

    No write-ahead log: the file must be whole for every process that opens it, Postfix's included.
    """

    def __init__(self, table: AliasTable) -> None:
        self.table = table
        self._names = (
            f'"{table.table}"',
            f'"{table.source_column}"',
            f'"{table.destination_column}"',
        )
        rows, source, destination = self._names
        with self._connection() as connection:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {rows} (id INTEGER PRIMARY KEY,"
                f" {source} TEXT NOT NULL COLLATE NOCASE, {destination} TEXT NOT NULL COLLATE NOCASE)"
            )
            connection.execute(
                f'CREATE INDEX IF NOT EXISTS "{table.table}_by_source" ON {rows} ({source})'
            )

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.table.path, timeout=BUSY_TIMEOUT_S)
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def rows_of(self, source: str) -> list[str]:
        """Every destination of one source."""
        rows, at, destination = self._names
        query = f"SELECT {destination} FROM {rows} WHERE {at} = ? ORDER BY id"  # noqa: S608 - names are checked
        with self._connection() as connection:
            return [row[0] for row in connection.execute(query, (source,))]

    def all_rows(self) -> list[tuple[str, str]]:
        """Every (source, destination), sorted."""
        rows, source, destination = self._names
        query = f"SELECT {source}, {destination} FROM {rows}"  # noqa: S608 - names are checked
        with self._connection() as connection:
            return sorted((row[0], row[1]) for row in connection.execute(query))

    def replace(self, source: str, before: str, after: str) -> int:
        """Change the rows that match whole."""
        rows, at, destination = self._names
        query = f"UPDATE {rows} SET {destination} = ? WHERE {at} = ? AND {destination} = ?"  # noqa: S608 - names are checked
        with self._connection() as connection:
            return connection.execute(query, (after, source, before)).rowcount

    def edit_by_hand(self, source: str, destinations: list[str]) -> None:
        """Put these rows in place of all rows of the source."""
        rows, at, destination = self._names
        delete = f"DELETE FROM {rows} WHERE {at} = ?"  # noqa: S608 - names are checked
        insert = f"INSERT INTO {rows} ({at}, {destination}) VALUES (?, ?)"  # noqa: S608 - names are checked
        with self._connection() as connection:
            connection.execute(delete, (source,))
            connection.executemany(insert, [(source, held) for held in destinations])
