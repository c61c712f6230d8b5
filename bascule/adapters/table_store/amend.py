"""Compare-and-set on one row, tried again a bounded number of times."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from azure.data.tables import TableEntity

from bascule.adapters.table_store.tables import Row, Table, etag_of
from bascule.domain.errors import Conflict

T = TypeVar("T")

# Each loss means that somebody else won; eight in a row means a row that too many write at once, which a later
# attempt of the whole step meets in a quieter moment.
ATTEMPT_COUNT_MAX = 8


@dataclass(frozen=True)
class Place:
    """Where one row stands."""

    table: Table
    partition: str
    row: str


def amend(
    place: Place,
    read: Callable[[TableEntity | None], T],
    change: Callable[[T], T],
    written: Callable[[T], Row],
) -> T:
    """Read a row, change its value, write it if nobody did meanwhile; the value now in force.

    `read` receives None when the row is not there and may raise KeyError. A change that changes nothing is not
    written.

    Raises:
        Conflict: it never succeeded.
    """
    for _ in range(ATTEMPT_COUNT_MAX):
        found = place.table.find(place.partition, place.row)
        before = read(found)
        after = change(before)
        if after == before and found is not None:
            return after
        if _written(place, found, written(after)):
            return after
    raise Conflict(f"a row was changed by others {ATTEMPT_COUNT_MAX} times in a row")


def _written(place: Place, found: TableEntity | None, columns: Row) -> bool:
    row = {**columns, "PartitionKey": place.partition, "RowKey": place.row}
    return place.table.add(row) if found is None else place.table.replace(row, etag_of(found))
