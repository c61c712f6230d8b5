"""MariaDB with the alias table that Postfix reads and the product may change.

The names are those of the procedure that the product automates: `mail.auforg_virtual`, `source`, `destination`.
"""

import secrets
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from sandbox.rig.azurite import free_ports, wait_for_port
from sandbox.servers.machine import LOOPBACK, SERVER_PATIENCE_S, run, serve

DATABASE, TABLE = "mail", "auforg_virtual"
PRODUCT_USER, POSTFIX_USER = "bascule", "postfix"
SECRET_BYTES = 18

# The index is what keeps a lookup by Postfix, and a change by the product, to one row and one lock.
CREATE_TABLE = f"""CREATE TABLE {DATABASE}.{TABLE} (
  id INT AUTO_INCREMENT PRIMARY KEY,
  source VARCHAR(255) NOT NULL,
  destination TEXT NOT NULL,
  KEY by_source (source)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"""
GRANTS = (
    f"GRANT SELECT, UPDATE ON {DATABASE}.{TABLE} TO {PRODUCT_USER}@'{LOOPBACK}'",
    f"GRANT SELECT ON {DATABASE}.{TABLE} TO {POSTFIX_USER}@'{LOOPBACK}'",
)


class MariaDb:
    """One server with its files in a private folder."""

    def __init__(self, folder: Path, options: str = "") -> None:
        """`folder` is made; it must not exist. `options`: the text of an option file of its own."""
        folder.mkdir(mode=0o700)
        self._folder = folder
        self._options = folder / "my.cnf"
        self._options.write_text(options, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None
        self._is_open = False
        (self.port,) = free_ports(1)
        self.product_password = secrets.token_urlsafe(SECRET_BYTES)
        self.postfix_password = secrets.token_urlsafe(SECRET_BYTES)

    def install(self) -> None:
        """Make the files, start, and make the table and the two users."""
        install = ["mariadb-install-db", f"--datadir={self._folder}/db", "--user=root"]
        # Forced: a machine that cannot resolve its own name is good enough for loopback.
        run([*install, "--auth-root-authentication-method=normal", "--skip-test-db", "--force"])
        self.start()
        self.execute(f"CREATE DATABASE {DATABASE}")
        self.execute(CREATE_TABLE)
        for user, password in (
            (PRODUCT_USER, self.product_password),
            (POSTFIX_USER, self.postfix_password),
        ):
            self.execute(f"CREATE USER {user}@'{LOOPBACK}' IDENTIFIED BY %s", [(password,)])
        for grant in GRANTS:
            self.execute(grant)

    def start(self) -> None:
        """Serve on loopback; returns when it answers."""
        command = ["mariadbd", f"--defaults-file={self._options}", "--user=root"]
        command += [f"--datadir={self._folder}/db", f"--socket={self._folder}/db.sock"]
        command += [f"--port={self.port}", f"--bind-address={LOOPBACK}", "--skip-name-resolve"]
        # Durability against power cuts is not what is rehearsed, and costs a disk's patience for every commit.
        command += ["--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=32M"]
        self._process = serve(command, self._folder / "server.log")
        wait_for_port(self.port)
        self._is_open = True

    def stop(self) -> None:
        """Shut down in order; nothing when it does not run."""
        self._is_open = False
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(SERVER_PATIENCE_S)

    def execute(
        self, statement: str, rows: Iterable[Sequence[object]] = ((),)
    ) -> list[tuple[Any, ...]]:
        """Run a statement as the administrator, once per row, in one transaction; the last one's answer.

        Raises ConnectionError when nobody answers.
        """
        return self.execute_together([(statement, row) for row in rows])

    def execute_together(
        self, statements: Iterable[tuple[str, Sequence[object]]]
    ) -> list[tuple[Any, ...]]:
        """Run statements in one transaction; the last one's answer. Raises ConnectionError when nobody answers."""
        connection = self._connected()
        try:
            with connection.cursor() as cursor:
                for statement, values in statements:
                    cursor.execute(statement, tuple(values) or None)
                answer = list(cursor.fetchall())
            connection.commit()
            return answer
        finally:
            connection.close()

    def _connected(self) -> "Connection[Cursor]":
        # Asked before, because a refused connection leaves an open socket behind in the library.
        if not self._is_open:
            raise ConnectionError("MariaDB is stopped")
        try:
            return pymysql.connect(
                unix_socket=f"{self._folder}/db.sock", user="root", charset="utf8mb4"
            )
        except pymysql.err.OperationalError as away:
            raise ConnectionError(f"MariaDB does not answer: {away.args[0]}") from away


class MariaDbAliases:
    """The alias rows as the simulated world knows them, read and edited as an administrator does."""

    def __init__(self, server: MariaDb) -> None:
        self._server = server

    def rows_of(self, source: str) -> list[str]:
        """Every destination of one source, in the order they were written."""
        query = f"SELECT destination FROM {DATABASE}.{TABLE} WHERE source = %s ORDER BY id"  # noqa: S608
        return [str(row[0]) for row in self._server.execute(query, [(source,)])]

    def all_rows(self) -> list[tuple[str, str]]:
        """Every (source, destination), sorted."""
        query = f"SELECT source, destination FROM {DATABASE}.{TABLE}"  # noqa: S608
        return sorted((str(source), str(to)) for source, to in self._server.execute(query))

    def replace(self, source: str, before: str, after: str) -> int:
        """Set the destination of the rows that are exactly (source, before); how many were changed."""
        changed = sum(each == before for each in self.rows_of(source))
        update = (
            f"UPDATE {DATABASE}.{TABLE} SET destination = %s WHERE source = %s AND destination = %s"  # noqa: S608
        )
        self._server.execute(update, [(after, source, before)])
        return changed

    def edit_by_hand(self, source: str, destinations: list[str]) -> None:
        """Put these rows in place of all rows of the source, with no moment in between at which it has none."""
        delete = f"DELETE FROM {DATABASE}.{TABLE} WHERE source = %s"  # noqa: S608
        insert = f"INSERT INTO {DATABASE}.{TABLE} (source, destination) VALUES (%s, %s)"  # noqa: S608
        self._server.execute_together(
            [(delete, (source,)), *((insert, (source, each)) for each in destinations)]
        )
