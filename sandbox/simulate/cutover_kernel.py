"""The heart of the cutover as a small machine, every interleaving of which is tried.

One mailbox, two messages, transport servers that remember the group, a host that may die between any two moves. The
moves of the story are those of `orchestrators/cutover.py`, in its order; the world moves whenever it likes:

    story   leave the group | wait out the hold | send probe | find probe | turn the alias | fetch what is at the source
    world   a server's memory of the group ends | a message arrives, from inside or outside | it is delivered | a crash

Searched exhaustively, breadth first, over states; a state is a value, so the search ends.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

SERVER_COUNT = 3
MESSAGE_COUNT = 2
CRASHES_MAX = 2
# Through both redirects a message would go for ever; the tenant's stamp ends it after this many crossings.
CROSSINGS_MAX = 2

# Where a message is: not yet written, in Postfix's queue, in the tenant, at rest. Postfix looks the alias up when mail
# enters its queue: what it holds for the source still goes there after the alias was turned.
UNWRITTEN, HELD_FOR_SOURCE, HELD_FOR_TENANT, IN_TENANT, AT_SOURCE, IN_CLOUD, LOOPS = range(7)


@dataclass(frozen=True)
class Message:
    """One message: where it is, and how often it has crossed."""

    place: int = UNWRITTEN
    crossings: int = 0


@dataclass(frozen=True)
class State:
    """Everything that decides what may happen next. `stage` is what the ledger holds, `done` what a step has done
    whose answer is not recorded yet."""

    stage: str = "SYNCED"
    done: str = ""
    is_member: bool = True
    remembers: tuple[bool, ...] = (True,) * SERVER_COUNT
    probe: str = ""
    proven_count: int = 0
    alias_in_cloud: bool = False
    is_hold_over: bool = False
    messages: tuple[Message, ...] = (Message(),) * MESSAGE_COUNT
    crash_count: int = 0


@dataclass(frozen=True)
class Rules:
    """How the story decides; the fields that a deliberate mistake changes."""

    probes_needed: int = SERVER_COUNT
    waits_for_hold: bool = True
    leaves_first: bool = True
    fetches_after_redirect: bool = True


Move = tuple[str, State]


def moves(state: State, rules: Rules) -> Iterator[Move]:
    """Everything that may happen next, named."""
    yield from _story(state, rules)
    yield from _world(state)
    if state.crash_count < CRASHES_MAX and state.stage != "MIGRATED":
        # What was done stays done, what was not recorded is done again.
        yield "crash", replace(state, done="", crash_count=state.crash_count + 1)


def _story(state: State, rules: Rules) -> Iterator[Move]:
    if state.done:
        yield "record", replace(state, stage=state.done, done="")
        return
    match state.stage:
        case "SYNCED" if rules.leaves_first:
            yield "leave the group", replace(state, is_member=False, done="LEFT")
        case "SYNCED":
            yield "turn the alias", replace(state, alias_in_cloud=True, done="LEFT")
        case "LEFT" if not rules.waits_for_hold or state.is_hold_over:
            yield from _probing(state, rules)
        case "DETACHED":
            turned = replace(state, alias_in_cloud=True, is_member=False, done="REDIRECTED")
            yield "turn the alias", turned
        case "REDIRECTED" if _is_quiet(state):
            fetched = _fetched(state) if rules.fetches_after_redirect else state.messages
            yield "fetch and prove", replace(state, messages=fetched, done="MIGRATED")


def _probing(state: State, rules: Rules) -> Iterator[Move]:
    if state.proven_count >= rules.probes_needed:
        yield "detached", replace(state, done="DETACHED", probe="")
    elif not state.probe:
        for server, remembers in enumerate(state.remembers):
            place = "source" if remembers else "cloud"
            yield f"probe through server {server}", replace(state, probe=place)
    else:
        count = state.proven_count + 1 if state.probe == "cloud" else 0
        yield f"probe found: {state.probe}", replace(state, probe="", proven_count=count)


def _is_quiet(state: State) -> bool:
    # The grace is longer than Postfix holds anything.
    return all(m.place not in {HELD_FOR_SOURCE, HELD_FOR_TENANT, IN_TENANT} for m in state.messages)


def _fetched(state: State) -> tuple[Message, ...]:
    return tuple(
        replace(message, place=IN_CLOUD) if message.place == AT_SOURCE else message
        for message in state.messages
    )


def _world(state: State) -> Iterator[Move]:
    for server, remembers in enumerate(state.remembers):
        if remembers and not state.is_member:
            forgot = tuple(r and s != server for s, r in enumerate(state.remembers))
            yield f"server {server} forgets", replace(state, remembers=forgot)
    if not state.is_member and not any(state.remembers) and not state.is_hold_over:
        # The hold is longer than any server remembers.
        yield "the hold is over", replace(state, is_hold_over=True)
    for number, message in enumerate(state.messages):
        for what, moved in _post(state, message):
            messages = (*state.messages[:number], moved, *state.messages[number + 1 :])
            yield f"message {number}: {what}", replace(state, messages=messages)


def _post(state: State, message: Message) -> Iterator[tuple[str, Message]]:
    if message.crossings > CROSSINGS_MAX:
        if message.place != LOOPS:
            yield "goes round", replace(message, place=LOOPS)
        return
    enters = HELD_FOR_TENANT if state.alias_in_cloud else HELD_FOR_SOURCE
    if message.place == UNWRITTEN and "MIGRATED" not in {state.stage, state.done}:
        yield "from outside", replace(message, place=enters)
        yield "from inside", replace(message, place=IN_TENANT)
    elif message.place == HELD_FOR_TENANT:
        yield "to the tenant", Message(IN_TENANT, message.crossings + 1)
    elif message.place == HELD_FOR_SOURCE:
        yield "to the source", replace(message, place=AT_SOURCE)
    elif message.place == IN_TENANT:
        for remembers in sorted(set(state.remembers)):
            if remembers:
                yield "to Postfix", Message(enters, message.crossings + 1)
            else:
                yield "to the cloud", replace(message, place=IN_CLOUD)


@dataclass(frozen=True)
class Found:
    """What a search has seen: how many states and moves, and the way to the first broken promise."""

    state_count: int
    move_count: int
    broken: str = ""
    way: tuple[str, ...] = ()


def broken_promise(state: State) -> str:
    """Which promise this state breaks; empty when none."""
    if state.alias_in_cloud and any(state.remembers):
        return "both redirects at once"
    if any(message.place == LOOPS for message in state.messages):
        return "a message goes round"
    if state.stage == "MIGRATED" and any(m.place == AT_SOURCE for m in state.messages):
        return "a message stays behind"
    return ""


def search(rules: Rules | None = None, is_broken: Callable[[State], str] = broken_promise) -> Found:
    """Visit every state that can be reached, each once; stops at the first that breaks a promise."""
    start, asked = State(), rules or Rules()
    came_from: dict[State, tuple[State, str] | None] = {start: None}
    waiting, move_count = deque([start]), 0
    while waiting:
        state = waiting.popleft()
        broken = is_broken(state)
        if broken:
            return Found(len(came_from), move_count, broken, _way(came_from, state))
        for name, following in moves(state, asked):
            move_count += 1
            if following not in came_from:
                came_from[following] = (state, name)
                waiting.append(following)
    return Found(len(came_from), move_count)


def can_always_end(rules: Rules | None = None) -> bool:
    """Whether from every state that can be reached MIGRATED can still be reached: nothing gets stuck."""
    asked, start = rules or Rules(), State()
    before: dict[State, list[State]] = {start: []}
    waiting = deque([start])
    while waiting:
        state = waiting.popleft()
        for _, following in moves(state, asked):
            if following not in before:
                before[following] = []
                waiting.append(following)
            before[following].append(state)
    ended = deque(state for state in before if state.stage == "MIGRATED")
    reaching = set(ended)
    while ended:
        for earlier in before[ended.popleft()]:
            if earlier not in reaching:
                reaching.add(earlier)
                ended.append(earlier)
    return len(reaching) == len(before)


def _way(came_from: dict[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    way: list[str] = []
    step = came_from[state]
    while step is not None:
        way.append(step[1])
        step = came_from[step[0]]
    return tuple(reversed(way))
