"""Write what a mailbox's story has proven into its row: the one way a stage changes."""

from dataclasses import replace
from datetime import datetime

from activities.subject import note
from bascule.domain.errors import Conflict, InvariantBroken
from bascule.domain.records import BATCH_FIELDS, OPERATOR_FIELDS, STEP_FIELDS, MailboxRecord, Wish
from bascule.domain.requests import Progress
from bascule.domain.stages import LIFE, Stage, may_follow
from bascule.ports.bundle import Ports

FROM_SYNC_ON = frozenset(LIFE[LIFE.index(Stage.SYNCING) :])


def record_progress(ports: Ports, progress: Progress) -> MailboxRecord:
    """Write the story's fields, leave the operator's, the batch's and the steps' own; the row now in force.

    Idempotent: the same progress again finds its own version and writes nothing.

    Raises:
        InvariantBroken: the stage may not follow the one in the ledger.
        Conflict: a later write of this story is there already, or the cutover would begin over a wish to abandon, or
            before its instant as that stands now.
    """
    wanted = progress.record
    now_utc = ports.clock.now_utc()
    before = ports.ledger.find_mailbox(wanted.batch, wanted.key)
    after = ports.ledger.amend_mailbox(
        wanted.batch, wanted.key, lambda stored: _applied(stored, progress, now_utc)
    )
    if before is not None and before.stage is not after.stage:
        note(ports, after, "stage", before.stage, _named(after))
    if progress.dropped_because and before is not None and before.wish is progress.served_wish:
        note(ports, after, "wish", before.wish, f"dropped: {progress.dropped_because}")
    return after


def _applied(stored: MailboxRecord, progress: Progress, now_utc: datetime) -> MailboxRecord:
    wanted = progress.record
    if stored.version == wanted.version + 1 and stored.stage is wanted.stage:
        return stored
    if stored.version != wanted.version:
        raise Conflict(f"{stored.batch}/{stored.key}: the row has moved on")
    _check(stored, wanted)
    if wanted.detach_began_utc is not None and stored.detach_began_utc is None:
        _see_no_other_word(stored, wanted.detach_began_utc)
    names = (*OPERATOR_FIELDS, *BATCH_FIELDS, *STEP_FIELDS)
    kept = {name: getattr(stored, name) for name in names}
    if progress.served_wish is not Wish.NONE and stored.wish is progress.served_wish:
        kept |= {"wish": Wish.NONE, "wish_utc": None}
    is_new_stage = stored.stage is not wanted.stage
    if progress.dropped_because:
        kept |= {"detail": progress.dropped_because}
    return replace(
        wanted,
        **kept,
        stage_since_utc=now_utc if is_new_stage else stored.stage_since_utc,
        seen_utc=now_utc,
        version=stored.version + 1,
    )


def _see_no_other_word(stored: MailboxRecord, began_utc: datetime) -> None:
    """What was granted because the cutover had not begun goes first: the story reads it at its next look. Raises Conflict."""
    where = f"{stored.batch}/{stored.key}"
    if stored.wish is Wish.ABANDON:
        raise Conflict(f"{where}: it was asked to be abandoned meanwhile")
    if stored.cutover_at_utc is None or stored.cutover_at_utc > began_utc:
        raise Conflict(f"{where}: its cutover was put off or taken back meanwhile")


def _check(stored: MailboxRecord, wanted: MailboxRecord) -> None:
    where = f"{stored.batch}/{stored.key}"
    if not may_follow(stored.stage, wanted.stage):
        raise InvariantBroken(f"{where}: {wanted.stage} may not follow {stored.stage}")
    if stored.stage is Stage.SET_ASIDE and wanted.stage not in _ways_on(stored):
        raise InvariantBroken(f"{where}: a retry goes back to {stored.resume_stage}")


def _ways_on(stored: MailboxRecord) -> set[Stage | None]:
    # A failed sync that copied nothing begins again in a supplement.
    return {
        stored.resume_stage,
        Stage.SET_ASIDE,
        Stage.ABANDONED,
        Stage.ROLLED_BACK,
        Stage.COEXISTING if stored.resume_stage in FROM_SYNC_ON else None,
    }


def _named(record: MailboxRecord) -> str:
    return f"{record.stage} ({record.code})" if record.code else record.stage.value
