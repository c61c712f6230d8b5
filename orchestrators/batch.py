"""One uploaded CSV from its first look to its last mailbox.

    1. take in the upload      whole or not at all: every mistake at once, every seat reserved, before the first write
    2. start mailbox stories   in pages
    3. build sync batches      one Exchange migration batch from those that coexist; late ones into a supplement
    4. watch                   until every mailbox is closed or abandoned
    5. close                   sync batches removed, key destroyed, addresses released

Custom status: {"state", "counts", "unfinished"}.
"""

from dataclasses import dataclass
from typing import TypeVar

from bascule.domain.batch_mistakes import REPORTED_COUNT_MAX
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
# Two steps a page, five events a step at the most, and the look itself: a generation stays below 200 events.
PAGES_EACH_GENERATION_MAX = 12
# What an older version began wakes everybody in one generation: 50 000 rows in pages of 100, with room.
PAGE_COUNT_MAX = 600
# Somebody is still to be woken: the next generation begins without a pause.
AT_ONCE_S = 0.0
# While mailboxes are on their way into the first sync, people watch; afterwards the batch only has to close.
YOUNG_LOOK_S = 120.0
GROWTH = 0.05
GROWN_LOOK_MAX_S = 900.0
GROWN_LOOK_OLD_MAX_S = 6 * 3600.0


@dataclass
class Waking:
    """Whose stories are still to be woken; it outlives a look that is cut short."""

    is_due: bool
    woken_to: str
    """Those behind this mailbox; empty: everybody."""


@dataclass(frozen=True)
class Look:
    """How a look at the batch ends."""

    wait_s: float | None
    """Until the next look; None at the end."""


END = Look(None)


@dataclass(frozen=True)
class Intake:
    """What became of the upload."""

    is_refused: bool = False
    is_overtaken: bool = False
    """Another file came while this one was being refused, and nobody has judged it."""


def batch(context: Context) -> Story[None]:
    """Carry one batch from its upload to its last mailbox. Input: a BatchRef. Waits for the doorbell."""
    ref = decode(BatchRef, context.get_input())
    waking = Waking(bool(ref.woken_to) or ref.wakes, ref.woken_to)
    try:
        look = yield from (_wake_on if waking.is_due else _live)(context, ref, waking)
    except Deferred as early:
        look = Look(early.wait_s)
    except StepRefused as refusal:
        # The ledger itself, or the close: the next look begins at the top.
        _tell(context, "held up", detail=str(refusal))
        look = Look(GROWN_LOOK_MAX_S)
    if look.wait_s is None:
        return
    if look.wait_s:
        yield from pause(context, look.wait_s)
    following = BatchRef(ref.name, goes_on=True, woken_to=waking.woken_to, wakes=waking.is_due)
    context.continue_as_new(encode(following))


def _live(context: Context, ref: BatchRef, waking: Waking) -> Story[Look]:
    """One look at everything."""
    refusals: list[StepRefused] = []
    intake = yield from _apart(ref, refusals, _take_in(context, ref, waking))
    if intake and waking.is_due:
        return Look(AT_ONCE_S)
    progress = yield from read_progress(context, ref)
    if progress.exists:
        yield from _work(context, ref, progress, refusals, waking)
    held_up_by = "; ".join(str(refusal) for refusal in refusals)
    if held_up_by or progress.is_held_up:
        yield from report_hold_up(context, HoldUp(ref.name, held_up_by))
    if held_up_by:
        # After the first write nothing of the batch is undone; a person is told, and the story looks again.
        _tell(context, "held up", progress, held_up_by)
        return Look(AT_ONCE_S if waking.is_due else GROWN_LOOK_MAX_S)
    is_overtaken = intake is not None and intake.is_overtaken
    if not progress.exists:
        _tell(context, "refused" if intake and intake.is_refused else "nothing uploaded")
        return Look(AT_ONCE_S) if is_overtaken else END
    # Counted before a change was applied: whom it has added is seen by the next look.
    if progress.unfinished_count == 0 and not progress.has_accepted_difference:
        yield from close_batch(context, ref)
        _tell(context, "closed", progress)
        return END
    _tell(context, "running", progress)
    return Look(AT_ONCE_S if waking.is_due or is_overtaken else _look_again_s(progress))


def _work(
    context: Context,
    ref: BatchRef,
    progress: BatchProgress,
    refusals: list[StepRefused],
    waking: Waking,
) -> Story[None]:
    """What a running batch needs at every look."""
    if progress.has_accepted_difference:
        yield from _apart(ref, refusals, _apply(context, ref, waking))
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


def _apply(context: Context, ref: BatchRef, waking: Waking) -> Story[None]:
    yield from apply_difference(context, ref)
    yield from _wake(context, ref, waking)


def _take_in(context: Context, ref: BatchRef, waking: Waking) -> Story[Intake]:
    """Deal with whatever lies where uploads are expected."""
    verdict = yield from validate_upload(context, ref)
    match verdict.kind:
        case UploadKind.NEW:
            return (yield from _admit(context, ref, verdict.etag, waking))
        case UploadKind.SAME:
            # Also the way on after a crash between registering and withdrawing.
            yield from _wake(context, ref, waking)
            yield from withdraw_upload(context, ref)
        case UploadKind.CHANGED:
            yield from file_difference(context, BatchRef(ref.name, verdict.etag))
            yield from withdraw_upload(context, ref)
        case UploadKind.INVALID:
            detail = _mistakes_told(verdict.mistake_count)
            refusal = Refusals(ref.name, verdict.etag, "invalid_file", detail)
            return (yield from _refuse(context, refusal))
        case UploadKind.NONE:
            pass
    return Intake()


def _admit(context: Context, ref: BatchRef, etag: str, waking: Waking) -> Story[Intake]:
    judged = BatchRef(ref.name, etag)
    try:
        yield from check_domains(context, judged)
        yield from reserve_seats(context, judged)
        yield from register_batch(context, judged)
    except StepRefused as refused:
        refusal = Refusals(ref.name, etag, refused.code, refused.detail)
        return (yield from _refuse(context, refusal))
    yield from _wake(context, ref, waking)
    yield from withdraw_upload(context, ref)
    return Intake()


def _mistakes_told(count: int) -> str:
    if count <= REPORTED_COUNT_MAX:
        return f"{count} mistakes; the report names each with line and column"
    return f"{count} mistakes; the report names the first {REPORTED_COUNT_MAX} with line and column"


def _refuse(context: Context, refusal: Refusals) -> Story[Intake]:
    is_this_one = yield from refuse_upload(context, refusal)
    return Intake(is_refused=is_this_one, is_overtaken=not is_this_one)


def _wake_on(context: Context, ref: BatchRef, waking: Waking) -> Story[Look]:
    """The next pages of those who are to be woken; then a look at everything."""
    yield from _wake(context, ref, waking)
    return Look(AT_ONCE_S)


def _wake(context: Context, ref: BatchRef, waking: Waking) -> Story[None]:
    """Wake some pages of stories; whoever is left, or was not reached, is woken by the next generation."""
    waking.is_due = True
    for _ in range(PAGES_EACH_GENERATION_MAX if ref.goes_on else PAGE_COUNT_MAX):
        after = waking.woken_to
        page = yield from list_keys(context, KeyPageRequest(ref.name, after, WAKE_COUNT_MAX))
        if page.keys:
            yield from wake_stories(context, WakeRequest(ref.name, page.keys))
        waking.woken_to = page.following
        if not page.following:
            waking.is_due = False
            break


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
