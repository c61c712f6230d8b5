"""Tables in memory that count how often they are asked, as a storage account would be."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from azure.data.tables import TableEntity

from bascule.adapters.secrets.key_wrap import WrappedKey
from bascule.adapters.table_store.tables import TRANSACTION_ROWS_MAX, Row

# Rows that one page of a query holds. Source: "Query timeout and pagination", Microsoft Learn.
PAGE_ROWS_MAX = 1000


class CountedTable:
    """One table; what it does is what `bascule.adapters.table_store.tables.Table` promises."""

    def __init__(self, calls: Counter[str]) -> None:
        self._calls = calls
        self._rows: dict[tuple[str, str], TableEntity] = {}
        self._versions = 0

    def find(self, partition: str, row: str) -> TableEntity | None:
        self._calls["find"] += 1
        return self._rows.get((partition, row))

    def add(self, row: Row) -> bool:
        self._calls["add"] += 1
        return self._add(row)

    def replace(self, row: Row, etag: str) -> bool:
        self._calls["replace"] += 1
        if self._rows[_place(row)].metadata["etag"] != etag:
            return False
        self._put(row)
        return True

    def rows(
        self,
        partition: str,
        *,
        first: str = "",
        after: str = "",
        last: str = "~",
        select: Sequence[str] = (),
        page_rows: int = PAGE_ROWS_MAX,
    ) -> Iterator[TableEntity]:
        del select
        places = [key for key in self._rows if key[0] == partition and first <= key[1] <= last]
        keys = sorted(key for key in places if key[1] > after)
        self._calls["page"] += 1 + len(keys) // page_rows
        return iter([self._rows[key] for key in keys])

    def add_missing(self, rows: Iterable[Row]) -> list[TableEntity]:
        every = list(rows)
        self._calls["transaction"] += _transactions(every)
        return [self._rows[_place(row)] for row in every if not self._add(row)]

    def put_all(self, rows: Iterable[Row]) -> None:
        every = list(rows)
        self._calls["transaction"] += _transactions(every)
        for row in every:
            self._put(row)

    def remove_all(self, rows: Iterable[TableEntity]) -> None:
        every = list(rows)
        self._calls["transaction"] += _transactions(every)
        for row in every:
            self._rows.pop(_place(row), None)

    def _add(self, row: Row) -> bool:
        if _place(row) in self._rows:
            return False
        self._put(row)
        return True

    def _put(self, row: Row) -> None:
        self._versions += 1
        stored = TableEntity(row)
        stored._metadata = {"etag": str(self._versions)}  # type: ignore[typeddict-item]
        self._rows[_place(row)] = stored


class CountedTables:
    """Every table of one storage account, and how often any of them was asked."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._tables: dict[str, CountedTable] = {}

    def table(self, name: str) -> Any:
        return self._tables.setdefault(name, CountedTable(self.calls))


class PlainWrap:
    """A wrapping key that hides nothing."""

    def wrap(self, data_key: bytes) -> WrappedKey:
        return WrappedKey(data_key, "plain", "none")

    def unwrap(self, wrapped: WrappedKey) -> bytes:
        return wrapped.wrapped


def _place(row: Row) -> tuple[str, str]:
    return str(row["PartitionKey"]), str(row["RowKey"])


def _transactions(rows: list[Any]) -> int:
    return -(-len(rows) // TRANSACTION_ROWS_MAX)
