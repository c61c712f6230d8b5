"""The tenant made ready for coexistence, or repaired, part by part.

    1. what the plan wants              domains, group, connectors, rule, endpoint, report mailbox
    2. each part                        find, compare, create or correct, read back; what is right is left alone
    3. after a repair                   mailboxes that are not migrated are members again
    4. the tenant as found              becomes what the guard compares with

A domain waits for its record in public DNS while the rest goes on. Everything is looked at again at every walk, so a
walk that was killed, or somebody's hand in between, changes nothing at the end.

Custom status: {"state", "waiting_for", "next_look_s"}.
"""

from dataclasses import dataclass, replace

from bascule.domain.codec import Json, decode, encode
from bascule.domain.tenant import Part
from bascule.domain.tenant_records import (
    MemberPage,
    PartProgress,
    PartRef,
    PartState,
    PreparationProgress,
    PreparationRef,
    TenantQuestion,
)
from orchestrators.steps import (
    Context,
    Deferred,
    StepRefused,
    Story,
    list_parts,
    pause,
    prepare_part,
    record_preparation,
    restore_members,
    see_tenant,
)

# The others do not wait for these: people publish DNS records in their own time.
APART = frozenset({Part.DOMAIN, Part.ACCEPTED_DOMAIN})
# A domain that nobody proved in a month is a project that nobody goes on with; asking again begins again.
PATIENCE_S = 30 * 24 * 3600.0
# The wait grows with the time that has passed since somebody asked: a week's wait is not asked after every minute.
GROWTH = 0.05
GROWN_WAIT_MAX_S = 6 * 3600.0
AT_ONCE_S = 1.0
# The ledger or the tenant refuses the look itself: a person grants what is missing, and rings or waits for this.
REFUSED_WAIT_S = 900.0
MEMBERS_COUNT_MAX = 50
# A page is one step; the history of a generation stays below two hundred events.
MEMBER_PAGES_MAX = 20
ASKED_BY = "preparation"


@dataclass(frozen=True)
class Walk:
    """What one walk through the parts has come to."""

    parts: tuple[PartProgress, ...] = ()
    wait_s: float = 0.0
    waiting_for: str = ""
    refusal: str = ""


def tenant_preparation(context: Context) -> Story[Json]:
    """Prepare the tenant, or repair it. Input: a PreparationRef. Output: {"ready", "detail"}.

    Waits for the doorbell. Ends when everything is as wanted, when a part was refused, or when nobody published what a
    domain waits for.
    """
    ref = decode(PreparationRef, context.get_input())
    try:
        walk, ref = yield from _walk_on(context, ref)
    except Deferred as early:
        walk = Walk(wait_s=early.wait_s, waiting_for=early.why)
    except StepRefused as refusal:
        walk = Walk(wait_s=REFUSED_WAIT_S, waiting_for=str(refusal))
    if walk.wait_s:
        yield from _rest(context, walk)
    elif walk.refusal or not ref.after_batch:
        return _told(context, walk)
    context.continue_as_new(encode(ref))
    return None


def _walk_on(context: Context, ref: PreparationRef) -> Story[tuple[Walk, PreparationRef]]:
    listed = yield from list_parts(context, ref)
    walk = Walk(refusal=listed.problem)
    if not listed.problem:
        walk = yield from _walk(context, listed.parts)
    if listed.is_repair and not walk.wait_s and not walk.refusal:
        walk, ref = yield from _restore(context, walk, ref)
        if ref.after_batch:
            return walk, ref
    walk = _patient(walk, (context.current_utc_datetime - listed.asked_utc).total_seconds())
    is_finished = not walk.wait_s and not walk.refusal
    progress = PreparationProgress(
        walk.parts,
        listed.asked_utc,
        walk.refusal,
        is_finished=is_finished,
        is_refused=bool(walk.refusal) and not walk.wait_s,
    )
    is_ours = yield from record_preparation(context, progress)
    if not is_ours:
        return Walk(wait_s=AT_ONCE_S, waiting_for="what was asked meanwhile"), PreparationRef()
    if is_finished:
        yield from see_tenant(context, TenantQuestion(ASKED_BY))
    return walk, ref


def _patient(walk: Walk, asked_s: float) -> Walk:
    """The walk with a wait that grows with the time since it was asked for, or given up at the end of all patience."""
    if not walk.wait_s:
        return walk
    if asked_s > PATIENCE_S:
        return replace(walk, wait_s=0.0, refusal=walk.refusal or walk.waiting_for)
    return replace(walk, wait_s=max(walk.wait_s, min(asked_s * GROWTH, GROWN_WAIT_MAX_S)))


def _walk(context: Context, parts: tuple[PartRef, ...]) -> Story[Walk]:
    walk = Walk()
    for ref in parts:
        walk = yield from _take(context, walk, ref)
        if walk.parts[-1].state is not PartState.DONE and ref.part not in APART:
            break
    return walk


def _take(context: Context, walk: Walk, ref: PartRef) -> Story[Walk]:
    try:
        yield from prepare_part(context, ref)
    except Deferred as early:
        part = PartProgress(ref, PartState.WAITING, early.why)
        wait_s = min(walk.wait_s or early.wait_s, early.wait_s)
        waiting_for = walk.waiting_for or early.why
        return replace(walk, parts=(*walk.parts, part), wait_s=wait_s, waiting_for=waiting_for)
    except StepRefused as refusal:
        part = PartProgress(ref, PartState.REFUSED, refusal.detail)
        return replace(
            walk, parts=(*walk.parts, part), refusal=walk.refusal or f"{ref.name}: {refusal.detail}"
        )
    return replace(walk, parts=(*walk.parts, PartProgress(ref, PartState.DONE)))


def _restore(
    context: Context, walk: Walk, ref: PreparationRef
) -> Story[tuple[Walk, PreparationRef]]:
    """Some pages of the ledger further; the way on stands in the answer, empty at the end."""
    for _ in range(MEMBER_PAGES_MAX):
        page = MemberPage(ref.after_batch, ref.after_key, MEMBERS_COUNT_MAX)
        try:
            facts = yield from restore_members(context, page)
        except StepRefused as refusal:
            return replace(walk, refusal=f"members: {refusal.detail}"), PreparationRef()
        ref = PreparationRef(facts.following_batch, facts.following_key)
        if not ref.after_batch:
            break
    return walk, ref


def _rest(context: Context, walk: Walk) -> Story[None]:
    context.set_custom_status(
        {
            "state": "waiting",
            "waiting_for": walk.waiting_for[:200],
            "next_look_s": round(walk.wait_s),
        }
    )
    yield from pause(context, walk.wait_s)


def _told(context: Context, walk: Walk) -> Json:
    state = "refused" if walk.refusal else "ready"
    context.set_custom_status({"state": state, "waiting_for": "", "next_look_s": 0})
    return {"ready": not walk.refusal, "detail": walk.refusal}
