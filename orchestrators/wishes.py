"""Stories of an operator's wish: choose the mailboxes, write the wish into their rows, ring their doorbells.

The wish is stored before the bell rings, so a bell that is lost changes nothing but the delay. The mailbox's own story
does the work: one mailbox never has two stories acting on it.

However many they are and however long the storage is away, a generation stays short: what was done stands in its input.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bascule.domain.codec import Json, decode, encode
from bascule.domain.requests import KeyPageRequest, WakeRequest, WishProgress, WishRequest
from orchestrators.steps import (
    Context,
    Deferred,
    StepRefused,
    Story,
    grant_wish,
    list_keys,
    wake_stories,
)

CHUNK_COUNT_MAX = 100
# 50 000 mailboxes in chunks of 100, with room.
CHUNK_PAGE_COUNT_MAX = 600
# A chunk is listed, granted and rung: twelve chunks, five events for each step at the most, stay below 200.
STEPS_EACH_GENERATION_MAX = 36
# What an older version began goes on in one generation to its end, as its history expects.
STEPS_IN_ALL_MAX = 3 * CHUNK_PAGE_COUNT_MAX
REFUSALS_SHOWN_MAX = 100
# Ten minutes of a storage that does not answer: an operator waits, and is then told how far it has come.
TRY_COUNT_MAX = 20


def wish(context: Context) -> Story[Json]:
    """Ask one thing of many mailboxes.

    Input: a WishProgress; of older versions a WishRequest. Output: how many take it, who does not and why, and why it
    stopped before the end, empty if it did not.
    """
    progress = _begun(context.get_input())
    steps_max = STEPS_EACH_GENERATION_MAX if progress.is_bounded else STEPS_IN_ALL_MAX
    for _ in range(steps_max):
        if progress.is_over:
            return _answer(progress)
        try:
            progress = yield from _step_on(context, progress)
        except StepRefused as refusal:
            return _answer(progress, stopped=str(refusal))
        except Deferred as early:
            if progress.try_count >= TRY_COUNT_MAX:
                return _answer(progress, stopped=str(early))
            progress = replace(progress, try_count=progress.try_count + 1)
            yield context.create_timer(
                context.current_utc_datetime + timedelta(seconds=early.wait_s)
            )
            if progress.is_bounded:
                break
    context.continue_as_new(encode(replace(progress, is_bounded=True)))
    return None


def cutover(context: Context) -> Story[Json]:
    """Ask for a cutover, at once or at an instant."""
    return (yield from wish(context))


def rollback(context: Context) -> Story[Json]:
    """Ask for the way back."""
    return (yield from wish(context))


def retry(context: Context) -> Story[Json]:
    """Ask mailboxes that were set aside to go on."""
    return (yield from wish(context))


def abandon(context: Context) -> Story[Json]:
    """Ask for mailboxes to be left at the source for good."""
    return (yield from wish(context))


def survey(context: Context) -> Story[Json]:
    """Ask for the sources to be surveyed again, where something was mended."""
    return (yield from wish(context))


def _begun(raw: Any) -> WishProgress:
    asked: Any = decode(WishProgress | WishRequest, raw)  # type: ignore[arg-type]
    if isinstance(asked, WishProgress):
        return asked
    return WishProgress(asked, is_bounded=False)


def _step_on(context: Context, progress: WishProgress) -> Story[WishProgress]:
    """The next step of the chunk at hand: list it, grant it, ring it."""
    if progress.unrung_keys:
        wake = WakeRequest(progress.request.batch, progress.unrung_keys)
        yield from wake_stories(context, wake)
        return replace(progress, unrung_keys=(), try_count=0)
    if progress.keys:
        return (yield from _grant(context, progress))
    if not progress.request.keys:
        request = KeyPageRequest(progress.request.batch, progress.after, CHUNK_COUNT_MAX)
        page = yield from list_keys(context, request)
        return _listed(progress, page.keys, page.following)
    done_count = int(progress.after or "0")
    following = done_count + CHUNK_COUNT_MAX
    keys = progress.request.keys[done_count:following]
    is_last = following >= len(progress.request.keys)
    return _listed(progress, keys, "" if is_last else str(following))


def _listed(progress: WishProgress, keys: tuple[str, ...], following: str) -> WishProgress:
    page_count = progress.page_count + 1
    is_last = not following or page_count >= CHUNK_PAGE_COUNT_MAX
    return replace(
        progress, keys=keys, after=following, page_count=page_count, is_listed=is_last, try_count=0
    )


def _grant(context: Context, progress: WishProgress) -> Story[WishProgress]:
    outcome = yield from grant_wish(context, replace(progress.request, keys=progress.keys))
    room = REFUSALS_SHOWN_MAX - len(progress.refused)
    return replace(
        progress,
        keys=(),
        # Nobody else: a bell for a mailbox that has no row would start a story that finds nothing.
        unrung_keys=outcome.granted_keys,
        granted_count=progress.granted_count + len(outcome.granted_keys),
        refused_count=progress.refused_count + len(outcome.refused),
        refused=progress.refused + outcome.refused[:room],
        try_count=0,
    )


def _answer(progress: WishProgress, stopped: str = "") -> Json:
    return encode(
        {
            "granted": progress.granted_count,
            "refused_count": progress.refused_count,
            "refused": progress.refused,
            "stopped": stopped,
        }
    )
