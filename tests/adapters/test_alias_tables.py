"""What the two databases do beyond the contract: refusals, locks, names."""

import re
import sqlite3
import ssl
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest

from bascule.adapters.alias_tables import switching
from bascule.adapters.alias_tables.mysql import MysqlAliasMap
from bascule.adapters.alias_tables.sqlite import SqliteAliasMap
from bascule.domain.codes import Code
from bascule.domain.errors import BasculeError, Refusal, Unreachable, Untrusted
from bascule.domain.plan import AliasMapPlan
from bascule.domain.routes import RouteSwitch
from sandbox.faces.private_ca import server_pem
from sandbox.local_host.clock import real_now_utc
from sandbox.rig.azurite import free_ports, wait_for_port
from tests.contracts.alias_maps import (
    PASSWORD,
    MariaDb,
    is_mariadb_installed,
    mariadb,
    mysql_table,
    sqlite_table,
    with_plan,
)

ANNA, HOME, CLOUD = "anna@example.org", "anna@ca.example.org", "anna@contoso.onmicrosoft.com"
TO_CLOUD = RouteSwitch(ANNA, HOME, CLOUD)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    """A MariaDB server for this module."""
    if not is_mariadb_installed():
        pytest.skip("MariaDB is not installed")
    (port,) = free_ports(1)
    with mariadb(tmp_path_factory.mktemp("mariadb"), port, wait_for_port) as server:
        yield server


@pytest.mark.parametrize(
    "name", ["virtual; DROP TABLE x", 'a"b', "", "1st", "a.b.c", "é", "x" * 65]
)
@pytest.mark.parametrize("field", ["table", "source_column", "destination_column"])
def test_a_name_that_is_no_name_never_reaches_a_database(field: str, name: str) -> None:
    """The plan file could run any statement on the mail server's database."""
    plan = AliasMapPlan(**{"driver": "mysql", "host": "127.0.0.1", field: name})  # type: ignore[arg-type]

    for make in (lambda: MysqlAliasMap(plan, ""), lambda: SqliteAliasMap(plan)):
        with pytest.raises(Refusal) as refused:
            make()
        assert refused.value.code is Code.ALIAS_MAP_REFUSED


def test_a_map_file_that_is_not_there_is_refused_and_not_made(tmp_path: Path) -> None:
    """A path with a typing mistake would be an empty map, and every address missing."""
    path = tmp_path / "nowhere.sqlite"

    with pytest.raises(Refusal) as refused:
        SqliteAliasMap(AliasMapPlan("sqlite", path=str(path))).route(ANNA)
    assert refused.value.code is Code.ALIAS_MAP_REFUSED
    assert not path.exists()


def test_a_map_file_without_the_table_is_refused(tmp_path: Path) -> None:
    """A wrong table name would be retried for hours."""
    table = sqlite_table(tmp_path / "aliases.sqlite")

    with pytest.raises(Refusal, match="no such table"):
        SqliteAliasMap(with_plan(table, table="aliases")).route(ANNA)


