"""New passwords on their way to people: what is known of each while it is sealed. No password stands in any of it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bascule.domain.addresses import mailbox_key
from bascule.domain.plan import PasswordRule
from bascule.domain.records import MailboxRecord

ENTRY_PREFIX = "hand-out/"
DAY_PREFIX = "hand-out-day/"
TOLD_PREFIX = "told/"


@dataclass(frozen=True)
class Person:
    """Whose password it is, and how they are sorted when passwords are handed out."""

    address: str
    """The sign-in name, lower case."""
    display_name: str = ""
    cohort: str = ""
    unit: str = ""
    batch: str = ""


@dataclass(frozen=True)
class SealedPassword:
    """Where one password is sealed, and what is known of it."""

    day: str
    """ISO date of the sealing; all passwords of a day are sealed under one key, which is destroyed with them."""
    key: str
    origin: str
    """Who brought it: a batch, an import, a request."""
    rule: PasswordRule
    sealed_utc: datetime
    set_utc: datetime | None = None
    """When the directory took it; None: not yet."""
    set_by: str = ""
    is_certain: bool = True
    """False: the account was found after a creation whose answer was lost, so that it may have another password."""


@dataclass(frozen=True)
class HandOut:
    """What is kept for one person: the password in force, and one that waits to be set."""

    person: Person
    waiting: SealedPassword | None = None
    current: SealedPassword | None = None
    exported_utc: datetime | None = None
    """When somebody said that the one in force is written down; None: nobody has."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is sealed for this person any more."""
        return self.waiting is None and self.current is None


@dataclass(frozen=True)
class SealingDay:
    """A day on which passwords were sealed, so that its key is found again when its time is over."""

    day: str


@dataclass(frozen=True)
class Told:
    """That somebody was told of a request, or that nobody knows whether the mail went out."""

    address: str
    day: str


def told_name(request: str, address: str) -> str:
    """The document that says that somebody was told of a request."""
    return f"{TOLD_PREFIX}{request}/{mailbox_key(address)}"


def entry_name(address: str) -> str:
    """The document of a person."""
    return ENTRY_PREFIX + mailbox_key(address)


def day_name(day: str) -> str:
    """The document of a day."""
    return DAY_PREFIX + day


def vault_of(day: str) -> str:
    """What the passwords of a day are sealed under, as if they were a batch; no batch may be called so."""
    return f"hand-out {day}"


def is_over(day: str, now_utc: datetime, keep_days: int) -> bool:
    """Whether the passwords of a day have been kept long enough."""
    return date.fromisoformat(day) + timedelta(days=keep_days) < now_utc.date()


def person_of(record: MailboxRecord) -> Person:
    """The person of a mailbox."""
    return Person(
        record.address, record.display_name, record.cohort or "default", record.unit, record.batch
    )


def batch_origin(batch: str) -> str:
    """How a batch is named as the one who brought a password."""
    return f"batch {batch}"
