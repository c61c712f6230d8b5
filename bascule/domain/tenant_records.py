"""What is remembered about the tenant as a whole, and what its stories ask of steps. No secret stands in any of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bascule.domain.tenant import Difference, Part, TenantObject

# Names of documents.
PREPARATION = "tenant-preparation"
RECORD = "tenant-record"
BINDING = "tenant-binding"
DRIFT = "tenant-drift"
DEEDS = "tenant-deeds"
# Whose journal it is; no batch can be called so, their names are in lower case.
JOURNAL = "TENANT"
# The one story of its kind.
PREPARATION_ID = "tenant-preparation"
DANGER_LENGTH_MAX = 300


class PartState(StrEnum):
    """How far one part has come."""

    DONE = "done"
    WAITING = "waiting"
    REFUSED = "refused"


@dataclass(frozen=True)
class PartRef:
    """One part of the tenant, by its name in the plan."""

    part: Part
    name: str


@dataclass(frozen=True)
class PartProgress:
    """How far a part has come; `detail` says what it waits for, or why it was refused."""

    ref: PartRef
    state: PartState
    detail: str = ""


@dataclass(frozen=True)
class Preparation:
    """The last preparation, or repair, that somebody asked for."""

    asked_by: str
    asked_utc: datetime
    is_repair: bool = False
    parts: tuple[PartProgress, ...] = ()
    detail: str = ""
    """What stands in the way of the whole."""
    finished_utc: datetime | None = None
    """When everything was found as wanted."""
    refused_utc: datetime | None = None
    """When it ended without that."""

    @property
    def is_under_way(self) -> bool:
        """Whether its story has something left to do."""
        return self.finished_utc is None and self.refused_utc is None


@dataclass(frozen=True)
class Deed:
    """One effect on the tenant, as its journal will tell it."""

    key: str
    """What is done to which part; begun again, it is the same deed."""
    effect: str
    before: str
    after: str


@dataclass(frozen=True)
class Deeds:
    """What was begun and not yet seen to have happened; one or two, as parts are made one after the other."""

    begun: tuple[Deed, ...] = ()

    def find(self, key: str) -> Deed | None:
        """The deed of that key."""
        return next((deed for deed in self.begun if deed.key == key), None)

    def with_deed(self, deed: Deed) -> "Deeds":
        """With this one, in place of an earlier try of it."""
        return Deeds((*self.without(deed.key).begun, deed))

    def without(self, key: str) -> "Deeds":
        """Without that one."""
        return Deeds(tuple(deed for deed in self.begun if deed.key != key))


@dataclass(frozen=True)
class TenantRecord:
    """The tenant as it was prepared or adopted: what the guard compares with."""

    objects: tuple[TenantObject, ...]
    recorded_utc: datetime
    recorded_by: str


@dataclass(frozen=True)
class Binding:
    """Which group the rule was last written for: a rule keeps to the group it knew, not to one made anew."""

    group_guid: str


@dataclass(frozen=True)
class Finding:
    """Something that is not as recorded."""

    difference: Difference
    since_utc: datetime
    told_utc: datetime | None = None
    """When the operator was told; each finding is told once."""


@dataclass(frozen=True)
class Drift:
    """What the guard has found."""

    looked_utc: datetime | None = None
    """The last look at everything."""
    unknown_since_utc: datetime | None = None
    """Since when no look was answered whole; None while looks are."""
    unknown_why: str = ""
    unknown_told_utc: datetime | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def danger(self) -> str:
        """Why no mailbox may be turned now; empty when mail goes the ways that were prepared."""
        found = [f.difference for f in self.findings if f.difference.endangers_routing]
        return "; ".join(str(difference) for difference in found)[:DANGER_LENGTH_MAX]


@dataclass(frozen=True)
class PreparationRef:
    """The story's input: where the walk through the members goes on; empty at its begin."""

    after_batch: str = ""
    after_key: str = ""


@dataclass(frozen=True)
class PartList:
    """What is to be prepared, in order."""

    parts: tuple[PartRef, ...]
    is_repair: bool
    asked_utc: datetime
    problem: str = ""
    """Why nothing can be prepared by this plan."""


@dataclass(frozen=True)
class PartFacts:
    """Whether anything had to be written."""

    is_changed: bool


@dataclass(frozen=True)
class PreparationProgress:
    """What a walk through the parts has come to."""

    parts: tuple[PartProgress, ...]
    asked_utc: datetime
    """Which asking it walked for; another one that came meanwhile is walked for by itself."""
    detail: str = ""
    is_finished: bool = False
    is_refused: bool = False


@dataclass(frozen=True)
class MemberPage:
    """Mailboxes behind this one, batch by batch."""

    after_batch: str
    after_key: str
    count_max: int


@dataclass(frozen=True)
class MembersRestored:
    """How many were put back, and where the walk goes on; an empty batch: nowhere."""

    restored_count: int
    following_batch: str
    following_key: str


@dataclass(frozen=True)
class TenantQuestion:
    """Look at the tenant; `asked_by` is journaled."""

    asked_by: str


@dataclass(frozen=True)
class TenantFacts:
    """What the look came to."""

    finding_count: int
    danger: str
    is_unknown: bool = False
    """No look has been answered for long enough to be told."""
