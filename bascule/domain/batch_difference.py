"""What changed between a batch as it runs and a file uploaded again: for a person to review, never applied silently."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bascule.domain.batch_rows import BatchRow


@dataclass(frozen=True)
class RowFacts:
    """A row without its secrets."""

    address: str
    """Normal form."""
    user_name: str
    display_name: str
    cohort: str
    cutover_at_utc: datetime | None
    usage_location: str
    password_mark: str
    """Opaque keyed digest of the row's passwords: equal marks, equal passwords. Made where the key is."""
    unit: str = ""


@dataclass(frozen=True)
class RowChange:
    """A mailbox whose row says something else now."""

    address: str
    fields: tuple[str, ...]
    """Names of the `RowFacts` fields that differ, in their order."""


@dataclass(frozen=True)
class Difference:
    """Addresses by what happened to them, each sorted."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[RowChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True)
class PendingRow:
    """A row of a changed upload that the difference names."""

    facts: RowFacts
    fields: tuple[str, ...] = ()
    """The `RowFacts` fields that the difference shows; nothing else of the row is applied. Empty: the row is new."""
    cutover_before_utc: datetime | None = None
    """The instant that the mailbox had when the difference was made."""

    @property
    def brings_password(self) -> bool:
        """Whether applying it takes over the row's passwords: it is new, or they are others."""
        return not self.fields or "password_mark" in self.fields


@dataclass(frozen=True)
class PendingDifference:
    """What applies when a difference is accepted: what was shown, to the batch that it was shown for."""

    base_fingerprint: str
    """The upload that the batch had taken in when the difference was made."""
    rows: tuple[PendingRow, ...]


def pending_rows(
    found: Difference, old: Mapping[str, RowFacts], new: Iterable[RowFacts]
) -> tuple[PendingRow, ...]:
    """The `new` rows that a difference names, each with what it changes; those that it removes are none."""
    fields = {change.address: change.fields for change in found.changed}
    added = frozenset(found.added)
    return tuple(
        PendingRow(
            facts,
            fields.get(facts.address, ()),
            None if facts.address in added else old[facts.address].cutover_at_utc,
        )
        for facts in new
        if facts.address in added or facts.address in fields
    )


def facts_of(row: BatchRow, password_mark: str) -> RowFacts:
    """What may be remembered of a row in clear."""
    return RowFacts(
        address=row.address,
        user_name=row.user_name,
        display_name=row.display_name,
        cohort=row.cohort,
        cutover_at_utc=row.cutover_at_utc,
        usage_location=row.usage_location,
        password_mark=password_mark,
        unit=row.unit,
    )


def difference(old: Mapping[str, RowFacts], new: Iterable[RowFacts]) -> Difference:
    """What `new` rows change in `old` ones, kept by address; the order of rows means nothing."""
    fresh = {facts.address: facts for facts in new}
    both = sorted(old.keys() & fresh.keys())
    changes = (_change(old[address], fresh[address]) for address in both)
    return Difference(
        added=tuple(sorted(fresh.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - fresh.keys())),
        changed=tuple(change for change in changes if change.fields),
    )


def _change(old: RowFacts, new: RowFacts) -> RowChange:
    names = (field.name for field in dataclasses.fields(RowFacts))
    return RowChange(
        new.address, tuple(name for name in names if getattr(old, name) != getattr(new, name))
    )
