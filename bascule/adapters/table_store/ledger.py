"""Batches, mailboxes, claims and seats in Azure Tables; one partition a batch, so that one query shows it.

batches     "batches" | name               mailboxes   batch | mailbox key
claims      last digit of the key | key    seats       "seats" | SKU
"""

import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from azure.data.tables import TableEntity

from bascule.adapters.table_store.amend import Place, amend
from bascule.adapters.table_store.keys import key_of
from bascule.adapters.table_store.rows import Columns, checked_text, columns_of, value_of
from bascule.adapters.table_store.tables import PAGE_ROWS_MAX, Row, Table, Tables
from bascule.domain.addresses import mailbox_key, normal_address
from bascule.domain.records import BatchRecord, MailboxRecord

T = TypeVar("T")

BATCHES = "batches"
SEATS = "seats"

BatchChange = Callable[[BatchRecord], BatchRecord]
MailboxChange = Callable[[MailboxRecord], MailboxRecord]
Seats = Mapping[str, int]


class TableLedger:
    """The ledger's contract on Azure Tables."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find_batch(self, name: str) -> BatchRecord | None:
        """The batch of that name."""
        row = self._batches.find(BATCHES, key_of(name))
        return None if row is None else value_of(BatchRecord, row)

    def batches(self) -> Iterator[BatchRecord]:
        """Every batch, by name."""
        return (value_of(BatchRecord, row) for row in self._batches.rows(BATCHES))

    def add_batch(self, record: BatchRecord) -> bool:
        """Add a batch; False when one of that name is there."""
        return self._batches.add(_keyed(BATCHES, key_of(record.name), columns_of(record)))

    def amend_batch(self, name: str, change: BatchChange) -> BatchRecord:
        """Compare-and-set of a batch."""
        read = _reader(BatchRecord, f"batch {name}")
        return amend(Place(self._batches, BATCHES, key_of(name)), read, change, columns_of)

    def find_mailbox(self, batch: str, key: str) -> MailboxRecord | None:
        """The mailbox of that key in the batch."""
        row = self._mailboxes.find(key_of(batch), key_of(key))
        return None if row is None else value_of(MailboxRecord, row)

    def mailboxes(self, batch: str, after: str = "") -> Iterator[MailboxRecord]:
        """Every mailbox of a batch behind a key, by key."""
        rows = self._mailboxes.rows(key_of(batch), after=key_of(after))
        return (value_of(MailboxRecord, row) for row in rows)

    def mailbox_keys(self, batch: str, after: str, count_max: int) -> tuple[str, ...]:
        """At most `count_max` keys behind `after`, in order."""
        page_rows = min(count_max, PAGE_ROWS_MAX)
        rows = self._mailboxes.rows(
            key_of(batch), after=key_of(after), select=["key"], page_rows=page_rows
        )
        return tuple(str(row["key"]) for row in itertools.islice(rows, count_max))

    def add_mailboxes(self, records: Iterable[MailboxRecord]) -> int:
        """Add those that are not there yet, a hundred at a time."""
        rows = [_keyed(key_of(r.batch), key_of(r.key), columns_of(r)) for r in records]
        if len({row["PartitionKey"] for row in rows}) > 1:
            raise ValueError("mailboxes of more than one batch")
        return len(rows) - len(self._mailboxes.add_missing(rows))

    def amend_mailbox(self, batch: str, key: str, change: MailboxChange) -> MailboxRecord:
        """Compare-and-set of a mailbox."""
        read = _reader(MailboxRecord, f"mailbox {key} of batch {batch}")
        place = Place(self._mailboxes, key_of(batch), key_of(key))
        return amend(place, read, change, columns_of)

    def claim(self, batch: str, addresses: Iterable[str]) -> Mapping[str, str]:
        """Claim addresses; creating the row is the claim, so two batches can never both hold one."""
        spelled = {mailbox_key(address): address for address in addresses}
        held: dict[str, str] = {}
        for shard, keys in _shards(spelled).items():
            rows = [_claim_row(shard, key, batch, spelled[key]) for key in keys]
            for row in self._claims.add_missing(rows):
                if row["batch"] != batch:
                    held[spelled[row["RowKey"]]] = row["batch"]
        return held

    def release(self, batch: str, addresses: Iterable[str]) -> None:
        """Give up claims of this batch."""
        for shard, keys in _shards(mailbox_key(address) for address in addresses).items():
            wanted, claims = set(keys), self._claims
            rows = claims.rows(shard, first=min(wanted), last=max(wanted))
            ours = [row for row in rows if row["RowKey"] in wanted and row["batch"] == batch]
            claims.remove_all(ours)

    def reserve_seats(self, sku_id: str, change: Callable[[Seats], Seats]) -> Seats:
        """Compare-and-set of the reservations of a SKU."""
        place = Place(self._seats, SEATS, key_of(sku_id))
        return amend(place, _seats, change, _seats_columns)

    @property
    def _batches(self) -> Table:
        return self._tables.table("batches")

    @property
    def _mailboxes(self) -> Table:
        return self._tables.table("mailboxes")

    @property
    def _claims(self) -> Table:
        return self._tables.table("claims")

    @property
    def _seats(self) -> Table:
        return self._tables.table("seats")


def _keyed(partition: str, row: str, columns: Columns) -> Row:
    return {**columns, "PartitionKey": partition, "RowKey": row}


def _reader(wanted: type[T], what: str) -> Callable[[TableEntity | None], T]:
    def read(row: TableEntity | None) -> T:
        if row is None:
            raise KeyError(what)
        return value_of(wanted, row)

    return read


def _shards(keys: Iterable[str]) -> Mapping[str, list[str]]:
    # The last character is a hexadecimal digit of a digest: sixteen even partitions, and a claim of fifty thousand
    # addresses is five hundred transactions, not fifty thousand calls.
    shards: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        shards[key[-1]].append(key)
    return shards


def _claim_row(shard: str, key: str, batch: str, address: str) -> Row:
    return _keyed(shard, key, {"batch": batch, "address": normal_address(address)})


def _seats(row: TableEntity | None) -> Seats:
    return {} if row is None else dict(json.loads(row["reservations"]))


def _seats_columns(seats: Seats) -> Columns:
    text = json.dumps(dict(seats), sort_keys=True)
    return {"reservations": checked_text("reservations", text)}
