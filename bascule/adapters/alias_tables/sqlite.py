"""The alias map in an SQLite file, a map type that Postfix knows by itself. Source: sqlite_table(5)."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bascule.adapters.alias_tables.switching import (
    LIKE_ESCAPE,
    LIKE_HOME_COUNT_MAX,
    ROWS_PER_ADDRESS_MAX,
    SOURCE_COUNT_MAX,
    bypasses_among,
    catch_all_of,
    check_changed,
    like_domain,
    like_home,
    quoted_names,
    route_from,
    row_to_change,
    sources_among,
)
from bascule.domain.addresses import normal_address
from bascule.domain.alias_grants import AliasPowers
from bascule.domain.codes import Code
from bascule.domain.errors import BasculeError, Refusal, Unreachable
from bascule.domain.plan import AliasMapPlan
from bascule.domain.routes import AliasRow, Route, RouteSwitch

# What passes by itself: somebody else writes, or the disk is full or away for a moment.
# Source: "Result and Error Codes", sqlite.org.
PASSING = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL}
)
PRIMARY_CODE_MASK = 0xFF


class SqliteAliasMap:
    """The alias map's contract on one file; every call opens and closes it."""

    def __init__(self, plan: AliasMapPlan) -> None:
        self._path = Path(plan.path)
        self._timeout_s = plan.timeout_s
        names = quoted_names(plan, '"')
        # The names are checked and quoted; addresses travel as parameters. SQLite's lower() knows ASCII only, as
        # Postfix's own folding does.
        self._select = (
            f"SELECT {names.source}, {names.destination} FROM {names.table} "  # noqa: S608
            f"WHERE lower({names.source}) IN (?, ?) LIMIT {ROWS_PER_ADDRESS_MAX + 1}"
        )
        # SQLite's LIKE takes capitals for small letters, ASCII only.
        self._select_like = (
            f"SELECT {names.source}, {names.destination} FROM {names.table} "  # noqa: S608
            f"WHERE {names.destination} LIKE ? ESCAPE '{LIKE_ESCAPE}' "
            f"OR {names.destination} LIKE ? ESCAPE '{LIKE_ESCAPE}' LIMIT {LIKE_HOME_COUNT_MAX + 1}"
        )
        self._select_sources = (
            f"SELECT {names.source} FROM {names.table} "  # noqa: S608
            f"WHERE {names.source} LIKE ? ESCAPE '{LIKE_ESCAPE}' LIMIT {SOURCE_COUNT_MAX + 1}"
        )
        self._update = (
            f"UPDATE {names.table} SET {names.destination} = ? "  # noqa: S608
            f"WHERE {names.source} = ? AND {names.destination} = ?"
        )

    def route(self, address: str) -> Route:
        """Every destination of the address, and of its domain's catch-all."""
        with self._opened() as connection:
            return route_from(address, self._rows(connection, address))

    def bypasses(self, address: str, home: str) -> tuple[AliasRow, ...]:
        """A read of the whole file."""
        with self._opened() as connection:
            found = connection.execute(self._select_like, like_home(home))
            rows = [AliasRow(*row) for row in found]
        return bypasses_among(rows, address, home)

    def sources(self, domain: str) -> frozenset[str]:
        """A read of the whole file, too."""
        with self._opened() as connection:
            found = connection.execute(self._select_sources, (like_domain(domain),))
            return sources_among([source for (source,) in found], domain)

    def powers(self) -> AliasPowers:
        """What the file's own rights say; SQLite has no accounts."""
        can_read = os.access(self._path, os.R_OK)
        return AliasPowers(can_read, can_read and os.access(self._path, os.W_OK))

    def switch(self, change: RouteSwitch) -> Route:
        """Replace `before` by `after` while the file is locked for writing."""
        with self._opened() as connection:
            # Locked before it is read: nobody can write between the look and the change.
            connection.execute("BEGIN IMMEDIATE")
            try:
                now = self._switched(connection, change)
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
            return now

    def _switched(self, connection: sqlite3.Connection, change: RouteSwitch) -> Route:
        rows = self._rows(connection, change.address)
        row = row_to_change(change, rows)
        if row is None:
            return route_from(change.address, rows)
        done = connection.execute(self._update, (change.after, row.source, row.destination))
        now = route_from(change.address, self._rows(connection, change.address))
        check_changed(change, done.rowcount, now)
        return now

    def _rows(self, connection: sqlite3.Connection, address: str) -> list[AliasRow]:
        keys = (normal_address(address), catch_all_of(address))
        return [AliasRow(*row) for row in connection.execute(self._select, keys)]

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            # `rw`: a path with a typing mistake must not become an empty map.
            connection = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=self._timeout_s,
                isolation_level=None,
            )
            try:
                yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise self._translated(error) from error

    def _translated(self, error: sqlite3.Error) -> BasculeError:
        code = getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE_MASK
        detail = f"alias map {self._path.name}: {error}"
        if code in PASSING:
            return Unreachable(detail)
        return Refusal(Code.ALIAS_MAP_REFUSED, detail)
