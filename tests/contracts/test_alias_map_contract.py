"""What every alias map promises, on SQLite, on MariaDB and on the simulated world."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bascule.domain.alias_grants import AliasPowers
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.routes import BYPASS_COUNT_MAX, AliasRow, Route, RouteSwitch
from sandbox.rig.azurite import free_ports, wait_for_port
from tests.contracts.alias_maps import (
    AliasTable,
    MariaDb,
    is_mariadb_installed,
    mariadb,
    mysql_table,
    sqlite_table,
    world_table,
)

ANNA = "anna@example.org"
HOME = "anna@ca.example.org"
CLOUD = "anna@contoso.onmicrosoft.com"
TO_CLOUD = RouteSwitch(ANNA, HOME, CLOUD)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    """A MariaDB server for this module."""
    if not is_mariadb_installed():
        pytest.skip("MariaDB is not installed")
    (port,) = free_ports(1)
    with mariadb(tmp_path_factory.mktemp("mariadb"), port, wait_for_port) as server:
        yield server


@pytest.fixture(params=["sqlite", "world", pytest.param("mysql", marks=pytest.mark.slow)])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> AliasTable:
    """An empty alias table."""
    if request.param == "sqlite":
        return sqlite_table(tmp_path / "aliases.sqlite")
    if request.param == "world":
        return world_table()
    return mysql_table(request.getfixturevalue("server"))


def refusal_of(table: AliasTable, change: RouteSwitch) -> Code:
    """Why a switch is refused."""
    with pytest.raises(Refusal) as refused:
        table.map.switch(change)
    return refused.value.code


def test_a_route_is_every_destination_of_the_address(table: AliasTable) -> None:
    """A second row would keep a copy of every message in the old mailbox, unseen."""
    table.write([(ANNA, HOME), ("bob@example.org", "bob@ca.example.org"), (ANNA, "copy@x.org")])

    assert table.map.route(ANNA) == Route(ANNA, (HOME, "copy@x.org"))


def test_one_row_may_name_several_destinations(table: AliasTable) -> None:
    """A copy named in the same row would be taken for a part of the address."""
    table.write([(ANNA, f" {HOME}, copy@x.org second@x.org\n")])

    assert table.map.route(ANNA).destinations == (HOME, "copy@x.org", "second@x.org")


def test_an_address_without_row_has_an_empty_route(table: AliasTable) -> None:
    """The survey would call a missing row an error of the database."""
    assert table.map.route(ANNA) == Route(ANNA, ())


def test_the_catch_all_of_the_domain_is_told_beside_the_route(table: AliasTable) -> None:
    """An address that only its domain's row delivers would look unreachable."""
    table.write([("@example.org", "everything@ca.example.org"), ("@example.com", "other@x.org")])

    assert table.map.route(ANNA) == Route(ANNA, (), catch_all=("everything@ca.example.org",))


def test_the_catch_all_does_not_count_as_a_second_destination(table: AliasTable) -> None:
    """No mailbox of a domain with a catch-all could ever be cut over."""
    table.write([("@example.org", "everything@ca.example.org"), (ANNA, HOME)])

    assert table.map.switch(TO_CLOUD).destinations == (CLOUD,)
    assert ("@example.org", "everything@ca.example.org") in table.read()


def test_a_switch_changes_one_row_and_answers_the_route(table: AliasTable) -> None:
    """A neighbour's mail would go to anna."""
    table.write([(ANNA, HOME), ("bob@example.org", HOME)])

    assert table.map.switch(TO_CLOUD) == Route(ANNA, (CLOUD,))
    assert table.read() == [(ANNA, CLOUD), ("bob@example.org", HOME)]


def test_a_switch_that_comes_twice_answers_the_same(table: AliasTable) -> None:
    """A retry after a lost answer would set the mailbox aside."""
    table.write([(ANNA, HOME)])
    first = table.map.switch(TO_CLOUD)

    assert table.map.switch(TO_CLOUD) == first
    assert table.read() == [(ANNA, CLOUD)]


def test_a_switch_can_be_turned_back(table: AliasTable) -> None:
    """There would be no rollback."""
    table.write([(ANNA, HOME)])
    table.map.switch(TO_CLOUD)

    assert table.map.switch(TO_CLOUD.reversed()) == Route(ANNA, (HOME,))


