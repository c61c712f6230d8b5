"""What was done at each user's desk: marks by hand, kept in chunks that fit into one row.

A batch begins with as many chunks as its rows need. It may grow later: a chunk that is full stays as it is, and whoever
comes next stands in one of its children, of which each chunk has four. Nobody is ever moved, so two who write at once
agree on where a mailbox stands.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bascule.domain.plan_workstations import WorkstationsPlan

# A mailbox with five marks has some 600 characters, at most 900; a document holds 30 000.
CHUNK_MAILBOXES = 20
"""As they are cut; so few chunks of a batch that does not grow become full."""
CHUNK_MAILBOXES_MAX = 32
CHILD_COUNT = 4
# A single chunk with its children down to here holds more than two million mailboxes, a batch has 50 000.
LEVEL_COUNT_MAX = 9
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


DeskChange = Callable[[Desk], Desk]


@dataclass(frozen=True)
class DeskChunk:
    """Desks by mailbox key; whoever is not here has done nothing yet."""

    desks: dict[str, Desk] = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        """Whether newcomers stand in its children."""
        return len(self.desks) >= CHUNK_MAILBOXES_MAX

    @property
    def is_frozen(self) -> bool:
        """Whether it was filled beyond the limit, as an earlier release did: its children overrule it."""
        return len(self.desks) > CHUNK_MAILBOXES_MAX


@dataclass(frozen=True)
class DeskChunks:
    """Into how many chunks the desks of a batch are cut at the first level; settled at the first mark, for good."""

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
    """The chunk of a mailbox among so many: the same for ever, whoever else comes or goes."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % count


def level_count(count: int, level: int) -> int:
    """How many chunks there are at a level, of which the first has `count`."""
    return count * int(CHILD_COUNT**level)


def children(number: int, count: int, level: int) -> tuple[int, ...]:
    """The chunks of the next level whose mailboxes all belong to this one of this level: `chunk_of` is a remainder."""
    step = level_count(count, level)
    return tuple(number + step * each for each in range(CHILD_COUNT))


def chunk_name(batch: str, number: int, level: int = 0) -> str:
    """The document of a chunk; those of the first level are named as before there were others."""
    below = f"{level}/" if level else ""
    return f"workstations/{batch}/{below}{number:05d}"


def chunks_name(batch: str) -> str:
    """The document that says how many chunks there are."""
    return f"workstations/{batch}"


def changed(
    chunk: DeskChunk, changes: Mapping[str, DeskChange], frozen: Mapping[str, Desk]
) -> DeskChunk:
    """The chunk after the changes of those who stand in it, and of newcomers while there is room.

    `frozen` are the desks of chunks above that cannot be changed any more: what is here goes on from them.
    """
    if chunk.is_frozen:
        return chunk
    desks = dict(chunk.desks)
    for key, change in changes.items():
        if key in desks or len(desks) < CHUNK_MAILBOXES_MAX:
            desks[key] = change(desks.get(key) or frozen.get(key) or Desk())
    return DeskChunk(desks)


def ticked(desk: Desk, tick: Tick, by: str, at_utc: datetime) -> Desk:
    """The desk after a tick; a mark that is there stays as it was first set."""
    others = tuple(mark for mark in desk.marks if mark.step != tick.step)
    if not tick.is_done:
        return replace(desk, marks=others)
    if tick.step in desk.done:
        return desk
    return replace(desk, marks=(*others, Mark(tick.step, by[:BY_LENGTH_MAX], at_utc)))


def is_reminder_due(
    desk: Desk, plan: WorkstationsPlan, migrated_utc: datetime, now_utc: datetime
) -> bool:
    """Whether a user with open steps is told again now."""
    if desk.reminder_count >= plan.reminder_count_max or not desk.open_steps(plan.steps):
        return False
    since_utc = max(migrated_utc, desk.reminded_utc or migrated_utc)
    return now_utc - since_utc >= timedelta(days=plan.reminder_days)


def reminded(desk: Desk, at_utc: datetime) -> Desk:
    """The desk after one more reminder to its user."""
    return replace(desk, reminder_count=desk.reminder_count + 1, reminded_utc=at_utc)
