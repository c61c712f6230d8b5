"""The alias map in MySQL or MariaDB. Source: mysql_table(5); InnoDB locking reads, MySQL Reference Manual."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pymysql
from pymysql.constants import CLIENT, CR, ER

from bascule.adapters.alias_tables.switching import (
    LIKE_ESCAPE,
    LIKE_HOME_COUNT_MAX,
    ROWS_PER_ADDRESS_MAX,
    SOURCE_COUNT_MAX,
    Names,
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
from bascule.domain.alias_grants import AliasPowers, read_grants
from bascule.domain.codes import Code
from bascule.domain.errors import BasculeError, Refusal, Unreachable, Untrusted
from bascule.domain.plan import AliasMapPlan
from bascule.domain.routes import AliasRow, Route, RouteSwitch

if TYPE_CHECKING:
    from pymysql.connections import Connection  # generic in its type stubs only

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})

# What passes by itself. Everything else a server says is about its account, its table or our statement.
# Source: "Server Error Message Reference" and "Client Error Message Reference", MySQL.
PASSING = frozenset(
    {
        ER.LOCK_WAIT_TIMEOUT,
        ER.LOCK_DEADLOCK,
        ER.CON_COUNT_ERROR,
        ER.TOO_MANY_USER_CONNECTIONS,
        ER.SERVER_SHUTDOWN,
        ER.NEW_ABORTING_CONNECTION,
        ER.ABORTING_CONNECTION,
        CR.CR_CONN_HOST_ERROR,
        CR.CR_CONNECTION_ERROR,
        CR.CR_SERVER_GONE_ERROR,
        CR.CR_SERVER_LOST,
        CR.CR_SERVER_LOST_EXTENDED,
    }
)


class MysqlAliasMap:
    """The alias map's contract on a MySQL or MariaDB server; every call has a connection of its own.

    The table should be InnoDB's: on MyISAM the change itself is as safe, but one that reads back otherwise can only be
    refused, not taken back.
    """

    def __init__(self, plan: AliasMapPlan, password: str) -> None:
        self._plan = plan
        # As the server's own tools send it. The driver would write Latin-1: another password, or an error that quotes it.
        self._password = password.encode("utf-8", "surrogateescape")
        names = quoted_names(plan, "`")
        # The names are checked and quoted; addresses travel as parameters, in lower case as Postfix asks. Whether rows
        # in capitals match is the column's collation's to say, for us as for Postfix; a function around the column
        # would keep MySQL from using its index, and lock the whole table.
        rows_of = (
            f"SELECT {names.source}, {names.destination} FROM {names.table} WHERE {names.source}"  # noqa: S608
        )
        self._select = f"{rows_of} IN (%s, %s) LIMIT {ROWS_PER_ADDRESS_MAX + 1}"
        # Without the catch-all's row: locked too, it would make every switch of the domain wait for every other.
        self._select_for_update = f"{rows_of} = %s LIMIT {ROWS_PER_ADDRESS_MAX + 1} FOR UPDATE"
        self._select_like = _select_like(names)
        self._select_sources = (
            f"SELECT {names.source}, '' FROM {names.table} "  # noqa: S608
            f"WHERE {_without_case(names.source)} LIKE %s ESCAPE '{LIKE_ESCAPE}' "
            f"LIMIT {SOURCE_COUNT_MAX + 1}"
        )
        self._update = (
            f"UPDATE {names.table} SET {names.destination} = %s "  # noqa: S608
            f"WHERE {names.source} = %s AND {names.destination} = %s"
        )

    def route(self, address: str) -> Route:
        """Every destination of the address, and of its domain's catch-all."""
        with self._connected() as connection:
            return self._route(connection, address)

    def bypasses(self, address: str, home: str) -> tuple[AliasRow, ...]:
        """A plain read of every row; InnoDB shows it one moment of the table and locks nothing."""
        with self._connected() as connection:
            rows = self._rows(connection, self._select_like, *like_home(home))
        return bypasses_among(rows, address, home)

    def sources(self, domain: str) -> frozenset[str]:
        """A plain read of every row, too."""
        with self._connected() as connection:
            rows = self._rows(connection, self._select_sources, like_domain(domain))
        return sources_among([row.source for row in rows], domain)

    def powers(self) -> AliasPowers:
        """SHOW GRANTS."""
        with self._connected() as connection, connection.cursor() as cursor:
            cursor.execute("SHOW GRANTS")
            lines = [str(line) for (line,) in cursor.fetchall()]
        return read_grants(lines, self._plan.database, self._plan.table)

    def switch(self, change: RouteSwitch) -> Route:
        """Replace `before` by `after` while the address's rows are locked."""
        with self._connected() as connection:
            connection.begin()
            now = self._switched(connection, change)
            connection.commit()
            return now

    def _switched(self, connection: "Connection[Any]", change: RouteSwitch) -> Route:
        # A refusal leaves the transaction open on purpose: closing the connection rolls it back, on the server's side.
        locked = self._rows(connection, self._select_for_update, normal_address(change.address))
        row = row_to_change(change, locked)
        if row is None:
            return self._route(connection, change.address)
        with connection.cursor() as cursor:
            changed = cursor.execute(self._update, (change.after, row.source, row.destination))
        now = self._route(connection, change.address)
        check_changed(change, changed, now)
        return now

    def _route(self, connection: "Connection[Any]", address: str) -> Route:
        keys = (normal_address(address), catch_all_of(address))
        return route_from(address, self._rows(connection, self._select, *keys))

    def _rows(self, connection: "Connection[Any]", statement: str, *keys: str) -> list[AliasRow]:
        with connection.cursor() as cursor:
            cursor.execute(statement, keys)
            return [AliasRow(_text(source), _text(to)) for source, to in cursor.fetchall()]

    @contextmanager
    def _connected(self) -> Iterator["Connection[Any]"]:
        try:
            connection = pymysql.connect(**self._options())
            try:
                yield connection
            finally:
                connection.close()
        except pymysql.MySQLError as error:
            raise self._translated(error) from error

    def _options(self) -> dict[str, Any]:
        plan = self._plan
        return {
            "host": plan.host,
            "port": plan.port,
            "user": plan.user,
            "password": self._password,
            "database": plan.database or None,
            "connect_timeout": plan.timeout_s,
            "read_timeout": plan.timeout_s,
            "write_timeout": plan.timeout_s,
            "charset": "utf8mb4",
            "autocommit": False,
            # Rows matched, not rows that became different: a change in letter case alone is a change too.
            "client_flag": CLIENT.FOUND_ROWS,
            # Half of the read timeout, so that the server's own answer comes before we hang up.
            "init_command": f"SET SESSION innodb_lock_wait_timeout = {max(1, plan.timeout_s // 2)}",
            "ssl": _tls(plan),
        }

    def _translated(self, error: pymysql.MySQLError) -> BasculeError:
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        where = f"alias map at {self._plan.host}"
        distrust = _distrust(error)
        if distrust is not None:
            return Untrusted(
                f"{where}: the certificate does not verify ({distrust.verify_message})"
            )
        if number in PASSING or isinstance(error, pymysql.InterfaceError):
            return Unreachable(f"{where}: no answer (error {number})")
        # The server's sentence names account, table or column, never the password.
        said = error.args[1] if len(error.args) > 1 else type(error).__name__
        return Refusal(Code.ALIAS_MAP_REFUSED, f"{where}: error {number}, {said}")


