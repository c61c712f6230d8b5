"""Stories of an operator's wish: choose the mailboxes, write the wish into their rows, ring their doorbells.

The wish is stored before the bell rings, so a bell that is lost changes nothing but the delay. The mailbox's own story
does the work: one mailbox never has two stories acting on it.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from bascule.domain.codec import Json, decode, encode
from bascule.domain.requests import (
    KeyPageRequest,
    WakeRequest,
    WishOutcome,
    WishRefusal,
    WishRequest,
)
from orchestrators.steps import Context, Deferred, Story, grant_wish, list_keys, wake_stories

T = TypeVar("T")

CHUNK_COUNT_MAX = 100
# 50 000 mailboxes in chunks of 100, with room.
CHUNK_PAGE_COUNT_MAX = 600
REFUSALS_SHOWN_MAX = 100
TRY_COUNT_MAX = 5


def wish(context: Context) -> Story[Json]:
    """Ask one thing of many mailboxes. Input: a WishRequest. Output: how many take it, and who does not and why."""
    request = decode(WishRequest, context.get_input())
    granted_count = 0
    refused: list[WishRefusal] = []
    after = ""
    for _ in range(CHUNK_PAGE_COUNT_MAX):
        keys, after = yield from _chunk(context, request, after)
        if keys:
            outcome = yield from _grant(context, replace(request, keys=keys))
            granted_count += len(outcome.granted_keys)
            refused += outcome.refused
        if not after:
            break
    shown = tuple(refused[:REFUSALS_SHOWN_MAX])
    return encode({"granted": granted_count, "refused_count": len(refused), "refused": shown})


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


def _chunk(
    context: Context, request: WishRequest, after: str
) -> Story[tuple[tuple[str, ...], str]]:
    if not request.keys:
        page = yield from _patiently(
            context,
            lambda: list_keys(context, KeyPageRequest(request.batch, after, CHUNK_COUNT_MAX)),
        )
        return page.keys, page.following
    done_count = int(after or "0")
    following = done_count + CHUNK_COUNT_MAX
    keys = request.keys[done_count:following]
    return keys, str(following) if following < len(request.keys) else ""


def _grant(context: Context, request: WishRequest) -> Story[WishOutcome]:
    outcome = yield from _patiently(context, lambda: grant_wish(context, request))
    if outcome.granted_keys:
        # Nobody else: a bell for a mailbox that has no row would start a story that finds nothing.
        wake = WakeRequest(request.batch, outcome.granted_keys)
        yield from _patiently(context, lambda: wake_stories(context, wake))
    return outcome


def _patiently(context: Context, ask: Callable[[], Story[T]]) -> Story[T]:
    """Ask a step until it is done, a bounded number of times: an operator waits for the answer."""
    for _ in range(TRY_COUNT_MAX - 1):
        try:
            return (yield from ask())
        except Deferred as early:
            yield context.create_timer(
                context.current_utc_datetime + timedelta(seconds=early.wait_s)
            )
    return (yield from ask())
