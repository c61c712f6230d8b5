"""The end of the migration: what has to be true, in which order it becomes true, and what waits for a person's word.

LOWERING       the TTL of what will change is low, and everybody has forgotten the old one
CHANGING       every server shows the tenant's records, and everybody has forgotten the old ones
READY          word AUTHORITATIVE
TURNING        the tenant takes the domains for its own, one after the other
ROUTING        word ROUTING: rule, connectors and group are taken down
ENDPOINT       word ENDPOINT: Exchange needs no way to Dovecot any more
KEYS           word KEYS: the keys of all batches are destroyed
SEPARATING     SPF lets the tenant alone send
COMPLETE       the final report is written
STOPPED        somebody took the first word back; as if it had not been said
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from bascule.domain.records import BatchRecord, MailboxRecord
from bascule.domain.stages import Stage

# The name of the document and of the story, and the key of its entries in the journal.
COMPLETION = "tenant-completion"
# Whose journal and reports it is; no batch can be called so, their names are in lower case.
JOURNAL = "TENANT"
# A person reads this many names, not thousands; the count beside them is whole.
NAMED_COUNT_MAX = 50
# Records that were changed before anybody looked: nobody knows their TTL, and a day is what most zones have.
UNSEEN_TTL_S = 86_400
# A document holds some 30 000 characters.
FINDING_COUNT_MAX = 30
FINDING_LENGTH_MAX = 500


class Phase(StrEnum):
    """What is being waited for."""

    LOWERING = "lowering"
    CHANGING = "changing"
    READY = "ready"
    TURNING = "turning"
    ROUTING = "routing"
    ENDPOINT = "endpoint"
    KEYS = "keys"
    SEPARATING = "separating"
    COMPLETE = "complete"
    STOPPED = "stopped"


class Word(StrEnum):
    """What only a person decides."""

    BEGIN = "begin"
    STOP = "stop"
    """Forget that it was begun; possible until the first step that cannot be taken back."""
    AUTHORITATIVE = "authoritative"
    ROUTING = "routing"
    ENDPOINT = "endpoint"
    KEYS = "keys"


# Which phase waits for which word; each of them cannot be taken back.
AWAITED: MappingProxyType[Phase, Word] = MappingProxyType(
    {
        Phase.READY: Word.AUTHORITATIVE,
        Phase.ROUTING: Word.ROUTING,
        Phase.ENDPOINT: Word.ENDPOINT,
        Phase.KEYS: Word.KEYS,
    }
)
# Public DNS is looked at; at the others what was found before counts no more.
WATCHED = frozenset({Phase.LOWERING, Phase.CHANGING, Phase.READY, Phase.TURNING, Phase.SEPARATING})
# Nothing that cannot be taken back has been begun yet.
REVERSIBLE = frozenset({Phase.LOWERING, Phase.CHANGING, Phase.READY})


@dataclass(frozen=True)
class WordGiven:
    """Who said a word, and when."""

    word: Word
    by: str
    at_utc: datetime


@dataclass(frozen=True)
class CompletionRecord:
    """Everything the completion has to remember; one document."""

    phase: Phase = Phase.LOWERING
    phase_since_utc: datetime | None = None
    words: tuple[WordGiven, ...] = ()
    closed_utc: datetime | None = None
    """From here on nothing new begins: uploads are refused. Set with the first word that cannot be taken back."""
    old_ttl_s: int = 0
    """The longest TTL that was seen while it was too high; somebody may remember for as long."""
    lowered_utc: datetime | None = None
    """Since when every TTL has been low."""
    replaced_ttl_s: int = 0
    """The longest TTL of what had to change, seen since it was low."""
    shown_utc: datetime | None = None
    """Since when every server has shown every record."""
    findings: tuple[str, ...] = ()
    """What was wrong at the last look, `kind name: detail`, bounded."""
    looked_utc: datetime | None = None
    told_utc: datetime | None = None
    """When the operator was last told what this phase asks of them."""

    def has(self, word: Word) -> bool:
        """Whether the word was given."""
        return any(given.word is word for given in self.words)

    @property
    def awaited_word(self) -> Word | None:
        """The word that is waited for now; None when none is, or it was given."""
        word = AWAITED.get(self.phase)
        return None if word is None or self.has(word) else word

    @property
    def is_closed(self) -> bool:
        """Whether nothing new may begin any more."""
        return self.closed_utc is not None


@dataclass(frozen=True)
class CompletionRef:
    """How the story and its steps name what they are about: there is one tenant."""

    tenant: str = ""


@dataclass(frozen=True)
class CompletionView:
    """The record as the story sees it."""

    exists: bool
    phase: Phase
    awaited_word: Word | None
    look_s: float
    """Until the next look at public DNS."""


@dataclass(frozen=True)
class DnsFacts:
    """What one look at public DNS came to."""

    is_done: bool
    """Whether the phase has what it waits for."""
    wait_s: float
    """Until it is worth looking again."""
    finding_count: int


@dataclass(frozen=True)
class Held:
    """How many mailboxes or batches hold the completion up, and some of them by name."""

    count: int
    named: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        more = "" if self.count <= len(self.named) else f" and {self.count - len(self.named)} more"
        return f"{self.count} not proven: {'; '.join(self.named)}{more}"


def is_proven(record: MailboxRecord, *, finally_: bool) -> bool:
    """Whether a mailbox needs nothing of the old system any more.

    `finally_`: also the last sweep after the grace is done, so that no queued message can arrive there late and nobody
    can ask for a rollback.
    """
    if record.stage is Stage.ABANDONED:
        return True
    is_migrated = record.stage is Stage.MIGRATED and record.rollback_began_utc is None
    return is_migrated and (record.closed_utc is not None or not finally_)


def batch_problem(batch: BatchRecord) -> str:
    """Why a batch itself is not at its end: rows may still come; empty when none can."""
    if batch.closed_utc is not None:
        return ""
    if not batch.is_open:
        return "is being registered"
    if batch.accepted_fingerprint:
        return "has an accepted change that is not yet applied"
    return ""


def standing(record: CompletionRecord | None) -> CompletionRecord | None:
    """The record, if it is one of a completion that was begun and not stopped."""
    return None if record is None or record.phase is Phase.STOPPED else record


def stopped(record: CompletionRecord, given: WordGiven) -> CompletionRecord:
    """The record of a completion that nobody goes on with; it says who stopped it, and holds nothing up."""
    return CompletionRecord(Phase.STOPPED, given.at_utc, (*record.words, given))


def held(problems: Iterable[str]) -> Held:
    """The problems, counted whole and named as far as a person reads."""
    found = list(problems)
    return Held(len(found), tuple(found[:NAMED_COUNT_MAX]))


def mailbox_problems(
    batch: str, records: Iterable[MailboxRecord], *, finally_: bool
) -> Iterator[str]:
    """Each mailbox that is not proven, with where it stands."""
    for record in records:
        if not is_proven(record, finally_=finally_):
            late = " and not yet swept for the last time" if record.stage is Stage.MIGRATED else ""
            yield f"{record.address} in {batch} is {record.stage}{late}"


def advanced(
    record: CompletionRecord, before: Phase, after: Phase, now_utc: datetime
) -> CompletionRecord:
    """The record in another phase, if it is still in the one before: a step that runs late moves nothing back."""
    if record.phase is not before:
        return record
    return replace(record, phase=after, phase_since_utc=now_utc, told_utc=None)


def lowering(
    record: CompletionRecord, *, high_ttl_s: int, is_unknown: bool, now_utc: datetime
) -> CompletionRecord:
    """The record after a look at TTLs; `high_ttl_s` is 0 when all are low."""
    if high_ttl_s:
        old_ttl_s = max(record.old_ttl_s, high_ttl_s)
        return replace(record, old_ttl_s=old_ttl_s, lowered_utc=None)
    if is_unknown or record.lowered_utc is not None:
        return record
    return replace(record, lowered_utc=now_utc)


def lowered_wait_s(record: CompletionRecord, now_utc: datetime) -> float | None:
    """Seconds until everybody has forgotten the old TTL; None while it is not low everywhere."""
    return _left_s(record.lowered_utc, record.old_ttl_s, now_utc)


def changing(
    record: CompletionRecord, *, longest_ttl_s: int, is_shown: bool, now_utc: datetime
) -> CompletionRecord:
    """The record after a look at the records themselves."""
    replaced_ttl_s = max(record.replaced_ttl_s, longest_ttl_s)
    if is_shown and not replaced_ttl_s:
        replaced_ttl_s = record.old_ttl_s or UNSEEN_TTL_S
    shown_utc = (record.shown_utc or now_utc) if is_shown else None
    return replace(record, replaced_ttl_s=replaced_ttl_s, shown_utc=shown_utc)


def shown_wait_s(record: CompletionRecord, now_utc: datetime) -> float | None:
    """Seconds until everybody has forgotten the old records; None while the new ones are not shown everywhere."""
    return _left_s(record.shown_utc, record.replaced_ttl_s, now_utc)


def forgotten_utc(record: CompletionRecord) -> datetime | None:
    """When everybody will have forgotten what this phase replaces; None when that is not, or not yet, waited for."""
    since_utc, ttl_s = {
        Phase.LOWERING: (record.lowered_utc, record.old_ttl_s),
        Phase.CHANGING: (record.shown_utc, record.replaced_ttl_s),
    }.get(record.phase, (None, 0))
    return None if since_utc is None else since_utc + timedelta(seconds=ttl_s)


def _left_s(since_utc: datetime | None, ttl_s: int, now_utc: datetime) -> float | None:
    if since_utc is None:
        return None
    return max(0.0, (since_utc + timedelta(seconds=ttl_s) - now_utc).total_seconds())
