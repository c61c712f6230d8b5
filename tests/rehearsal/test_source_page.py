"""The operator's page on the source: its SQL is run on a real server, and its lines are those of the rehearsal."""

import re
import secrets
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from bascule.adapters.alias_tables.mysql import MysqlAliasMap
from bascule.domain.errors import Unreachable
from bascule.domain.plan import AliasMapPlan
from bascule.domain.routes import RouteSwitch
from sandbox.faces.private_ca import server_pem
from sandbox.local_host.clock import real_now_utc
from sandbox.servers.dovecot import CONFIGURATION, MASTER_SEPARATOR, SESSIONS_PER_USER_MAX
from sandbox.servers.machine import LOOPBACK, private_folder
from sandbox.servers.mariadb import DATABASE, PRODUCT_USER, TABLE, MariaDb
from sandbox.servers.postfix import MAIN, MYSQL_MAP

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "prepare-the-source.md"
BLOCK = re.compile(
    r"^(?P<margin> *)```(?P<kind>\w*)\n(?P<text>.*?)^(?P=margin)```$", re.MULTILINE | re.DOTALL
)
ADDRESS, HOME, CLOUD = "anna@example.org", "anna@ca.example.org", "anna@exampleorg.onmicrosoft.com"


def blocks(kind: str, heading: str = "") -> list[str]:
    """The page's blocks of one kind, below one heading or anywhere."""
    text = PAGE.read_text(encoding="utf-8")
    if heading:
        text = re.split(rf"^## {heading}$", text, flags=re.MULTILINE)[1].split("\n## ")[0]
    return [
        textwrap.dedent(found["text"]) for found in BLOCK.finditer(text) if found["kind"] == kind
    ]


def lines(text: str) -> list[str]:
    """Without margins and empty ones."""
    return [line.strip() for line in text.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def prepared(servers: None) -> Iterator[tuple[MariaDb, AliasMapPlan, str]]:
    """A server as the page has it, with a table that is older than the page; the product's plan and password."""
    password = secrets.token_urlsafe(18)
    with private_folder() as folder:
        pem, ca_file = folder / "server.pem", folder / "ca.pem"
        pem.touch(mode=0o600)
        pem.write_bytes(server_pem(ca_file, real_now_utc()))
        (options,) = blocks("ini", "MariaDB or MySQL")
        database = MariaDb(folder / "mariadb", options.replace("/etc/mysql", str(folder)))
        try:
            database.install()
            _as_it_was(database)
            for statement in "".join(blocks("sql")).split(";"):
                if statement.strip():
                    said = statement.replace("ADDRESS OF THE APP", LOOPBACK)
                    database.execute(said.replace("A LONG PASSWORD", password))
            database.execute(f"ALTER USER {PRODUCT_USER}@'{LOOPBACK}' REQUIRE SSL")
            plan = AliasMapPlan(
                "mysql", host=LOOPBACK, port=database.port, database=DATABASE,
                table=f"{DATABASE}.{TABLE}", user=PRODUCT_USER, ca_file=str(ca_file),
            )  # fmt: skip
            yield database, plan, password
        finally:
            database.stop()


def _as_it_was(database: MariaDb) -> None:
    database.execute(f"DROP USER {PRODUCT_USER}@'{LOOPBACK}'")
    database.execute(f"DROP TABLE {DATABASE}.{TABLE}")
    columns = "source VARCHAR(255) NOT NULL, destination TEXT NOT NULL"
    database.execute(f"CREATE TABLE {DATABASE}.{TABLE} ({columns}) ENGINE = Aria")
    row = f"INSERT INTO {DATABASE}.{TABLE} VALUES (%s, %s)"
    database.execute(row, [(f"nobody.{number}@example.org", HOME) for number in range(50)])
    database.execute(row, [(ADDRESS, HOME)])


@pytest.mark.slow
def test_the_statements_of_the_page_prepare_an_old_table(
    prepared: tuple[MariaDb, AliasMapPlan, str],
) -> None:
    """A statement that fails in somebody's console is a page that nobody has tried."""
    database = prepared[0]
    status = database.execute(f"SHOW TABLE STATUS FROM {DATABASE} LIKE '{TABLE}'")
    query = f"EXPLAIN SELECT destination FROM {DATABASE}.{TABLE} WHERE source = %s"

    assert status[0][1] == "InnoDB"
    assert "by_source" in database.execute(query, [(ADDRESS,)])[0]


@pytest.mark.slow
def test_a_database_with_a_certificate_of_a_known_private_authority_is_used(
    prepared: tuple[MariaDb, AliasMapPlan, str],
) -> None:
    """The account may sign in over TLS only; a connection that is not encrypted would be refused."""
    _, plan, password = prepared
    aliases = MysqlAliasMap(plan, password)

    assert aliases.switch(RouteSwitch(ADDRESS, HOME, CLOUD)).destinations == (CLOUD,)
    assert aliases.switch(RouteSwitch(ADDRESS, CLOUD, HOME)).destinations == (HOME,)


@pytest.mark.slow
def test_a_database_with_a_certificate_of_another_authority_gets_no_password(
    prepared: tuple[MariaDb, AliasMapPlan, str], tmp_path: Path
) -> None:
    """Whoever stands between us and the database would hold the password of the alias map."""
    _, plan, password = prepared
    server_pem(tmp_path / "other.pem", real_now_utc())
    other = AliasMapPlan(**{**vars(plan), "ca_file": str(tmp_path / "other.pem")})

    with pytest.raises(Unreachable, match="alias map"):
        MysqlAliasMap(other, password).route(ADDRESS)


def test_the_lines_for_dovecot_are_those_of_the_rehearsal() -> None:
    """A line that nobody runs is a line that nobody has tried."""
    played = CONFIGURATION.format(
        folder="/etc/dovecot", loopback=LOOPBACK, sessions_max=SESSIONS_PER_USER_MAX,
        separator=MASTER_SEPARATOR, user="mail", imap_port=143, imaps_port=993, lmtp_port=24,
    )  # fmt: skip
    told = [line for block in blocks("", "Dovecot") for line in lines(block)]

    assert [line for line in told if line not in lines(played)] == [
        "bascule:{SHA512-CRYPT}THE HASH"
    ]


def test_the_lines_for_postfix_are_those_of_the_rehearsal() -> None:
    """The same."""
    main = MAIN.format(
        folder="/etc", name="mx1", loopback=LOOPBACK, domain="example.org",
        source_domain="ca.example.org", initial_domain="exampleorg.onmicrosoft.com", lmtp_port=24,
        tenant_port=25, server_pem="/etc/postfix/server.pem", size_max=1, backoff_min=1, backoff_max=1,
    ).replace("/etc/conf/", "/etc/postfix/")  # fmt: skip
    table = MYSQL_MAP.format(
        user="postfix", password="ANOTHER PASSWORD", host=LOOPBACK, port=3306, database=DATABASE,
        table=f"{DATABASE}.{TABLE}",
    )  # fmt: skip
    told = [line for block in blocks("", "Postfix") for line in lines(block)]

    assert len(told) > 10
    assert [line for line in told if line not in lines(main) + lines(table)] == []
