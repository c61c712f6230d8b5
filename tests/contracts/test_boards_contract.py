"""What every board promises."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bascule.adapters.table_store.boards import TableBoards
from bascule.adapters.table_store.tables import Tables
from bascule.domain.errors import Conflict
from bascule.domain.records import BoardHead
from bascule.ports.boards import Boards
from sandbox.bound.boards import MemoryBoards

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(params=["memory", "tables"])
def boards(request: pytest.FixtureRequest, table_prefix: str) -> Iterator[Boards]:
    """Boards that nobody wrote yet."""
    if request.param == "memory":
        yield MemoryBoards()
        return
    tables = Tables.from_connection_string(request.getfixturevalue("azurite"), table_prefix)
    yield TableBoards(tables)
    tables.close()


def test_a_board_that_nobody_wrote_is_empty(boards: Boards) -> None:
    """The first mailbox of a batch would fail instead of refreshing the board."""
    assert boards.head("sync:pilot") == BoardHead("sync:pilot")
    assert boards.entry("sync:pilot", "anna@example.org") is None


def test_a_head_keeps_what_was_written(boards: Boards) -> None:
    """A lease that is lost would let everybody refresh at once."""
    wanted = BoardHead(
        "sync:pilot",
        refreshed_utc=NOON,
        lease_holder="anna",
        lease_until_utc=NOON + timedelta(seconds=30),
        created_utc=datetime(2026, 3, 1, tzinfo=UTC),
        delta_first_asked_utc=NOON,
    )

    assert boards.amend_head("sync:pilot", lambda _: wanted) == wanted
    assert boards.head("sync:pilot") == wanted


def test_one_of_two_that_want_the_lease_gets_it(boards: Boards) -> None:
    """Both would ask Exchange for the same hundred pages."""
    holders: list[str] = []

    def take(head: BoardHead, who: str) -> BoardHead:
        if head.lease_until_utc is not None:
            return head
        if not holders:
            holders.append("second")
            boards.amend_head("b", lambda now: take(now, "second"))
        return replace(head, lease_until_utc=NOON, lease_holder=who)

    after = boards.amend_head("b", lambda head: take(head, "first"))

    assert after.lease_holder == "second"


def test_a_head_that_never_stands_still_is_a_conflict(boards: Boards) -> None:
    """A step would go round for ever."""
    counts = iter(range(1000))

    def change(head: BoardHead) -> BoardHead:
        other = replace(head, lease_holder=f"other-{next(counts)}")
        boards.amend_head("b", lambda _: other)
        return replace(head, lease_holder=f"mine-{next(counts)}")

    with pytest.raises(Conflict):
        boards.amend_head("b", change)


def test_entries_are_what_the_last_refresh_named(boards: Boards) -> None:
    """A mailbox that left the sync batch would still be called synced."""
    boards.replace_entries("b", {"anna@example.org": "READY", "o'hara/x#@example.org": "COPYING"})
    boards.replace_entries("b", {"o'hara/x#@example.org": "READY", "bob@example.org": ""})

    assert boards.entry("b", "anna@example.org") is None
    assert boards.entry("b", "o'hara/x#@example.org") == "READY"
    assert boards.entry("b", "bob@example.org") == ""


def test_boards_do_not_share_entries(boards: Boards) -> None:
    """One batch's refresh would empty another batch's board."""
    boards.replace_entries("a", {"anna": "1"})
    boards.replace_entries("b", {})

    assert boards.entry("a", "anna") == "1"


def test_more_entries_than_a_transaction_takes(boards: Boards) -> None:
    """A batch of five hundred would have no board."""
    boards.replace_entries("b", {f"user{number}": "COPYING" for number in range(250)})
    boards.replace_entries("b", {f"user{number}": "READY" for number in range(120, 240)})

    assert boards.entry("b", "user119") is None
    assert boards.entry("b", "user239") == "READY"
    assert boards.entry("b", "user240") is None
