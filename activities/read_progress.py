"""Count where the mailboxes of a batch stand."""

from collections import Counter

from bascule.domain.records import MailboxRecord, StandingHoldUp, hold_up_document
from bascule.domain.requests import BatchProgress, BatchRef
from bascule.domain.stages import LIFE, Stage
from bascule.ports.bundle import Ports

YOUNG = frozenset(LIFE[: LIFE.index(Stage.SYNCED)])


def read_progress(ports: Ports, ref: BatchRef) -> BatchProgress:
    """Counts by stage, and what is unfinished; a batch that is not in the ledger does not exist."""
    batch = ports.ledger.find_batch(ref.name)
    is_held_up = ports.documents.find(hold_up_document(ref.name), StandingHoldUp) is not None
    if batch is None:
        return BatchProgress(False, False, {}, 0, 0, 0.0, False, is_held_up)
    records = list(ports.ledger.mailboxes(ref.name))
    age_s = (ports.clock.now_utc() - batch.uploaded_utc).total_seconds()
    return BatchProgress(
        exists=True,
        is_open=batch.is_open,
        counts=dict(sorted(Counter(record.stage.value for record in records).items())),
        unfinished_count=sum(not record.is_final for record in records),
        young_count=sum(_is_young(record) for record in records),
        age_s=age_s,
        has_accepted_difference=bool(batch.accepted_fingerprint),
        is_held_up=is_held_up,
    )


def _is_young(record: MailboxRecord) -> bool:
    return record.stage in YOUNG
