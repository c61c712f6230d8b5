"""A reset of many passwords, in chunks, however long the directory wants to be spared.

    1. tell    everybody concerned by mail, once, when the plan has a notice; a request may end here
    2. wait    as long ahead as the plan says
    3. set     each password sealed, then set; who is refused is named, and the others go on

A chunk that is throttled is asked for again after the directory's own wait. Custom status: {"phase", "changed", "refused", "next_look_s"}.
"""

from dataclasses import replace
from datetime import timedelta

from bascule.domain.codec import Json, decode, encode
from bascule.domain.codes import Code
from bascule.domain.password_requests import (
    AccountPageRequest,
    ResetChunk,
    ResetPhase,
    ResetProgress,
    ResetRequest,
    Selection,
)
from orchestrators.steps import (
    PAUSE_MAX_S,
    Context,
    Deferred,
    StepRefused,
    Story,
    list_accounts,
    reset_passwords,
    tell_of_reset,
)

# At the directory's comfortable five writes a second a chunk takes ten seconds.
CHUNK_COUNT_MAX = 50
# Each takes two steps, three events each: the history of a generation stays below 200.
CHUNKS_PER_GENERATION_MAX = 15
# Half a day of throttling at its usual waits; then somebody should look.
TRY_COUNT_MAX = 400
REFUSALS_SHOWN_MAX = 100
# So many accounts in a row refused for want of a permission, and none changed: it is missing for all.
FORBIDDEN_COUNT_MAX = 3


def reset(context: Context) -> Story[Json]:
    """Change the passwords of a selection. Input: a ResetProgress. Output: how many were changed, and who was not and why."""
    progress = decode(ResetProgress, context.get_input())
    try:
        for _ in range(CHUNKS_PER_GENERATION_MAX):
            if progress.phase is ResetPhase.WAIT:
                if progress.request.is_notice_only:
                    return _answer(progress)
                progress = yield from _wait(context, progress)
                continue
            progress, is_over = yield from _chunk(context, progress)
            if is_over:
                return _answer(progress)
    except StepRefused as refusal:
        return _answer(progress, stopped=str(refusal))
    except Deferred as early:
        if progress.try_count >= TRY_COUNT_MAX:
            return _answer(progress, stopped=str(early))
        progress = replace(progress, try_count=progress.try_count + 1)
        _tell(context, progress, early.wait_s)
        yield _timer(context, early.wait_s)
    context.continue_as_new(encode(progress))
    return None


def begun(request: ResetRequest) -> ResetProgress:
    """A reset before its first chunk; one that only looks tells nobody."""
    return ResetProgress(request, ResetPhase.SET if request.is_dry_run else ResetPhase.TELL)


def _chunk(context: Context, progress: ResetProgress) -> Story[tuple[ResetProgress, bool]]:
    chunk, following = yield from _next(context, progress)
    if progress.phase is ResetPhase.TELL:
        return (yield from _told(context, progress, chunk, following)), False
    outcome = yield from reset_passwords(context, chunk)
    room = REFUSALS_SHOWN_MAX - len(progress.refused)
    progress = replace(
        progress,
        after=following,
        try_count=0,
        chunk_count=progress.chunk_count + 1,
        changed_count=progress.changed_count + outcome.changed_count,
        refused_count=progress.refused_count + len(outcome.refused),
        forbidden_count=progress.forbidden_count + outcome.forbidden_count,
        refused=progress.refused + outcome.refused[:room],
    )
    return progress, not following or _is_forbidden(progress)


def _told(
    context: Context, progress: ResetProgress, chunk: ResetChunk, following: str
) -> Story[ResetProgress]:
    facts = yield from tell_of_reset(context, chunk)
    told = replace(
        progress, after=following, try_count=0, told_count=progress.told_count + facts.told_count
    )
    if following:
        return told
    # Where nobody was told, nobody needs the time.
    ahead_s = facts.ahead_s if told.told_count else 0.0
    set_from_utc = context.current_utc_datetime + timedelta(seconds=ahead_s)
    return replace(told, phase=ResetPhase.WAIT, set_from_utc=set_from_utc)


def _wait(context: Context, progress: ResetProgress) -> Story[ResetProgress]:
    """One piece of the wait; the engine splits timers beyond six days."""
    left_s = 0.0
    if progress.set_from_utc is not None:
        left_s = (progress.set_from_utc - context.current_utc_datetime).total_seconds()
    if left_s <= 0:
        return replace(progress, phase=ResetPhase.SET)
    piece_s = min(left_s, PAUSE_MAX_S)
    _tell(context, progress, piece_s)
    yield _timer(context, piece_s)
    return progress


def _next(context: Context, progress: ResetProgress) -> Story[tuple[ResetChunk, str]]:
    selection = progress.request.selection
    empty = ResetChunk(progress.request, progress.chunk_count)
    if not selection.addresses:
        page = yield from list_accounts(
            context, AccountPageRequest(selection, progress.after, CHUNK_COUNT_MAX)
        )
        return replace(empty, refs=page.refs, addresses=page.addresses), page.following
    first = int(progress.after or "0")
    following = first + CHUNK_COUNT_MAX
    # Without the others' addresses: 700 of them with each step would fill the history.
    alone = replace(progress.request, selection=Selection())
    chunk = replace(empty, request=alone, addresses=selection.addresses[first:following])
    return chunk, str(following) if following < len(selection.addresses) else ""


def _is_forbidden(progress: ResetProgress) -> bool:
    return progress.changed_count == 0 and progress.forbidden_count >= FORBIDDEN_COUNT_MAX


def _answer(progress: ResetProgress, stopped: str = "") -> Json:
    if _is_forbidden(progress):
        stopped = Code.PERMISSION_MISSING
    return encode(
        {
            "changed": progress.changed_count,
            "is_dry_run": progress.request.is_dry_run,
            "told": progress.told_count,
            "refused_count": progress.refused_count,
            "refused": progress.refused,
            "chunks": progress.chunk_count,
            "stopped": stopped,
        }
    )


def _timer(context: Context, wait_s: float) -> object:
    fire_at = context.current_utc_datetime + timedelta(seconds=max(wait_s, 1.0))
    return context.create_timer(fire_at)


def _tell(context: Context, progress: ResetProgress, next_look_s: float) -> None:
    context.set_custom_status(
        {
            "phase": progress.phase.value,
            "changed": progress.changed_count,
            "refused": progress.refused_count,
            "next_look_s": next_look_s,
        }
    )
