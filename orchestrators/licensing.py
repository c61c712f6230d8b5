"""Bring the licences of many accounts to what the plan says, in chunks, however long the directory wants to be spared.

    1. plan     every account of a batch or cohort against the directory, once
    2. change   chunk by chunk, each account looked at anew
    3. close    what the timer has to remember; who could not be changed is told

Custom status: {"changed", "refused", "left", "next_look_s"}.
"""

from dataclasses import replace
from datetime import timedelta

from bascule.domain.codec import Json, decode, encode
from bascule.domain.licence_requests import LicenceChunk, LicenceLine, LicenceProgress
from orchestrators.steps import (
    Context,
    Deferred,
    Story,
    close_licence_run,
    find_licence_changes,
    license_accounts,
)

# Three calls an account at most: a chunk takes some ten seconds.
CHUNK_COUNT_MAX = 20
# Each takes three events, or six with a wait: the history of a generation stays below 200.
CHUNKS_PER_GENERATION_MAX = 25
# Half a day of throttling at its usual waits; then somebody should look.
TRY_COUNT_MAX = 400
REFUSALS_SHOWN_MAX = 100
WAIT_MIN_S = 1.0


def licensing(context: Context) -> Story[Json]:
    """Input: a LicenceProgress. Output: how many were changed, who could not be and why, how many are left over."""
    progress = decode(LicenceProgress, context.get_input())
    try:
        if not progress.is_planned:
            progress = yield from _plan(context, progress)
        for _ in range(CHUNKS_PER_GENERATION_MAX):
            if not progress.addresses or progress.run.is_dry_run:
                yield from close_licence_run(context, progress)
                return _answer(progress)
            progress, wait_s = yield from _change(context, progress)
            if wait_s:
                _tell(context, progress, wait_s)
                yield _timer(context, wait_s)
                if progress.try_count >= TRY_COUNT_MAX:
                    return _answer(progress, stopped="the directory did not answer")
    except Deferred as early:
        if progress.try_count >= TRY_COUNT_MAX:
            return _answer(progress, stopped=str(early))
        progress = replace(progress, try_count=progress.try_count + 1)
        _tell(context, progress, early.wait_s)
        yield _timer(context, early.wait_s)
    context.continue_as_new(encode(progress))
    return None


def _plan(context: Context, progress: LicenceProgress) -> Story[LicenceProgress]:
    work = yield from find_licence_changes(context, progress.run)
    return replace(
        progress,
        is_planned=True,
        addresses=work.addresses,
        more_count=work.more_count,
        refused=work.refused,
        refused_count=work.refused_count,
        try_count=0,
    )


def _change(context: Context, progress: LicenceProgress) -> Story[tuple[LicenceProgress, float]]:
    """One chunk; the wait that the directory asks for, or 0."""
    now, later = progress.addresses[:CHUNK_COUNT_MAX], progress.addresses[CHUNK_COUNT_MAX:]
    outcome = yield from license_accounts(context, LicenceChunk(progress.run, now))
    is_stuck = outcome.left == now
    after = replace(
        progress,
        addresses=outcome.left + later,
        changed_count=progress.changed_count + outcome.changed_count,
        refused=_shown(progress.refused + outcome.refused),
        refused_count=progress.refused_count + len(outcome.refused),
        try_count=progress.try_count + 1 if is_stuck else 0,
    )
    return after, max(outcome.wait_s, WAIT_MIN_S) if outcome.left else 0.0


def _shown(refused: tuple[LicenceLine, ...]) -> tuple[LicenceLine, ...]:
    return refused[:REFUSALS_SHOWN_MAX]


def _answer(progress: LicenceProgress, stopped: str = "") -> Json:
    would_change_count = len(progress.addresses) + progress.more_count
    return encode(
        {
            "changed": progress.changed_count,
            "is_dry_run": progress.run.is_dry_run,
            "would_change": would_change_count if progress.run.is_dry_run else 0,
            "left_over": progress.more_count,
            "refused_count": progress.refused_count,
            "refused": progress.refused,
            "stopped": stopped,
        }
    )


def _timer(context: Context, wait_s: float) -> object:
    return context.create_timer(context.current_utc_datetime + timedelta(seconds=wait_s))


def _tell(context: Context, progress: LicenceProgress, next_look_s: float) -> None:
    context.set_custom_status(
        {
            "changed": progress.changed_count,
            "refused": progress.refused_count,
            "left": len(progress.addresses),
            "next_look_s": next_look_s,
        }
    )
