"""The tenant's groups, shared mailboxes, rights and contacts, from the operator's word until everybody is in their place.

    1. compare      the whole tenant with the files; a list of changes, or the report
    2. apply        the list, in chunks; then compare again, because what was just created can now be filled
    3. watch        while somebody is awaited: look at the ledger, and compare again when a mailbox has arrived

Everything the story knows stands in the documents: it can be started again at any time. Custom status: {"state", ...}.
"""

from bascule.domain.codec import decode, encode
from bascule.domain.directory_objects.records import (
    ChunkRequest,
    DirectoryRef,
    Phase,
    Standing,
)
from orchestrators.steps import (
    Context,
    Deferred,
    StepRefused,
    Story,
    apply_directory,
    compare_directory,
    pause,
    read_directory,
)

# A generation stays below the promised 200 events: a step takes three.
CHUNKS_EACH_GENERATION_MAX = 40
# What was just written is seen by the lists after seconds, rarely minutes; each round waits longer than the last.
ROUND_WAIT_S = 60.0
ROUND_WAIT_MAX_S = 600.0
# New mailboxes take minutes to hours; one look is a read of the ledger.
WATCH_S = 900.0
# A refusal waits for a person, who asks again and rings.
HELD_UP_S = 900.0
AT_ONCE_S = 1.0


def directory_objects(context: Context) -> Story[None]:
    """Bring the tenant's directory objects to what the files want. Input: a DirectoryRef. Waits for the doorbell."""
    ref = decode(DirectoryRef, context.get_input())
    try:
        wait_s = yield from _live(context, ref)
    except Deferred as early:
        wait_s = early.wait_s
    except StepRefused as refusal:
        context.set_custom_status({"state": "held up", "detail": str(refusal)[:500]})
        wait_s = HELD_UP_S
    if wait_s is None:
        return
    yield from pause(context, wait_s)
    context.continue_as_new(encode(ref))


def _live(context: Context, ref: DirectoryRef) -> Story[float | None]:
    """One stretch of work; the wait until the next, or None at the end."""
    standing = yield from read_directory(context, ref)
    _tell(context, standing)
    match standing.phase:
        case Phase.IDLE:
            return None
        case Phase.WATCH:
            return WATCH_S
        case Phase.COMPARE:
            now = yield from compare_directory(context, ref)
            _tell(context, now)
            return AT_ONCE_S
        case Phase.APPLY:
            return (yield from _apply(context, standing))


def _apply(context: Context, standing: Standing) -> Story[float]:
    position = standing.position
    for _ in range(CHUNKS_EACH_GENERATION_MAX):
        facts = yield from apply_directory(context, ChunkRequest(standing.plan_id, position))
        if facts.wait_s:
            return facts.wait_s
        position = facts.position
        if position >= standing.change_count:
            return min(ROUND_WAIT_S * standing.round_number, ROUND_WAIT_MAX_S)
    return AT_ONCE_S


def _tell(context: Context, standing: Standing) -> None:
    context.set_custom_status(
        {
            "state": standing.phase,
            "round": standing.round_number,
            "done": standing.position,
            "changes": standing.change_count,
            "waiting": standing.waiting_count,
        }
    )
