"""What is remembered of the directory between looks, and what its story and its steps hand each other."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from bascule.domain.directory_objects.changes import Blocked, Change

# No batch can be called this: the name has a dot. Partition of the journal, folder of the reports, id of the story.
DIRECTORY = "directory.objects"
HEAD = "directory"
"""Name of the head's document."""
WAITING_PREFIX = "directory-waiting-"
REFUSALS = "directory-refusals"
# Addresses of 254 characters, with their quotes: a document takes some 30 000 characters.
WAITING_EACH_MAX = 100
# What a report shows is for a person, and has to fit into a document.
REFUSALS_KEPT_MAX = 50
REFUSAL_LENGTH_MAX = 300


@dataclass(frozen=True)
class DirectoryHead:
    """Which files are in force, and how far their application has come."""

    fingerprint: str
    """Of the files in force; names the blob in which they are kept."""
    uploaded_utc: datetime
    uploaded_by: str
    asked_utc: datetime | None = None
    """When their application was last asked for, by a person or by mailboxes that arrived."""
    asked_by: str = ""
    request_number: int = 0
    """Counts what was asked, so that an application that is overtaken by another does not settle it."""
    removals_agreed: str = ""
    """Digest of the removals that somebody has seen and agreed to; found others, none is made. Of this application only."""
    settled_utc: datetime | None = None
    """When the last application ended; None while one is under way."""
    round_number: int = 0
    """How often the tenant was compared since it was asked for."""
    plan_id: str = ""
    """The list of changes that is being done, or was done last; empty before the first."""
    position: int = 0
    """How many of them were dealt with."""
    change_count: int = 0
    done: dict[str, int] = field(default_factory=dict)
    """{kind of change: how many} since it was asked for."""
    waiting_count: int = 0
    """People who are wanted and were not there at the last look."""

    @property
    def has_work(self) -> bool:
        """Whether changes of the list are left to do."""
        return self.position < self.change_count

    @property
    def is_under_way(self) -> bool:
        """Whether an application was asked for and has not ended."""
        return self.asked_utc is not None and self.settled_utc is None


def asked(
    head: DirectoryHead, now_utc: datetime, asked_by: str, removals_agreed: str = ""
) -> DirectoryHead:
    """The head of an application that begins; the list of an earlier one is dropped."""
    return replace(
        head,
        asked_utc=now_utc,
        asked_by=asked_by,
        request_number=head.request_number + 1,
        settled_utc=None,
        removals_agreed=removals_agreed,
        round_number=0,
        plan_id="",
        position=0,
        change_count=0,
        done={},
    )


@dataclass(frozen=True)
class AwaitedPeople:
    """Some of those who are wanted and not there yet."""

    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Refusals:
    """Changes that Exchange refused, the last ones of this application."""

    entries: tuple[Blocked, ...] = ()

    def with_one(self, address: str, why: str) -> "Refusals":
        """One more; the same object's earlier refusal gives way, and so do the oldest."""
        others = tuple(each for each in self.entries if each.address != address)
        entry = Blocked(address, why[:REFUSAL_LENGTH_MAX])
        return Refusals((*others, entry)[-REFUSALS_KEPT_MAX:])


@dataclass(frozen=True)
class ChangeList:
    """A page of the changes of one round, in order; kept as a report."""

    plan_id: str
    changes: tuple[Change, ...]


class Phase(StrEnum):
    """What the directory's story has to do next."""

    IDLE = "idle"
    COMPARE = "compare"
    APPLY = "apply"
    WATCH = "watch"


@dataclass(frozen=True)
class DirectoryRef:
    """How the story and its steps name the directory; there is one."""

    name: str = DIRECTORY


@dataclass(frozen=True)
class Standing:
    """Where the directory stands."""

    phase: Phase
    plan_id: str = ""
    position: int = 0
    change_count: int = 0
    waiting_count: int = 0
    round_number: int = 0


@dataclass(frozen=True)
class ChunkRequest:
    """Do some changes of a list, from this position on."""

    plan_id: str
    position: int


@dataclass(frozen=True)
class ChunkFacts:
    """How far the list has been dealt with, and how long to wait before going on."""

    position: int
    change_count: int
    wait_s: float = 0.0
