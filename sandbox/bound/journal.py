"""The journal in memory."""

from collections.abc import Iterator

from bascule.domain.records import JournalEntry


class MemoryJournal:
    """Implements `bascule.ports.ledger.Journal`: append-only."""

    def __init__(self) -> None:
        self._entries: list[JournalEntry] = []

    def note(self, entry: JournalEntry) -> None:
        """Append one entry."""
        self._entries.append(entry)

    def kept(self) -> list[JournalEntry]:
        """Every entry of everything, for whoever looks on."""
        return self._entries

    def entries(self, batch: str) -> Iterator[JournalEntry]:
        """All entries of a batch, the oldest first."""
        of_batch = (entry for entry in self._entries if entry.batch == batch)
        return iter(sorted(of_batch, key=lambda entry: entry.at_utc))
