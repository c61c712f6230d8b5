"""Snapshots that many mailboxes share, so that Exchange is asked once for all."""

from collections.abc import Callable, Mapping
from typing import Protocol

from bascule.domain.records import BoardHead


class Boards(Protocol):
    """Named boards, each with a head and one short text per key. Every method may raise Unreachable."""

    def head(self, board: str) -> BoardHead:
        """The head of a board; a board that nobody wrote has an empty one."""
        ...

    def amend_head(self, board: str, change: Callable[[BoardHead], BoardHead]) -> BoardHead:
        """Compare-and-set of the head, tried again a bounded number of times. Raises Conflict when it never succeeds."""
        ...

    def entry(self, board: str, key: str) -> str | None:
        """The text under a key at the last refresh; None when it was not in it."""
        ...

    def replace_entries(self, board: str, entries: Mapping[str, str]) -> None:
        """Write all entries; keys that are not named disappear."""
        ...
