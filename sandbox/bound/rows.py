"""Rows in memory that change by compare-and-set, as those of a table service do."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from bascule.domain.errors import Conflict

V = TypeVar("V")

# As the table store: eight losses in a row mean a row that too many write at once.
ATTEMPT_COUNT_MAX = 8


class Rows(Generic[V]):
    """Values by key, each with the number of its writes; a write says which number it has read."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[int, V]] = {}
        self._lock = threading.Lock()

    def find(self, key: str) -> V | None:
        """The value under a key."""
        row = self._rows.get(key)
        return None if row is None else row[1]

    def ordered_keys(self) -> list[str]:
        """Every key that has a row now, in order."""
        with self._lock:
            return sorted(self._rows)

    def add(self, key: str, value: V) -> bool:
        """Create a row; False when there is one, which is left as it is."""
        return self._put(key, value, read_count=0)

    def remove_if(self, key: str, is_wanted: Callable[[V], bool]) -> None:
        """Delete a row whose value is the wanted one; gone already is success."""
        with self._lock:
            row = self._rows.get(key)
            if row is not None and is_wanted(row[1]):
                del self._rows[key]

    def amend(self, key: str, read: Callable[[V | None], V], change: Callable[[V], V]) -> V:
        """Read, change, write if nobody did meanwhile; otherwise again; the value now in force.

        `read` turns None, no such row, into a first value or raises KeyError. A change that changes nothing is not
        written. Raises Conflict when it never succeeds.
        """
        for _ in range(ATTEMPT_COUNT_MAX):
            count, found = self._rows.get(key, (0, None))
            before = read(found)
            after = change(before)
            if after == before and found is not None:
                return after
            if self._put(key, after, read_count=count):
                return after
        raise Conflict(f"a row was changed by others {ATTEMPT_COUNT_MAX} times in a row")

    def _put(self, key: str, value: V, *, read_count: int) -> bool:
        with self._lock:
            if self._rows.get(key, (0, None))[0] != read_count:
                return False
            self._rows[key] = (read_count + 1, value)
            return True
