"""Alias tables to run the contract on: SQLite always, MariaDB where it is installed."""

import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pymysql

from bascule.adapters.alias_tables.mysql import MysqlAliasMap
from bascule.adapters.alias_tables.sqlite import SqliteAliasMap
from bascule.domain.plan import AliasMapPlan
from bascule.ports.alias_map import AliasMap
from sandbox.bound.alias_map import WorldAliasMap
from sandbox.world.world import World

Rows = list[tuple[str, str]]
MARIADB_PARTS = ("mariadbd", "mariadb-install-db")
PASSWORD = "alias-Pa55word"
INSTALL_PATIENCE_S = 60
STOP_PATIENCE_S = 30


@dataclass(frozen=True)
class AliasTable:
    """A real alias table: the adapter under test, and the rows as a person at the database sees them."""

    plan: AliasMapPlan
    map: AliasMap
    write: Callable[[Rows], None]
    read: Callable[[], Rows]


def sqlite_table(path: Path) -> AliasTable:
    """An alias table in a new SQLite file."""
    with _committed(path) as connection:
        connection.execute("CREATE TABLE virtual (source TEXT NOT NULL, destination TEXT NOT NULL)")

    def write(rows: Rows) -> None:
        with _committed(path) as connection:
            connection.executemany("INSERT INTO virtual VALUES (?, ?)", rows)

    def read() -> Rows:
        with _committed(path) as connection:
            return sorted(connection.execute("SELECT source, destination FROM virtual"))

    plan = AliasMapPlan("sqlite", path=str(path), timeout_s=1)
    return AliasTable(plan, SqliteAliasMap(plan), write, read)


def world_table() -> AliasTable:
    """The alias rows of a simulated world, as simulation binds them."""
    world = World(seed=1, clock=lambda: datetime(2026, 11, 22, tzinfo=UTC))

    def write(rows: Rows) -> None:
        for source in sorted({source for source, _ in rows}):
            world.aliases.edit_by_hand(source, [to for held, to in rows if held == source])

    return AliasTable(AliasMapPlan("sqlite"), WorldAliasMap(world), write, world.aliases.all_rows)


@contextmanager
def _committed(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


@dataclass(frozen=True)
class MariaDb:
    """A running server that belongs to the tests."""

    port: int
    socket: Path

    def run(self, statement: str, rows: Iterable[tuple[Any, ...]] = ((),)) -> list[tuple[Any, ...]]:
        """Run a statement as the administrator, once per row; the last one's answer."""
        connection = pymysql.connect(unix_socket=str(self.socket), user="root", autocommit=True)
        try:
            with connection.cursor() as cursor:
                for row in rows:
                    cursor.execute(statement, row or None)
                return list(cursor.fetchall())
        finally:
            connection.close()


def is_mariadb_installed() -> bool:
    """Whether the contract can be run on MariaDB here."""
    return all(shutil.which(part, path="/usr/sbin:/usr/bin") for part in MARIADB_PARTS)


@contextmanager
def mariadb(
    folder: Path, port: int, wait_for_port: Callable[[int], None], *options: str
) -> Iterator[MariaDb]:
    """A server on loopback with its files in `folder`; up in about four seconds."""
    silent = subprocess.DEVNULL
    install = ["mariadb-install-db", f"--datadir={folder}/db", "--user=root"]
    # Forced: a machine that cannot resolve its own name is good enough for loopback.
    install += ["--auth-root-authentication-method=normal", "--skip-test-db", "--force"]
    subprocess.run(install, check=True, stdout=silent, stderr=silent, timeout=INSTALL_PATIENCE_S)
    serve = ["/usr/sbin/mariadbd", "--no-defaults", "--user=root", f"--datadir={folder}/db"]
    serve += [f"--socket={folder}/db.sock", f"--port={port}", "--bind-address=127.0.0.1", *options]
    process = subprocess.Popen(serve, stdout=silent, stderr=silent)
    try:
        wait_for_port(port)
        server = MariaDb(port, folder / "db.sock")
        server.run("CREATE DATABASE mail")
        server.run(f"CREATE USER bascule@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
        server.run("GRANT SELECT, UPDATE ON mail.* TO bascule@'127.0.0.1'")
        yield server
    finally:
        process.terminate()
        process.wait(STOP_PATIENCE_S)


def mysql_table(server: MariaDb) -> AliasTable:
    """A new alias table on the server, as `mysql_table(5)` suggests it."""
    server.run("DROP TABLE IF EXISTS mail.virtual")
    server.run(
        "CREATE TABLE mail.virtual (id INT AUTO_INCREMENT PRIMARY KEY, source VARCHAR(255) NOT NULL,"
        " destination TEXT NOT NULL, KEY (source)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
    )
    plan = AliasMapPlan(
        "mysql", host="127.0.0.1", port=server.port, database="mail", user="bascule", timeout_s=2
    )

    def write(rows: Rows) -> None:
        server.run("INSERT INTO mail.virtual (source, destination) VALUES (%s, %s)", rows)

    def read() -> Rows:
        found = server.run("SELECT source, destination FROM mail.virtual")
        return sorted((str(source), str(destination)) for source, destination in found)

    return AliasTable(plan, MysqlAliasMap(plan, PASSWORD), write, read)


def with_plan(of: AliasTable, **changes: Any) -> AliasMapPlan:
    """The table's plan with something else in it."""
    return replace(of.plan, **changes)
