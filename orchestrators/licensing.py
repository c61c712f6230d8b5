"""Bring the licences of many accounts to what the plan says, in chunks, however long the directory wants to be spared.

    1. plan     every account of a batch or cohort against the directory, once
    2. change   chunk by chunk, each account looked at anew
    3. close    what the timer has to remember; who could not be changed is told, and that a run was stopped

An account that is not yet to be licensed goes behind the others, is tried some times more, and is then refused.

Custom status: {"changed", "refused", "left", "next_look_s"}.
"""

from dataclasses import replace
from datetime import timedelta

from bascule.domain.codec import Json, decode, encode
from bascule.domain.licence_requests import (
    LicenceChunk,
    LicenceLine,
    LicenceOutcome,
    LicenceProgress,
)
from orchestrators.steps import (
    Context,
    Deferred,
    StepRefused,
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
# Closing has written what it has to before it tells anybody; half an hour at the usual waits, and it is let be.
CLOSE_TRY_COUNT_MAX = 60
# An account that its directory does not show is looked at again for ten minutes: lags last seconds, at worst minutes.
ACCOUNT_TRY_COUNT_MAX = 10
ACCOUNT_WAIT_S = 60.0
REFUSALS_SHOWN_MAX = 100
WAIT_MIN_S = 1.0


def licensing(context: Context) -> Story[Json]:
    """Input: a LicenceProgress. Output: how many were changed, who could not be and why, how many are left over."""
    progress = decode(LicenceProgress, context.get_input())
    try:
        if not (progress.is_planned or progress.stopped):
            progress = yield from _plan(context, progress)
        for _ in range(CHUNKS_PER_GENERATION_MAX):
            if _is_over(progress):
                yield from close_licence_run(context, progress)
                return _answer(progress)
            progress, wait_s = yield from _change(context, progress)
            if wait_s:
                _tell(context, progress, wait_s)
                yield _timer(context, wait_s)
                progress = _bounded(progress, "the directory did not answer")
    except StepRefused as no:
        if _is_over(progress):
            raise
        progress = replace(progress, stopped=str(no))
    except Deferred as early:
        if _is_over(progress) and progress.try_count >= CLOSE_TRY_COUNT_MAX:
            return _answer(replace(progress, stopped=progress.stopped or str(early)))
        progress = _bounded(replace(progress, try_count=progress.try_count + 1), str(early))
        _tell(context, progress, early.wait_s)
        yield _timer(context, early.wait_s)
    context.continue_as_new(encode(progress))
    return None


def _is_over(progress: LicenceProgress) -> bool:
    """Whether nothing is left to do but to close."""
    is_done = progress.is_planned and (not progress.addresses or progress.run.is_dry_run)
    return is_done or bool(progress.stopped)


def _bounded(progress: LicenceProgress, why: str) -> LicenceProgress:
    """Stopped when it was tried too often; what is to be closed stays so."""
    if progress.try_count < TRY_COUNT_MAX or _is_over(progress):
        return progress
    return replace(progress, stopped=why, try_count=0)


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
    late_counts = progress.late_counts | {
        line.address: progress.late_counts.get(line.address, 0) + 1 for line in outcome.not_yet
    }
    is_given_up = {
        line: late_counts[line.address] >= ACCOUNT_TRY_COUNT_MAX for line in outcome.not_yet
    }
    refused = outcome.refused + tuple(line for line in outcome.not_yet if is_given_up[line])
    again = tuple(line.address for line in outcome.not_yet if not is_given_up[line])
    after = replace(
        progress,
        addresses=outcome.left + later + again,
        changed_count=progress.changed_count + outcome.changed_count,
        refused=_shown(progress.refused + refused),
        refused_count=progress.refused_count + len(refused),
        try_count=progress.try_count + 1 if is_stuck else 0,
        late_counts=late_counts,
    )
    return after, _wait_s(after, outcome)


def _wait_s(after: LicenceProgress, outcome: LicenceOutcome) -> float:
    """As long as the directory asks for; or, when nobody but late accounts is left, until they may have arrived."""
    if outcome.left:
        return max(outcome.wait_s, WAIT_MIN_S)
    is_late_only = all(address in after.late_counts for address in after.addresses)
    return ACCOUNT_WAIT_S if after.addresses and is_late_only else 0.0


def _shown(refused: tuple[LicenceLine, ...]) -> tuple[LicenceLine, ...]:
    return refused[:REFUSALS_SHOWN_MAX]


def _answer(progress: LicenceProgress) -> Json:
    would_change_count = len(progress.addresses) + progress.more_count
    return encode(
        {
            "changed": progress.changed_count,
            "is_dry_run": progress.run.is_dry_run,
            "would_change": would_change_count if progress.run.is_dry_run else 0,
            "left_over": progress.more_count,
            "refused_count": progress.refused_count,
            "refused": progress.refused,
            "stopped": progress.stopped,
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