def test_a_map_file_that_another_writes_may_be_tried_again(tmp_path: Path) -> None:
    """A mailbox would be set aside because an administrator's editor was open."""
    table = sqlite_table(tmp_path / "aliases.sqlite")
    table.write([(ANNA, HOME)])
    other = sqlite3.connect(tmp_path / "aliases.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    impatient = SqliteAliasMap(with_plan(table, timeout_s=0))

    with pytest.raises(Unreachable):
        impatient.switch(TO_CLOUD)
    other.close()
    assert table.read() == [(ANNA, HOME)]


def test_a_switch_that_reads_back_otherwise_is_taken_back(tmp_path: Path) -> None:
    """A trigger of the database could leave a route that nobody wished."""
    table = sqlite_table(tmp_path / "aliases.sqlite")
    table.write([(ANNA, HOME)])
    with sqlite3.connect(tmp_path / "aliases.sqlite") as connection:
        connection.execute(
            "CREATE TRIGGER keep_copy AFTER UPDATE ON virtual BEGIN "
            f"INSERT INTO virtual VALUES ('{ANNA}', 'copy@x.org'); END"
        )
    connection.close()

    with pytest.raises(Refusal) as refused:
        table.map.switch(TO_CLOUD)
    assert refused.value.code is Code.ALIAS_CHANGED
    assert table.read() == [(ANNA, HOME)]


def test_a_column_with_hundreds_of_rows_for_one_address_is_refused(tmp_path: Path) -> None:
    """A plan with its two columns exchanged would be believed."""
    table = sqlite_table(tmp_path / "aliases.sqlite")
    table.write([(ANNA, f"{number}@x.org") for number in range(150)])

    with pytest.raises(Refusal, match="more than 100 rows"):
        table.map.route(ANNA)


def test_a_database_server_that_is_not_there_is_unreachable() -> None:
    """A restart of MySQL would set mailboxes aside."""
    (port,) = free_ports(1)
    plan = AliasMapPlan("mysql", host="127.0.0.1", port=port, user="x", timeout_s=2)

    with pytest.raises(Unreachable):
        MysqlAliasMap(plan, PASSWORD).route(ANNA)


def said(adapter: MysqlAliasMap) -> BasculeError:
    """What the adapter says when it is asked."""
    with pytest.raises(BasculeError) as error:
        adapter.switch(TO_CLOUD)
    return error.value


@pytest.mark.slow
def test_a_refused_account_is_named_without_its_password(server: MariaDb) -> None:
    """A wrong password would be retried for hours, or stand in the log."""
    table = mysql_table(server)
    refused = said(MysqlAliasMap(table.plan, "wrong-Pa55word"))

    assert isinstance(refused, Refusal)
    assert refused.code is Code.ALIAS_MAP_REFUSED
    assert "bascule" in str(refused)
    assert "wrong-Pa55word" not in str(refused)


@pytest.mark.slow
@pytest.mark.parametrize("password", ["pässword", "p€ss", "пароль-1"])
def test_a_password_of_any_letters_opens_the_map(server: MariaDb, password: str) -> None:
    """The administrator's own client takes it; refused here, it would be looked for in the grants."""
    account = "accents@'127.0.0.1'"
    server.run(f"CREATE USER {account} IDENTIFIED BY %s", [(password,)])
    server.run(f"GRANT SELECT, UPDATE ON mail.* TO {account}")
    try:
        table = mysql_table(server)
        table.write([(ANNA, HOME)])

        assert MysqlAliasMap(with_plan(table, user="accents"), password).route(ANNA).destinations
    finally:
        server.run(f"DROP USER {account}")


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"table": "nothing"}, {"source_column": "nothing"}])
def test_a_missing_table_or_column_is_refused(server: MariaDb, changes: dict[str, str]) -> None:
    """A typing mistake in the plan would be retried for hours."""
    refused = said(MysqlAliasMap(with_plan(mysql_table(server), **changes), PASSWORD))

    assert isinstance(refused, Refusal)
    assert refused.code is Code.ALIAS_MAP_REFUSED


@pytest.mark.slow
def test_a_row_that_another_transaction_holds_may_be_tried_again(server: MariaDb) -> None:
    """A mailbox would be set aside because somebody else was writing; takes a second."""
    table = mysql_table(server)
    table.write([(ANNA, HOME), ("bob@example.org", "bob@ca.example.org"), ("@example.org", "c@x")])
    other = pymysql.connect(unix_socket=str(server.socket), user="root")
    with other.cursor() as cursor:
        cursor.execute("SELECT * FROM mail.virtual WHERE source = %s FOR UPDATE", (ANNA,))

    blocked = said(MysqlAliasMap(table.plan, PASSWORD))
    neighbour = table.map.switch(RouteSwitch("bob@example.org", "bob@ca.example.org", "bob@x.org"))
    other.close()

    assert isinstance(blocked, Unreachable)
    assert neighbour.destinations == ("bob@x.org",)
    assert table.map.switch(TO_CLOUD).destinations == (CLOUD,)


@pytest.mark.slow
def test_a_table_of_another_database_and_of_bytes(server: MariaDb) -> None:
    """The plan of the AUF procedure names `mail.auforg_virtual`, and some tables hold bytes."""
    server.run("DROP TABLE IF EXISTS mail.auforg_virtual")
    server.run("CREATE TABLE mail.auforg_virtual (source VARBINARY(99), destination VARBINARY(99))")
    second = ("A.nna@example.org", b"caf\xe9@x.org, Anna@CA.example.org")
    server.run("INSERT INTO mail.auforg_virtual VALUES (%s, %s)", [(ANNA, HOME), second])
    plan = with_plan(mysql_table(server), database="", table="mail.auforg_virtual")
    alias_map = MysqlAliasMap(plan, PASSWORD)

    assert [row.source for row in alias_map.bypasses(ANNA, HOME)] == ["A.nna@example.org"]
    assert alias_map.switch(TO_CLOUD).destinations == (CLOUD,)


