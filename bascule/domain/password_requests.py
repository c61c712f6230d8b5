"""What an operator asks for many passwords at once, and what became of each. No password travels in any of it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bascule.domain.plan import PasswordRule
from bascule.domain.records import MailboxRef


@dataclass(frozen=True)
class Selection:
    """Whose passwords: of a batch, a cohort, a unit (all that are given must fit), or of accounts by name."""

    batch: str = ""
    cohort: str = ""
    unit: str = ""
    addresses: tuple[str, ...] = ()
    """Named ones; nothing else counts then."""


@dataclass(frozen=True)
class ResetRequest:
    """Give these accounts new passwords."""

    request: str
    """The request's id, by which a change that was made is known again."""
    selection: Selection
    asked_by: str
    rule: PasswordRule | None = None
    """None: each cohort's own."""
    must_change: bool | None = None
    """None: as each cohort says."""
    is_dry_run: bool = False
    is_notice_only: bool = False
    """Tell people what will happen to their passwords, and change none."""


@dataclass(frozen=True)
class AccountPageRequest:
    """Mailboxes of the selection behind `after`, at most `count_max`; empty `after` begins."""

    selection: Selection
    after: str
    count_max: int


@dataclass(frozen=True)
class AccountPage:
    """Accounts that may be of the selection; whoever reads their rows knows. `following` continues, empty at the end."""

    refs: tuple[MailboxRef, ...]
    following: str
    addresses: tuple[str, ...] = ()
    """Accounts of a cohort that stand in no batch."""


@dataclass(frozen=True)
class ResetChunk:
    """A part of a reset: mailboxes by reference, or accounts by name that no batch may know."""

    request: ResetRequest
    number: int
    """From 0; its report is named after it."""
    refs: tuple[MailboxRef, ...] = ()
    addresses: tuple[str, ...] = ()


class ResetResult(StrEnum):
    """What became of one account's password."""

    CHANGED = "changed"
    WOULD_CHANGE = "would change"
    REFUSED = "refused"


@dataclass(frozen=True)
class ResetLine:
    """One account of a reset's report."""

    address: str
    cohort: str
    result: ResetResult
    rule: str = ""
    """Which rule made the password."""
    why: str = ""
    """Of a refusal: the reason, beginning with its code where there is one."""


@dataclass(frozen=True)
class ResetOutcome:
    """A chunk in figures; its lines stand in the reports container."""

    changed_count: int
    refused: tuple[ResetLine, ...]
    forbidden_count: int = 0
    """How many of the refused were refused for want of a permission."""


class ResetPhase(StrEnum):
    """What a reset is doing."""

    TELL = "tell"
    WAIT = "wait"
    SET = "set"


@dataclass(frozen=True)
class ResetProgress:
    """How far a reset has come: what its story takes along from one generation to the next."""

    request: ResetRequest
    phase: ResetPhase = ResetPhase.TELL
    after: str = ""
    chunk_count: int = 0
    changed_count: int = 0
    refused_count: int = 0
    forbidden_count: int = 0
    told_count: int = 0
    try_count: int = 0
    """How often the present chunk has been tried in vain."""
    set_from_utc: datetime | None = None
    """When the passwords may be set: the notice's time ahead is over then."""
    refused: tuple[ResetLine, ...] = field(default=())
    """The first of them, for the answer."""


@dataclass(frozen=True)
class ToldFacts:
    """How many were told, and when the passwords may be set."""

    told_count: int
    ahead_s: float


def report_path(request: str, number: int) -> str:
    """The report of one chunk of a reset."""
    return f"passwords/{request}/{number:05d}.json"
