"""What is asked of the licences of many accounts at once, and what became of each."""

from dataclasses import dataclass, field
from datetime import datetime

# Mailboxes of one run, which ends well within an hour at five changes a second; what is left over is the next run's.
RUN_COUNT_MAX = 1_000


@dataclass(frozen=True)
class LicenceRun:
    """Bring the licences of a batch's mailboxes, or of a cohort's accounts, to what the plan says."""

    request: str
    """The story's id, by which reports and the journal name it."""
    asked_by: str
    batch: str = ""
    cohort: str = ""
    """Exactly one of the two."""
    has_newcomers: bool = True
    """Of a cohort: accounts whose address fits its patterns and that no batch has had; otherwise only migrated ones."""
    count_max: int = RUN_COUNT_MAX
    """Newcomers changed at most; mailboxes, which a batch has named one by one, are bounded by RUN_COUNT_MAX alone."""
    is_dry_run: bool = False


@dataclass(frozen=True)
class LicenceLine:
    """One account of a run: what would change or has changed, or why nothing can."""

    address: str
    cohort: str
    change: str = ""
    """Licences that come (+) and go (-), each with how many of its services stay off; empty: none."""
    code: str = ""
    """Of a refusal."""
    detail: str = ""
    is_left_over: bool = False
    """Beyond what one run may change: the next one's."""


@dataclass(frozen=True)
class LicenceWork:
    """What a run has to do."""

    addresses: tuple[str, ...]
    """Of accounts to change, within the run's limits."""
    more_count: int
    """Accounts to change beyond the limits."""
    refused: tuple[LicenceLine, ...]
    """The first of those that cannot be changed."""
    refused_count: int


@dataclass(frozen=True)
class LicenceChunk:
    """Some accounts of a run."""

    run: LicenceRun
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class LicenceOutcome:
    """What became of a chunk."""

    changed_count: int
    refused: tuple[LicenceLine, ...]
    left: tuple[str, ...] = ()
    """Accounts not looked at yet, because the directory wants to be spared."""
    wait_s: float = 0.0
    not_yet: tuple[LicenceLine, ...] = ()
    """Accounts that the directory does not show or license yet, and how to refuse them if that stays so."""


@dataclass(frozen=True)
class LicenceProgress:
    """Where a run stands; what its story carries from one generation to the next."""

    run: LicenceRun
    is_planned: bool = False
    addresses: tuple[str, ...] = ()
    """Still to change."""
    changed_count: int = 0
    more_count: int = 0
    refused: tuple[LicenceLine, ...] = ()
    refused_count: int = 0
    try_count: int = 0
    late_counts: dict[str, int] = field(default_factory=dict)
    """{address: tries} of accounts that were not yet to be licensed; they stand behind the others."""
    stopped: str = ""
    """Why the run ends before its time."""


@dataclass(frozen=True)
class CohortRuns:
    """What the timer remembers of a cohort."""

    services_on_for: str = ""
    """The plan's instant for which the services of every migrated mailbox were switched on."""
    newcomers_utc: datetime | None = None
    """When newcomers were looked for last."""
    stopped_utc: datetime | None = None
    """When a run was stopped; None when the last one came to its end."""


@dataclass(frozen=True)
class NewcomerPage:
    """A page of the newcomers for whom a run has asked for seats; the ledger says how many of them, in order, have one."""

    cohort: str
    addresses: tuple[str, ...]
    until_utc: datetime
    """From then on they stand for nothing; of several pages the latest counts."""


@dataclass(frozen=True)
class LicencePreview:
    """Exactly what a run would change."""

    lines: tuple[LicenceLine, ...] = field(default=())
    unchanged_count: int = 0
    unknown_services: tuple[str, ...] = ()
    """`COHORT: SERVICE` for services that the cohort names and its licence does not have."""
    left_over_count: int = 0
    """Accounts to change beyond the run's limits."""
