"""What was done at each user's desk: marks by hand, kept in chunks that fit into one row."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bascule.domain.plan_workstations import WorkstationsPlan

# A mailbox with five marks has some 600 characters, a document holds 30 000; so even an uneven chunk fits.
CHUNK_MAILBOXES = 20
# Who set a mark, as far as a row can afford it.
BY_LENGTH_MAX = 60


@dataclass(frozen=True)
class Mark:
    """A step that somebody says is done."""

    step: str
    by: str
    at_utc: datetime


@dataclass(frozen=True)
class Desk:
    """What is known of one user's workstations."""

    marks: tuple[Mark, ...] = ()
    reminder_count: int = 0
    reminded_utc: datetime | None = None

    @property
    def done(self) -> frozenset[str]:
        """The steps that are done."""
        return frozenset(mark.step for mark in self.marks)

    def open_steps(self, steps: Iterable[str]) -> tuple[str, ...]:
        """Those of the plan's steps that are not done, in the plan's order."""
        return tuple(step for step in steps if step not in self.done)


@dataclass(frozen=True)
class DeskChunk:
    """Desks by mailbox key; whoever is not here has done nothing yet."""

    desks: dict[str, Desk] = field(default_factory=dict)


@dataclass(frozen=True)
class DeskChunks:
    """Into how many chunks the desks of a batch are cut; settled at the first mark, for good."""

    count: int


@dataclass(frozen=True)
class Tick:
    """One mark to set, or to take back."""

    address: str
    step: str
    is_done: bool = True


def chunk_count(row_count: int) -> int:
    """How many chunks a batch of so many rows needs."""
    return max(1, -(-row_count // CHUNK_MAILBOXES))


def chunk_of(key: str, count: int) -> int:
    """The chunk of a mailbox: the same for ever, whoever else comes or goes."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % count


def chunk_name(batch: str, number: int) -> str:
    """The document of a chunk."""
    return f"workstations/{batch}/{number:05d}"


def chunks_name(batch: str) -> str:
    """The document that says how many chunks there are."""
    return f"workstations/{batch}"


def ticked(
    chunk: DeskChunk, ticks: Iterable[tuple[str, Tick]], by: str, at_utc: datetime
) -> DeskChunk:
    """The chunk after these (key, tick); a mark that is there stays as it was first set."""
    desks = dict(chunk.desks)
    for key, tick in ticks:
        desk = desks.get(key, Desk())
        others = tuple(mark for mark in desk.marks if mark.step != tick.step)
        if not tick.is_done:
            desks[key] = replace(desk, marks=others)
        elif tick.step not in desk.done:
            desks[key] = replace(desk, marks=(*others, Mark(tick.step, by[:BY_LENGTH_MAX], at_utc)))
    return DeskChunk(desks)


def is_reminder_due(
    desk: Desk, plan: WorkstationsPlan, migrated_utc: datetime, now_utc: datetime
) -> bool:
    """Whether a user with open steps is told again now."""
    if desk.reminder_count >= plan.reminder_count_max or not desk.open_steps(plan.steps):
        return False
    since_utc = max(migrated_utc, desk.reminded_utc or migrated_utc)
    return now_utc - since_utc >= timedelta(days=plan.reminder_days)


def reminded(chunk: DeskChunk, key: str, at_utc: datetime) -> DeskChunk:
    """The chunk after one more reminder to a user."""
    desk = chunk.desks.get(key, Desk())
    told = replace(desk, reminder_count=desk.reminder_count + 1, reminded_utc=at_utc)
    return DeskChunk({**chunk.desks, key: told})
