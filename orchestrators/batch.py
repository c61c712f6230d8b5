"""One uploaded CSV from its first look to its last mailbox.

    1. take in the upload      whole or not at all: every mistake at once, every seat reserved, before the first write
    2. start mailbox stories   in pages
    3. build sync batches      one Exchange migration batch from those that coexist; late ones into a supplement
    4. watch                   until every mailbox is closed or abandoned
    5. close                   sync batches removed, key destroyed, addresses released

Custom status: {"state", "counts", "unfinished"}.
"""

from dataclasses import replace
from typing import TypeVar

from bascule.domain.codec import decode, encode
from bascule.domain.requests import (
    BatchProgress,
    BatchRef,
    HoldUp,
    KeyPageRequest,
    Refusals,
    UploadKind,
    WakeRequest,
)
from orchestrators.steps import (
    Context,
    Deferred,
    StepRefused,
    Story,
    apply_difference,
    build_sync_batches,
    check_domains,
    close_batch,
    file_difference,
    list_keys,
    pause,
    read_progress,
    refuse_upload,
    register_batch,
    report_hold_up,
    report_late_sync,
    reserve_seats,
    serve_deltas,
    validate_upload,
    wake_stories,
    withdraw_upload,
)

T = TypeVar("T")

# Stories are started this many at a time: one activity stays well under its host's time-out.
WAKE_COUNT_MAX = 100
# 50 000 rows in pages of 100, with room.
PAGE_COUNT_MAX = 600
# While mailboxes are on their way into the first sync, people watch; afterwards the batch only has to close.
YOUNG_LOOK_S = 120.0
GROWTH = 0.05
GROWN_LOOK_MAX_S = 900.0
GROWN_LOOK_OLD_MAX_S = 6 * 3600.0


def batch(context: Context) -> Story[None]:
    """Carry one batch from its upload to its last mailbox. Input: a BatchRef. Waits for the doorbell."""
    ref = decode(BatchRef, context.get_input())
    try:
        wait_s = yield from _live(context, ref)
    except Deferred as early:
        wait_s = early.wait_s
    except StepRefused as refusal:
        # The ledger itself, or the close: the next look begins at the top.
        _tell(context, "held up", detail=str(refusal))
        wait_s = GROWN_LOOK_MAX_S
    if wait_s is None:
        return
    yield from pause(context, wait_s)
    context.continue_as_new(encode(replace(ref, goes_on=True)))


def _live(context: Context, ref: BatchRef) -> Story[float | None]:
    """One look at everything; the wait until the next, or None at the end."""
    refusals: list[StepRefused] = []
    is_refused = yield from _apart(ref, refusals, _take_in(context, ref))
    progress = yield from read_progress(context, ref)
    if progress.exists:
        yield from _work(context, ref, progress, refusals)
    held_up_by = "; ".join(str(refusal) for refusal in refusals)
    if held_up_by or progress.is_held_up:
        yield from report_hold_up(context, HoldUp(ref.name, held_up_by))
    if held_up_by:
        # After the first write nothing of the batch is undone; a person is told, and the story looks again.
        _tell(context, "held up", progress, held_up_by)
        return GROWN_LOOK_MAX_S
    if not progress.exists:
        _tell(context, "refused" if is_refused else "nothing uploaded")
        return None
    if progress.unfinished_count == 0:
        yield from close_batch(context, ref)
        _tell(context, "closed", progress)
        return None
    _tell(context, "running", progress)
    return _look_again_s(progress)


def _work(
    context: Context, ref: BatchRef, progress: BatchProgress, refusals: list[StepRefused]
) -> Story[None]:
    """What a running batch needs at every look."""
    if progress.has_accepted_difference:
        yield from _apart(ref, refusals, _apply(context, ref))
    yield from _apart(ref, refusals, build_sync_batches(context, ref))
    yield from _apart(ref, refusals, serve_deltas(context, ref))
    yield from _apart(ref, refusals, report_late_sync(context, ref))


def _apart(ref: BatchRef, refusals: list[StepRefused], part: Story[T]) -> Story[T | None]:
    """Do one part of a look; that it is refused is noted, and holds up no other part."""
    try:
        return (yield from part)
    except StepRefused as refusal:
        if not ref.goes_on:
            raise
        refusals.append(refusal)
        return None


def _apply(context: Context, ref: BatchRef) -> Story[None]:
    yield from apply_difference(context, ref)
    yield from _wake_all(context, ref)


def _take_in(context: Context, ref: BatchRef) -> Story[bool]:
    """Deal with whatever lies where uploads are expected; whether it was refused."""
    verdict = yield from validate_upload(context, ref)
    match verdict.kind:
        case UploadKind.NEW:
            return (yield from _admit(context, ref, verdict.etag))
        case UploadKind.SAME:
            # Also the way on after a crash between registering and withdrawing.
            yield from _wake_all(context, ref)
            yield from withdraw_upload(context, ref)
        case UploadKind.CHANGED:
            yield from file_difference(context, ref)
            yield from withdraw_upload(context, ref)
        case UploadKind.INVALID:
            detail = f"{verdict.mistake_count} mistakes; the report names each with line and column"
            yield from refuse_upload(
                context, Refusals(ref.name, verdict.etag, "invalid_file", detail)
            )
            return True
        case UploadKind.NONE:
            pass
    return False


def _admit(context: Context, ref: BatchRef, etag: str) -> Story[bool]:
    try:
        yield from check_domains(context, ref)
        yield from reserve_seats(context, ref)
        yield from register_batch(context, ref)
    except StepRefused as refusal:
        yield from refuse_upload(context, Refusals(ref.name, etag, refusal.code, refusal.detail))
        return True
    yield from _wake_all(context, ref)
    yield from withdraw_upload(context, ref)
    return False


def _wake_all(context: Context, ref: BatchRef) -> Story[None]:
    after = ""
    for _ in range(PAGE_COUNT_MAX):
        page = yield from list_keys(context, KeyPageRequest(ref.name, after, WAKE_COUNT_MAX))
        if page.keys:
            yield from wake_stories(context, WakeRequest(ref.name, page.keys))
        if not page.following:
            return
        after = page.following


def _look_again_s(progress: BatchProgress) -> float:
    grown_s = progress.age_s * GROWTH
    if progress.young_count:
        return max(YOUNG_LOOK_S, min(grown_s, GROWN_LOOK_MAX_S))
    return max(YOUNG_LOOK_S, min(grown_s, GROWN_LOOK_OLD_MAX_S))


def _tell(
    context: Context, state: str, progress: BatchProgress | None = None, detail: str = ""
) -> None:
    context.set_custom_status(
        {
            "state": state,
            "counts": dict(progress.counts) if progress else {},
            "unfinished": progress.unfinished_count if progress else 0,
            "detail": detail[:500],
        }
    )
