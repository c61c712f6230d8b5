"""The ledger in memory, with the table store's promises and no others."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from bascule.domain.addresses import mailbox_key
from bascule.domain.records import BatchRecord, MailboxRecord
from sandbox.bound.rows import Rows

T = TypeVar("T")
Seats = Mapping[str, int]


class MemoryLedger:
    """Implements `bascule.ports.ledger.Ledger`."""

    def __init__(self) -> None:
        self._batches: Rows[BatchRecord] = Rows()
        # By batch, because every look at one batch would otherwise cost all mailboxes of all batches.
        self._mailboxes: dict[str, Rows[MailboxRecord]] = {}
        self._claims: Rows[str] = Rows()
        self._seats: Rows[Seats] = Rows()

    def find_batch(self, name: str) -> BatchRecord | None:
        """The batch of that name."""
        return self._batches.find(name)

    def batches(self) -> Iterator[BatchRecord]:
        """Every batch, by name."""
        return _in_order(self._batches)

    def add_batch(self, record: BatchRecord) -> bool:
        """Add a batch; False when one of that name is there."""
        return self._batches.add(record.name, record)

    def amend_batch(self, name: str, change: Callable[[BatchRecord], BatchRecord]) -> BatchRecord:
        """Compare-and-set of a batch."""
        return self._batches.amend(name, _there(f"batch {name}"), change)

    def find_mailbox(self, batch: str, key: str) -> MailboxRecord | None:
        """The mailbox of that key in the batch."""
        return self._of(batch).find(key)

    def mailboxes(self, batch: str, after: str = "") -> Iterator[MailboxRecord]:
        """Every mailbox of a batch behind a key, by key."""
        return _in_order(self._of(batch), after)

    def mailbox_keys(self, batch: str, after: str, count_max: int) -> tuple[str, ...]:
        """At most `count_max` keys behind `after`, in order."""
        return tuple(key for key in self._of(batch).ordered_keys() if key > after)[:count_max]

    def add_mailboxes(self, records: Iterable[MailboxRecord]) -> int:
        """Add those that are not there yet."""
        rows = list(records)
        if len({row.batch for row in rows}) > 1:
            raise ValueError("mailboxes of more than one batch")
        return sum(self._of(row.batch).add(row.key, row) for row in rows)

    def amend_mailbox(
        self, batch: str, key: str, change: Callable[[MailboxRecord], MailboxRecord]
    ) -> MailboxRecord:
        """Compare-and-set of a mailbox."""
        return self._of(batch).amend(key, _there(f"mailbox {key} of batch {batch}"), change)

    def claim(self, batch: str, addresses: Iterable[str]) -> Mapping[str, str]:
        """Claim addresses; creating the row is the claim."""
        held: dict[str, str] = {}
        for address in addresses:
            key = mailbox_key(address)
            if not self._claims.add(key, batch):
                holder = self._claims.find(key) or batch
                if holder != batch:
                    held[address] = holder
        return held

    def release(self, batch: str, addresses: Iterable[str]) -> None:
        """Give up claims of this batch."""
        for address in addresses:
            self._claims.remove_if(mailbox_key(address), lambda holder: holder == batch)

    def reserve_seats(self, sku_id: str, change: Callable[[Seats], Seats]) -> Seats:
        """Compare-and-set of the reservations of a SKU."""
        return self._seats.amend(sku_id, lambda found: found or {}, lambda now: dict(change(now)))

    def claimed(self) -> dict[str, str]:
        """{mailbox key: batch} of every claim, for whoever looks on."""
        return {
            key: holder for key in self._claims.ordered_keys() if (holder := self._claims.find(key))
        }

    def _of(self, batch: str) -> Rows[MailboxRecord]:
        return self._mailboxes.setdefault(batch, Rows())


def _in_order(rows: Rows[T], after: str = "") -> Iterator[T]:
    found = (rows.find(key) for key in rows.ordered_keys() if key > after)
    return (value for value in found if value is not None)


def _there(what: str) -> Callable[[T | None], T]:
    def read(found: T | None) -> T:
        if found is None:
            raise KeyError(what)
        return found

    return read
