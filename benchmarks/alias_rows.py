"""How long the alias map takes to say which rows lead straight to a home, in a table of 50 000 rows.

    python benchmarks/alias_rows.py

On SQLite, and on MariaDB where it is installed, over loopback with one connection a look, as the app does it. A name
that is part of many others is the worst case: everything like it is looked through.
"""

import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bascule.adapters.alias_tables.mysql import MysqlAliasMap
from bascule.adapters.alias_tables.sqlite import SqliteAliasMap
from bascule.domain.plan import AliasMapPlan
from bascule.ports.alias_map import AliasMap
from sandbox.servers.machine import LOOPBACK, PROGRAM_PATH
from sandbox.servers.mariadb import DATABASE, PRODUCT_USER, TABLE, MariaDb

PERSON_COUNT = 45_000
LIST_COUNT = 5_000
MEMBERS_EACH = 10
# The best of so many: the others pay for what else the machine does.
REPEAT_COUNT = 20
ROWS_AT_ONCE = 1_000
NAMES = {"an ordinary name": "first.last777", "a name that is part of 15 000 others": "7"}

Rows = list[tuple[str, str]]


def sample() -> Rows:
    """A row for each person, lists of public addresses, and one row that leads straight home for each name."""
    people = [f"first.last{number}" for number in range(PERSON_COUNT)]
    rows = [(f"{name}@example.org", f"{name}@ca.example.org") for name in people]
    for number in range(LIST_COUNT):
        members = people[number : number + MEMBERS_EACH]
        rows.append((f"list{number}@example.org", ", ".join(f"{m}@example.org" for m in members)))
    return rows + [
        (f"second.{name}@example.org", f"{name}@ca.example.org") for name in NAMES.values()
    ]


@contextmanager
def in_sqlite(folder: Path, rows: Rows) -> Iterator[AliasMap]:
    """The map in a file."""
    path = folder / "aliases.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE virtual (source TEXT, destination TEXT)")
        connection.execute("CREATE INDEX by_source ON virtual (source)")
        connection.executemany("INSERT INTO virtual VALUES (?, ?)", rows)
    connection.close()
    yield SqliteAliasMap(AliasMapPlan("sqlite", path=str(path)))


@contextmanager
def in_mariadb(folder: Path, rows: Rows) -> Iterator[AliasMap]:
    """The map on a server of its own, with the table, the index and the grants of the manual."""
    server = MariaDb(folder / "mariadb")
    server.install()
    try:
        for begin in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[begin : begin + ROWS_AT_ONCE]
            places = ", ".join(["(%s, %s)"] * len(some))
            insert = f"INSERT INTO {DATABASE}.{TABLE} (source, destination) VALUES {places}"  # noqa: S608
            server.execute(insert, [[text for row in some for text in row]])
        plan = AliasMapPlan(
            "mysql", f"{DATABASE}.{TABLE}", host=LOOPBACK, port=server.port, user=PRODUCT_USER
        )
        yield MysqlAliasMap(plan, server.product_password)
    finally:
        server.stop()


def look_ms(alias_map: AliasMap, name: str) -> float:
    """Milliseconds of one look, the best of several. Raises ValueError when it does not find what is there."""
    times_s = []
    for _ in range(REPEAT_COUNT):
        begun_s = time.perf_counter()
        found = alias_map.bypasses(f"{name}@example.org", f"{name}@ca.example.org")
        times_s.append(time.perf_counter() - begun_s)
        if [row.source for row in found] != [f"second.{name}@example.org"]:
            raise ValueError(f"found {found}")
    return 1000 * min(times_s)


def main() -> None:
    """Print every measure."""
    drivers: dict[str, Callable[[Path, Rows], AbstractContextManager[AliasMap]]] = {
        "SQLite": in_sqlite
    }
    if shutil.which("mariadbd", path=PROGRAM_PATH):
        drivers["MariaDB"] = in_mariadb
    rows = sample()
    for driver, opened in drivers.items():
        with tempfile.TemporaryDirectory() as folder, opened(Path(folder), rows) as alias_map:
            for what, name in NAMES.items():
                print(f"{driver:8} {len(rows)} rows, {what}: {look_ms(alias_map, name):.0f} ms")


if __name__ == "__main__":
    main()
