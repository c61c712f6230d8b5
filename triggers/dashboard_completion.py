"""What the dashboard shows of the end of the migration: one document is read, and no mailbox looked at."""

from dataclasses import dataclass
from datetime import datetime

from activities.completion_gate import completion_of
from bascule.domain.completion import (
    AWAITED,
    FINDING_COUNT_MAX,
    WATCHED,
    Phase,
    Word,
    forgotten_utc,
)
from bascule.ports.bundle import Ports
from triggers.completion_view import NOT_BEGUN

PHASES = tuple(phase for phase in Phase if phase is not Phase.STOPPED)


@dataclass(frozen=True)
class CompletionFacts:
    """Where the completion stands and what it waits for."""

    phase: str = NOT_BEGUN
    """`not_begun`, or a phase."""
    step: int = 0
    """The phase's number, from 1 to that of PHASES; 0 before it is begun."""
    since_utc: datetime | None = None
    awaited_word: str = Word.BEGIN.value
    """Empty: none is waited for."""
    said_word: str = ""
    """The last word, while its deed is not done; else empty."""
    forgotten_utc: datetime | None = None
    """When everybody will have forgotten the old records; None when that is not what is waited for."""
    looked_utc: datetime | None = None
    """The last look at public DNS; None when the phase needs none."""
    findings: tuple[str, ...] = ()
    is_closed: bool = False
    """Uploads are refused."""
    open_batch_count: int = 0
    """Batches that are not closed."""

    @property
    def is_begun(self) -> bool:
        """Whether somebody has said the first word."""
        return self.step > 0

    @property
    def is_complete(self) -> bool:
        """Whether nothing more is to be done."""
        return self.phase == Phase.COMPLETE

    @property
    def finding_count(self) -> str:
        """How many findings there are, as far as the document keeps them."""
        count = len(self.findings)
        return f"≥ {count}" if count >= FINDING_COUNT_MAX else str(count)

    @property
    def needs_zone(self) -> bool:
        """Whether it goes on only when somebody has edited the zone."""
        return bool(self.findings) and not self.awaited_word and self.forgotten_utc is None


def completion_facts(ports: Ports, open_batch_count: int) -> CompletionFacts:
    """The completion as its document has it; who would hold it up is not looked for."""
    record = completion_of(ports)
    if record is None:
        return CompletionFacts(open_batch_count=open_batch_count)
    is_watched = record.phase in WATCHED
    said = [given.word for given in record.words if AWAITED.get(record.phase) is given.word]
    return CompletionFacts(
        phase=record.phase.value,
        step=PHASES.index(record.phase) + 1,
        since_utc=record.phase_since_utc,
        awaited_word=record.awaited_word or "",
        said_word=said[-1] if said else "",
        forgotten_utc=forgotten_utc(record),
        looked_utc=record.looked_utc if is_watched else None,
        findings=record.findings if is_watched else (),
        is_closed=record.is_closed,
        open_batch_count=open_batch_count,
    )
