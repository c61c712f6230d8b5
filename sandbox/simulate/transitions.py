"""Which changes of stage a run has seen, and the proof that all others are refused."""

from collections import Counter
from datetime import UTC, datetime

from activities.record_progress import record_progress
from bascule.domain.errors import InvariantBroken
from bascule.domain.records import MailboxRecord
from bascule.domain.requests import Progress
from bascule.domain.stages import TRANSITIONS, Stage, may_follow
from bascule.ports.bundle import Ports

Pair = tuple[Stage, Stage]


def legal() -> set[Pair]:
    """Every change of stage that the product allows; staying is no change."""
    return {
        (before, after)
        for before, following in TRANSITIONS.items()
        for after in following
        if before is not after
    }


def illegal() -> set[Pair]:
    """Every change that it must refuse."""
    return {(a, b) for a in Stage for b in Stage if not may_follow(a, b)}


def never_taken(seen: Counter[Pair]) -> set[Pair]:
    """Legal changes that no life has made."""
    return legal() - set(seen)


def wrongly_taken(ports: Ports) -> set[Pair]:
    """Illegal changes that the step which records progress does not refuse; each is attempted, in a batch of its own."""
    return {pair for pair in illegal() if not _is_refused(ports, *pair)}


def _is_refused(ports: Ports, before: Stage, after: Stage) -> bool:
    batch = f"attempt-{before}-{after}".lower()
    record = MailboxRecord(batch, "k", "k@example.org", "k", stage=before)
    stands = MailboxRecord(
        batch,
        "k",
        "k@example.org",
        "k",
        stage=after,
        stage_since_utc=datetime(2026, 1, 1, tzinfo=UTC),
    )
    ports.ledger.add_mailboxes([record])
    try:
        record_progress(ports, Progress(stands))
    except InvariantBroken:
        return True
    return False