@pytest.mark.slow
def test_the_query_of_the_manual_lists_what_the_map_finds(server: MariaDb) -> None:
    """An administrator who has mended all that it lists must not meet a mailbox that is held up all the same."""
    page = Path(__file__).parents[2] / "docs" / "how-to" / "prepare-the-source.md"
    [query] = re.findall(
        r"^SELECT source, destination .*?;$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    past = [("@example.org", HOME), ("a.nna@example.org", HOME), (ANNA, f"{HOME}, x@x.org")]
    past += [("anna@example.com", HOME), ("@example.com", "@ca.example.org"), ("b@x.org", HOME)]
    fine = [("bob@example.org", "bob@ca.example.org"), (HOME, HOME), ("all@example.org", ANNA)]
    table = mysql_table(server)
    table.write([*past, *fine])
    listed = server.run(query.replace("mail.auforg_virtual", "mail.virtual"))

    assert sorted(listed) == sorted(past)
    assert {(row.source, row.destination) for row in table.map.bypasses(ANNA, HOME)} <= set(listed)


@pytest.mark.slow
def test_looking_past_the_alias_needs_no_more_than_the_grants_that_we_ask_for(
    server: MariaDb,
) -> None:
    """Whoever has to widen a grant before the cutover asks why, and is right."""
    table, account = mysql_table(server), "bascule@'127.0.0.1'"
    table.write([("a.nna@example.org", HOME)])
    server.run(f"REVOKE SELECT, UPDATE ON mail.* FROM {account}")
    server.run(f"GRANT SELECT, UPDATE ON mail.virtual TO {account}")
    try:
        assert len(table.map.bypasses(ANNA, HOME)) == 1
    finally:
        server.run(f"REVOKE SELECT, UPDATE ON mail.virtual FROM {account}")
        server.run(f"GRANT SELECT, UPDATE ON mail.* TO {account}")


@pytest.mark.slow
def test_looking_past_the_alias_neither_waits_for_locks_nor_takes_any(server: MariaDb) -> None:
    """Thousands of surveys read the table that Postfix lives on."""
    table = mysql_table(server)
    table.write([(ANNA, HOME), ("a.nna@example.org", HOME)])
    other = pymysql.connect(unix_socket=str(server.socket), user="root")
    with other.cursor() as cursor:
        cursor.execute("SELECT * FROM mail.virtual FOR UPDATE")

    assert len(table.map.bypasses(ANNA, HOME)) == 1
    other.close()


def test_a_home_that_a_whole_table_is_like_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that was cut somewhere would be taken for all there is."""
    monkeypatch.setattr(switching, "LIKE_HOME_COUNT_MAX", 2)
    table = sqlite_table(tmp_path / "aliases.sqlite")
    table.write([(ANNA, HOME), ("joanna@example.org", "joanna@ca.example.org"), ("x@x.org", HOME)])

    with pytest.raises(Refusal, match="more than 2 rows"):
        table.map.bypasses(ANNA, HOME)


@pytest.mark.slow
def test_a_server_without_a_verified_certificate_gets_no_password(server: MariaDb) -> None:
    """Whoever stands between us and MySQL would hold the password of the alias map."""
    authorities = ssl.get_default_verify_paths().cafile
    plan = with_plan(mysql_table(server), ca_file=authorities)
    refused = said(MysqlAliasMap(plan, PASSWORD))

    assert isinstance(refused, Refusal | Unreachable)
    assert PASSWORD not in str(refused)


@pytest.mark.slow
def test_a_certificate_that_does_not_verify_is_told_as_what_it_is(tmp_path: Path) -> None:
    """Told as "no answer", it would be looked for in the firewall until the cutover's patience has ended."""
    if not is_mariadb_installed():
        pytest.skip("MariaDB is not installed")
    authority, pem = tmp_path / "ca.pem", tmp_path / "server.pem"
    pem.write_bytes(server_pem(authority, real_now_utc()))
    (port,) = free_ports(1)
    shown = (f"--ssl-cert={pem}", f"--ssl-key={pem}")
    with mariadb(tmp_path, port, wait_for_port, *shown) as guarded:
        table = mysql_table(guarded)
        table.write([(ANNA, HOME)])
        proven = with_plan(table, ca_file=str(authority))
        unproven = with_plan(table, ca_file=ssl.get_default_verify_paths().cafile)
        error = said(MysqlAliasMap(unproven, PASSWORD))

        assert isinstance(error, Untrusted)
        assert "certificate" in str(error)
        assert PASSWORD not in str(error)
        assert MysqlAliasMap(proven, PASSWORD).switch(TO_CLOUD).destinations == (CLOUD,)
