"""Boards in two Azure Tables: heads, and one row per entry so that a mailbox reads its own with one point query."""

from collections.abc import Callable, Mapping

from azure.data.tables import TableEntity

from bascule.adapters.table_store.amend import Place, amend
from bascule.adapters.table_store.keys import key_of
from bascule.adapters.table_store.rows import checked_text, columns_of, value_of
from bascule.adapters.table_store.tables import Row, Table, Tables
from bascule.domain.records import BoardHead

HEADS = "heads"


class TableBoards:
    """The boards' contract on Azure Tables."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def head(self, board: str) -> BoardHead:
        """The head of a board; empty when nobody wrote it."""
        return _head(board, self._heads.find(HEADS, key_of(board)))

    def amend_head(self, board: str, change: Callable[[BoardHead], BoardHead]) -> BoardHead:
        """Compare-and-set of the head."""
        place = Place(self._heads, HEADS, key_of(board))
        return amend(place, lambda row: _head(board, row), change, columns_of)

    def entry(self, board: str, key: str) -> str | None:
        """The text under a key; None when the last refresh did not name it."""
        row = self._entries.find(key_of(board), key_of(key))
        return None if row is None else str(row["text"])

    def replace_entries(self, board: str, entries: Mapping[str, str]) -> None:
        """Write what changed, delete what is no longer named; an unchanged entry costs nothing."""
        table, partition = self._entries, key_of(board)
        wanted = {key_of(key): _entry_row(partition, key, text) for key, text in entries.items()}
        there = {row["RowKey"]: row for row in table.rows(partition)}
        table.put_all(
            row
            for key, row in sorted(wanted.items())
            if key not in there or there[key]["text"] != row["text"]
        )
        table.remove_all(row for key, row in sorted(there.items()) if key not in wanted)

    @property
    def _heads(self) -> Table:
        return self._tables.table("boardheads")

    @property
    def _entries(self) -> Table:
        return self._tables.table("boardentries")


def _head(board: str, row: TableEntity | None) -> BoardHead:
    return BoardHead(board) if row is None else value_of(BoardHead, row)


def _entry_row(partition: str, key: str, text: str) -> Row:
    checked = checked_text("board entry", text)
    return {"PartitionKey": partition, "RowKey": key_of(key), "text": checked}
