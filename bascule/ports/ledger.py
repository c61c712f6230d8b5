"""The one truth about batches and mailboxes, and who may hold an address."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from bascule.domain.records import BatchRecord, JournalEntry, MailboxRecord


class Ledger(Protocol):
    """Rows with compare-and-set. Every method may raise Unreachable."""

    def find_batch(self, name: str) -> BatchRecord | None:
        """The batch of that name."""
        ...

    def batches(self) -> Iterator[BatchRecord]:
        """Every batch, by name."""
        ...

    def add_batch(self, record: BatchRecord) -> bool:
        """Add a batch; False when one of that name is there, which is left as it is."""
        ...

    def amend_batch(self, name: str, change: Callable[[BatchRecord], BatchRecord]) -> BatchRecord:
        """Read, change, write if unchanged meanwhile; otherwise read again and try again, a bounded number of times.

        `change` must be free of effects: it may be called more than once. Raises Conflict when it never succeeds,
        KeyError when there is no such row.
        """
        ...

    def find_mailbox(self, batch: str, key: str) -> MailboxRecord | None:
        """The mailbox of that key in the batch."""
        ...

    def mailboxes(self, batch: str, after: str = "") -> Iterator[MailboxRecord]:
        """Every mailbox of a batch behind the key `after`, by key, page by page; what is before is not read."""
        ...

    def mailbox_keys(self, batch: str, after: str, count_max: int) -> tuple[str, ...]:
        """At most `count_max` keys behind `after`, in order; empty `after` begins."""
        ...

    def add_mailboxes(self, records: Iterable[MailboxRecord]) -> int:
        """Add those that are not there yet; how many were added. All of one batch."""
        ...

    def amend_mailbox(
        self, batch: str, key: str, change: Callable[[MailboxRecord], MailboxRecord]
    ) -> MailboxRecord:
        """As `amend_batch`, for a mailbox."""
        ...

    def claim(self, batch: str, addresses: Iterable[str]) -> Mapping[str, str]:
        """Claim addresses for a batch; answers {address: batch that holds it} for those that another one holds.

        Claiming what one holds is success. An address belongs to at most one open batch.
        """
        ...

    def release(self, batch: str, addresses: Iterable[str]) -> None:
        """Give up claims of this batch; others' claims are left alone."""
        ...

    def reserve_seats(
        self, sku_id: str, change: Callable[[Mapping[str, int]], Mapping[str, int]]
    ) -> Mapping[str, int]:
        """Compare-and-set of the reservations of a SKU, {batch or run: seats}; the ones now in force."""
        ...


class Journal(Protocol):
    """Append-only: every effect on the world."""

    def note(self, entry: JournalEntry) -> None:
        """Append one entry. Two entries of one instant both stay."""
        ...

    def entries(self, batch: str) -> Iterator[JournalEntry]:
        """All entries of a batch in the order of their instants."""
        ...
