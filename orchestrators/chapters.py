"""What every chapter of a mailbox's life shares: how it ends, and how it reaches the next stage."""

from dataclasses import dataclass, replace
from datetime import datetime

from bascule.domain.records import MailboxRecord, MailboxRef
from bascule.domain.requests import Progress
from bascule.domain.stages import Stage
from orchestrators.steps import Context, Story, record_progress


@dataclass(frozen=True)
class Pause:
    """How a chapter ends: what it waits for, and for how long at the most."""

    wait_s: float
    waiting_for: str


# The row has moved: live the next chapter at once.
NEXT = Pause(0.0, "")
# Nothing more happens to this mailbox.
FINISHED = Pause(0.0, "nothing more")


def ref_of(record: MailboxRecord) -> MailboxRef:
    """How steps name this mailbox."""
    return MailboxRef(record.batch, record.key)


def seconds_since(context: Context, instant_utc: datetime | None) -> float:
    """Seconds from an instant to now; 0 for one that is not set."""
    if instant_utc is None:
        return 0.0
    return (context.current_utc_datetime - instant_utc).total_seconds()


def arrive(context: Context, record: MailboxRecord, stage: Stage) -> Story[Pause]:
    """Record the next stage, together with the facts that the record carries."""
    yield from record_progress(context, Progress(replace(record, stage=stage)))
    return NEXT


def remember(context: Context, record: MailboxRecord) -> Story[MailboxRecord]:
    """Record facts at the same stage."""
    return (yield from record_progress(context, Progress(record)))
