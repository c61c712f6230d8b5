"""The journal in an Azure Table: one partition a batch, row keys in the order of their instants."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime

from bascule.adapters.table_store.keys import key_of
from bascule.adapters.table_store.rows import columns_of, value_of
from bascule.adapters.table_store.tables import Table, Tables
from bascule.domain.records import JournalEntry

# Two entries of one instant both stay; eight bytes do not meet by chance in one batch.
SUFFIX_BYTES = 8


class TableJournal:
    """Append-only: rows are created, never changed."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def note(self, entry: JournalEntry) -> None:
        """Append one entry."""
        row_key = f"{_sortable(entry.at_utc)}-{secrets.token_hex(SUFFIX_BYTES)}"
        row = {**columns_of(entry), "PartitionKey": key_of(entry.batch), "RowKey": row_key}
        # The key is this call's alone: writing it again after a lost answer is the same one entry.
        self._table.put(row)

    def entries(self, batch: str) -> Iterator[JournalEntry]:
        """All entries of a batch, the oldest first."""
        return (value_of(JournalEntry, row) for row in self._table.rows(key_of(batch)))

    @property
    def _table(self) -> Table:
        return self._tables.table("journal")


def _sortable(instant: datetime) -> str:
    # Always six digits of microseconds: without them a whole second would sort after its fractions.
    return instant.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