def _distrust(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """The certificate behind an error that the driver words as a connection that failed."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error


def _tls(plan: AliasMapPlan) -> ssl.SSLContext | None:
    if plan.host in LOOPBACK_HOSTS and not plan.ca_file:
        return None
    return ssl.create_default_context(cafile=plan.ca_file or None)


def _select_like(names: Names) -> str:
    text = _without_case(names.destination)
    return (
        f"SELECT {names.source}, {names.destination} FROM {names.table} "  # noqa: S608  names are checked and quoted
        f"WHERE {text} LIKE %s ESCAPE '{LIKE_ESCAPE}' OR {text} LIKE %s ESCAPE '{LIKE_ESCAPE}' "
        f"LIMIT {LIKE_HOME_COUNT_MAX + 1}"
    )


def _without_case(column: str) -> str:
    # A collation of our own, because that of a column of bytes, or a binary one, knows no capitals. No index is lost by
    # it: none can find what stands in the middle of a row, or at its end.
    return f"CONVERT({column} USING utf8mb4) COLLATE utf8mb4_general_ci"


def _text(value: str | bytes) -> str:
    # Some installations declare the columns VARBINARY, so that addresses compare byte by byte.
    # What is no UTF-8 there is no address either, and must not hide the ones beside it.
    return value.decode(errors="replace") if isinstance(value, bytes) else value