def test_a_route_that_somebody_moved_is_not_touched(table: AliasTable) -> None:
    """A person's decision at the database would be overwritten."""
    table.write([(ANNA, "anna@elsewhere.org")])

    assert refusal_of(table, TO_CLOUD) is Code.ALIAS_CHANGED
    assert table.read() == [(ANNA, "anna@elsewhere.org")]


def test_a_route_that_is_not_there_is_not_invented(table: AliasTable) -> None:
    """An address that was deleted meanwhile would come to life again."""
    table.write([("@example.org", HOME)])

    assert refusal_of(table, TO_CLOUD) is Code.ALIAS_MISSING
    assert table.read() == [("@example.org", HOME)]


@pytest.mark.parametrize(
    "rows",
    [
        [(ANNA, HOME), (ANNA, "copy@x.org")],
        [(ANNA, f"{HOME},copy@x.org")],
        [(ANNA, CLOUD), (ANNA, HOME)],
        [(ANNA, HOME), (ANNA, HOME)],
    ],
)
def test_a_second_destination_stops_the_switch(
    table: AliasTable, rows: list[tuple[str, str]]
) -> None:
    """Every message would be kept in both places, or the second destination would be lost."""
    table.write(rows)

    assert refusal_of(table, TO_CLOUD) is Code.ALIAS_SECOND_DESTINATION
    assert table.read() == sorted(rows)


def test_letter_case_alone_is_no_difference(table: AliasTable) -> None:
    """A hand-written row in capitals would set its mailbox aside."""
    change = RouteSwitch("Anna@Example.org", HOME.upper(), CLOUD)
    table.write([(ANNA, "Anna@CA.example.org")])

    assert table.map.route(ANNA.upper()).destinations == ("Anna@CA.example.org",)
    assert table.map.switch(change).destinations == (CLOUD,)
    assert table.map.switch(change).destinations == (CLOUD,)


def test_an_address_written_in_capitals_is_found(table: AliasTable) -> None:
    """A row in capitals would be called missing."""
    table.write([("Anna@Example.ORG", HOME)])

    assert table.map.switch(TO_CLOUD).destinations == (CLOUD,)
    assert table.read() == [("Anna@Example.ORG", CLOUD)]


def test_quotes_and_wildcards_in_an_address_are_just_characters(table: AliasTable) -> None:
    """An address could change other people's rows."""
    odd = "o'hara%_\\@example.org"
    table.write([(odd, HOME), (ANNA, HOME)])
    table.map.switch(RouteSwitch(odd, HOME, CLOUD))

    assert table.map.route("'or'1'='1@example.org").destinations == ()
    assert table.read() == sorted([(odd, CLOUD), (ANNA, HOME)])


SECOND = "a.nna@example.org"


@pytest.mark.parametrize(
    "row",
    [
        (SECOND, HOME),
        (SECOND, "Anna@CA.Example.org"),
        ("all@example.org", f"bob@ca.example.org, {HOME}"),
        ("all@example.org", f"{HOME}\tbob@ca.example.org"),
        (SECOND, "anna+second@ca.example.org"),
        ("@example.org", HOME),
        ("@example.com", "@ca.example.org"),
        ("anna@example.com", "@ca.example.org, bob@example.org"),
    ],
)
def test_a_row_that_leads_straight_home_is_found(table: AliasTable, row: tuple[str, str]) -> None:
    """Mail to it would go on filling the old mailbox after the cutover, and be lost to its owner."""
    table.write([(ANNA, HOME), row, ("bob@example.org", "bob@ca.example.org")])

    assert table.map.bypasses(ANNA, HOME) == (AliasRow(*row),)


