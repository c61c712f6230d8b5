"""Boards in memory."""

from collections.abc import Callable, Mapping

from bascule.domain.records import BoardHead
from sandbox.bound.rows import Rows


class MemoryBoards:
    """Implements `bascule.ports.boards.Boards`."""

    def __init__(self) -> None:
        self._heads: Rows[BoardHead] = Rows()
        self._entries: dict[str, dict[str, str]] = {}

    def head(self, board: str) -> BoardHead:
        """The head of a board; empty when nobody wrote it."""
        return self._heads.find(board) or BoardHead(board)

    def amend_head(self, board: str, change: Callable[[BoardHead], BoardHead]) -> BoardHead:
        """Compare-and-set of the head."""
        return self._heads.amend(board, lambda found: found or BoardHead(board), change)

    def entry(self, board: str, key: str) -> str | None:
        """The text under a key; None when the last refresh did not name it."""
        return self._entries.get(board, {}).get(key)

    def kept(self) -> dict[str, dict[str, str]]:
        """{board: its entries}, for whoever looks on."""
        return self._entries

    def replace_entries(self, board: str, entries: Mapping[str, str]) -> None:
        """Write all entries; keys that are not named disappear."""
        self._entries[board] = dict(entries)
