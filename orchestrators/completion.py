"""The end of the migration, from lowered TTLs to the final report.

    1. watch public DNS      lowered TTLs, then the tenant's records, everywhere, and long enough
    2. wait for a word       before each step that cannot be taken back
    3. do the deed           the step looks at every mailbox again, right before
    4. watch SPF             until the tenant alone may send
    5. look once more        what somebody put back by hand meanwhile is taken down again; then the report

Custom status: {"state", "waiting_for", "detail"}.
"""

from types import MappingProxyType

from bascule.domain.codec import decode, encode
from bascule.domain.completion import WATCHED, CompletionRef, CompletionView, Phase
from orchestrators.steps import (
    Context,
    Deferred,
    Step,
    StepRefused,
    Story,
    destroy_keys,
    file_completion,
    pause,
    read_completion,
    remove_endpoint,
    remove_routing,
    turn_authoritative,
    watch_dns,
)

DEEDS: MappingProxyType[Phase, Step[CompletionRef, bool] | Step[CompletionRef, int]] = (
    MappingProxyType(
        {
            Phase.READY: turn_authoritative,
            Phase.TURNING: turn_authoritative,
            Phase.ROUTING: remove_routing,
            Phase.ENDPOINT: remove_endpoint,
            Phase.KEYS: destroy_keys,
        }
    )
)
# The document has moved: look at it again at once.
AT_ONCE_S = 0.0
# A word rings the bell; without one it is looked at daily, as every row is.
WORD_WAIT_S = 24 * 3600.0
# Everything is as it has to be and a person thinks about it: a hand edit is noticed within the hour.
READY_LOOK_S = 3600.0
# Only a person can put it right, and the bell rings when they ask again.
REFUSED_WAIT_S = 900.0


def tenant_completion(context: Context) -> Story[None]:
    """Complete the tenant, however long people take. Input: a CompletionRef. Waits for the doorbell."""
    ref = decode(CompletionRef, context.get_input())
    try:
        wait_s = yield from _live(context, ref)
    except Deferred as early:
        _tell(context, "waiting", detail=early.why)
        wait_s = early.wait_s
    except StepRefused as refusal:
        _tell(context, "held up", detail=refusal.detail)
        wait_s = REFUSED_WAIT_S
    if wait_s is None:
        return
    yield from pause(context, wait_s)
    context.continue_as_new(encode(ref))


def _live(context: Context, ref: CompletionRef) -> Story[float | None]:
    """One look at everything; the wait until the next, or None at the end."""
    view = yield from read_completion(context, ref)
    if not view.exists or view.phase is Phase.COMPLETE:
        _tell(context, view.phase if view.exists else "stopped")
        return None
    if view.phase in WATCHED:
        wait_s = yield from _watch(context, ref, view)
        if wait_s is not None:
            return wait_s
    if view.awaited_word:
        _tell(context, view.phase, f"the word {view.awaited_word}")
        return READY_LOOK_S if view.phase is Phase.READY else WORD_WAIT_S
    if view.phase in DEEDS:
        _tell(context, view.phase)
        yield from DEEDS[view.phase](context, ref)
    return AT_ONCE_S


def _watch(context: Context, ref: CompletionRef, view: CompletionView) -> Story[float | None]:
    """Look at public DNS; the wait when there is one, None when the phase may go on."""
    facts = yield from watch_dns(context, ref)
    if not facts.is_done:
        _tell(context, view.phase, "public DNS", f"{facts.finding_count} findings")
        return facts.wait_s
    if view.phase is Phase.SEPARATING:
        yield from _finish(context, ref)
    return None


def _finish(context: Context, ref: CompletionRef) -> Story[None]:
    yield from turn_authoritative(context, ref)
    yield from remove_routing(context, ref)
    yield from remove_endpoint(context, ref)
    yield from file_completion(context, ref)


def _tell(context: Context, state: str, waiting_for: str = "", detail: str = "") -> None:
    status = {"state": state, "waiting_for": waiting_for, "detail": detail[:500]}
    context.set_custom_status({**status})