@pytest.mark.parametrize(
    "row",
    [
        ("Anna@Example.org", HOME),
        (SECOND, ANNA),
        ("all@example.org", f"{ANNA}, bob@ca.example.org"),
        ("joanna@example.org", "joanna@ca.example.org"),
        (SECOND, "anna@ca.example.org.uk"),
        (SECOND, "anna@x.org, x@ca.example.org"),
        (HOME, HOME),
        ("@example.org", "@ca.example.org"),
        ("@ca.example.org", "@ca.example.org"),
        ("bob@example.org", "@ca.example.org"),
        ("anna@example.com", "bob@example.org, @ca.example.org"),
    ],
)
def test_a_row_that_asks_for_the_address_or_for_somebody_else_is_none(
    table: AliasTable, row: tuple[str, str]
) -> None:
    """Every mailbox of the domain would be held up by its neighbours."""
    table.write([(ANNA, CLOUD), row])

    assert table.map.bypasses(ANNA, HOME) == ()


def test_every_row_that_leads_home_is_named_in_order(table: AliasTable) -> None:
    """Who mends one row and finds the next one the day after does not get to the cutover."""
    rows = [("z@example.org", HOME), ("b@example.org", HOME), ("b@example.org", f"c@x.org,{HOME}")]
    table.write([*rows, (ANNA, HOME)])

    assert table.map.bypasses(ANNA, HOME) == tuple(AliasRow(*row) for row in sorted(rows))


def test_a_short_name_in_a_large_table_is_still_found(table: AliasTable) -> None:
    """The rows of everybody whose address ends like this one would push out the one that matters."""
    neighbours = [
        (f"x{number}a@example.org", f"x{number}a@ca.example.org") for number in range(500)
    ]
    table.write([*neighbours, ("a@example.org", "a@ca.example.org"), (SECOND, "a@ca.example.org")])

    assert table.map.bypasses("a@example.org", "a@ca.example.org") == (
        AliasRow(SECOND, "a@ca.example.org"),
    )


def test_more_rows_than_anybody_reads_are_cut(table: AliasTable) -> None:
    """A catch-all of a hundred domains would fill the row, the report and the screen."""
    table.write([(f"{number}@x.org", HOME) for number in range(BYPASS_COUNT_MAX + 1)])

    assert len(table.map.bypasses(ANNA, HOME)) == BYPASS_COUNT_MAX


def test_wildcards_in_a_home_are_just_characters(table: AliasTable) -> None:
    """An odd address would be said to be bypassed by others' rows, or by none."""
    odd = "o'hara+1!%_\\@ca.example.org"
    table.write([(SECOND, odd), ("b@example.org", "o'hara+1!xyz\\@ca.example.org")])

    assert table.map.bypasses(ANNA, odd) == (AliasRow(SECOND, odd),)


def test_every_address_of_a_domain_is_listed_once(table: AliasTable) -> None:
    """What is left out of the list is refused at the tenant's door after the completion, and nobody was told."""
    table.write(
        [
            (ANNA, CLOUD),
            ("All@Example.org", f"{ANNA}, bob@example.org"),
            ("all@example.org", "eve@example.org"),
            ("@example.org", ANNA),
            ("anna@ca.example.org", "anna@ca.example.org"),
            ("anna@exampleXorg", HOME),
            ("anna@example.org.uk", HOME),
        ]
    )

    assert table.map.sources("Example.org") == {ANNA, "all@example.org", "@example.org"}
    assert table.map.sources("example.com") == frozenset()


def test_the_account_s_powers_are_told(table: AliasTable) -> None:
    """Readiness must see before the first night that the alias cannot be turned."""
    powers = table.map.powers()

    assert (powers.can_read, powers.can_update, powers.unread) == (True, True, ())


@pytest.mark.slow
def test_powers_beyond_the_table_are_named_and_exact_ones_are_not(server: MariaDb) -> None:
    """As MariaDB itself writes its grants; an account that may do more can lose mail."""
    table, account = mysql_table(server), "bascule@'127.0.0.1'"
    assert table.map.powers().excess == ("SELECT, UPDATE on mail.*",)

    server.run(f"REVOKE SELECT, UPDATE ON mail.* FROM {account}")
    server.run(f"GRANT SELECT, UPDATE (destination) ON mail.virtual TO {account}")
    try:
        assert table.map.powers() == AliasPowers(can_read=True, can_update=True)
        server.run(f"REVOKE UPDATE (destination) ON mail.virtual FROM {account}")
        assert table.map.powers() == AliasPowers(can_read=True, can_update=False)
    finally:
        server.run(f"GRANT SELECT, UPDATE ON mail.* TO {account}")
