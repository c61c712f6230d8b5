"""The heart of the cutover as a small machine, every interleaving of which is tried.

One mailbox, two messages, transport servers that remember the group, a host that may die between any two moves, a person
who turns back. The moves of the story are those of `orchestrators/cutover.py` and `orchestrators/rollback.py`, in their
order (a test walks one way beside the real story); the world moves whenever it likes:

    story   leave the group | wait out the hold | send probe | find probe | turn the alias | fetch what is at the source
    home    turn the alias back | join the group | send probe | find probe | bring home what is in the cloud
    person  set aside | put back into the group while it is set aside | retry | ask for the way home
    world   a server's memory of the group ends or comes back | the hold ends | a message arrives | it is delivered | a crash

Searched exhaustively, breadth first, over states; a state is a value, so the search ends. What the search takes for granted
is in `Rules`: only with `hold_outlasts_memory` or with `probes_meet_every_server` no order of events breaks a promise.
The second one nobody can have: a probe goes through whichever server takes it.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

SERVER_COUNT = 3
MESSAGE_COUNT = 2
CRASHES_MAX = 1
ROLLBACKS_MAX = 1
# Through both redirects a message would go for ever; the tenant's stamp ends it after this many crossings.
CROSSINGS_MAX = 2

# Where a message is: not yet written, in Postfix's queue, in the tenant, at rest. Postfix looks the alias up when mail
# enters its queue: what it holds for the source still goes there after the alias was turned.
UNWRITTEN, HELD_FOR_SOURCE, HELD_FOR_TENANT, IN_TENANT, AT_SOURCE, IN_CLOUD, LOOPS = range(7)


@dataclass(frozen=True, order=True)
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
    is_aside: bool = False
    rollback_count: int = 0


@dataclass(frozen=True)
class Rules:
    """How the story decides, and what is taken for granted of the world; what a deliberate mistake changes."""

    probes_needed: int = SERVER_COUNT
    waits_for_hold: bool = True
    leaves_first: bool = True
    fetches_after_redirect: bool = True
    turns_back_first: bool = True
    proves_anew: bool = True
    """A retry before the alias is turned begins at the group again: nobody looked while the mailbox was set aside."""
    hold_outlasts_memory: bool = True
    """Granted: no server remembers the group for longer than the hold. Otherwise it may end in any state."""
    probes_meet_every_server: bool = False
    """Granted: probes go through the servers in turn. Otherwise through any, all of them through one."""


CUT_OVER = frozenset({"LEFT", "DETACHED", "REDIRECTED"})
WAY_HOME = frozenset({"HOMEWARD", "JOINED", "PROVEN_HOME", "ROLLED_BACK"})
Move = tuple[str, State]
CameFrom = dict[State, tuple[State, str] | None]


def moves(state: State, rules: Rules) -> Iterator[Move]:
    """Everything that may happen next, named."""
    yield from _story(state, rules)
    yield from _person(state)
    yield from _world(state, rules)
    if state.crash_count < CRASHES_MAX and state.stage != "MIGRATED":
        # What was done stays done, what was not recorded is done again.
        yield "crash", replace(state, done="", crash_count=state.crash_count + 1)


def _story(state: State, rules: Rules) -> Iterator[Move]:
    if state.is_aside:
        yield "retry", _retried(state, rules)
    elif state.done == "ALIAS_HOME":
        yield "join the group", replace(state, is_member=True, done="JOINED")
    elif state.done:
        yield "record", replace(state, stage=state.done, done="")
    elif state.stage in WAY_HOME:
        yield from _way_home(state, rules)
    else:
        yield from _way_there(state, rules)


def _retried(state: State, rules: Rules) -> State:
    again = replace(state, is_aside=False)
    if not rules.proves_anew or state.alias_in_cloud or state.stage not in CUT_OVER:
        return again
    return replace(again, stage="SYNCED", is_hold_over=False, probe="", proven_count=0)


def _way_there(state: State, rules: Rules) -> Iterator[Move]:
    match state.stage:
        case "SYNCED" if rules.leaves_first:
            left = replace(state, is_member=False, is_hold_over=False, done="LEFT")
            yield "leave the group", left
        case "SYNCED":
            yield "turn the alias", replace(state, alias_in_cloud=True, done="LEFT")
        case "LEFT" if not rules.waits_for_hold or state.is_hold_over:
            yield from _probing(state, rules, "cloud", "DETACHED")
        case "DETACHED":
            is_in = state.is_member and rules.leaves_first
            turned = replace(state, alias_in_cloud=True, is_member=is_in, done="REDIRECTED")
            yield "turn the alias", turned
        case "REDIRECTED" if _is_quiet(state):
            fetched = _fetched(state) if rules.fetches_after_redirect else state.messages
            yield "fetch and prove", replace(state, messages=fetched, done="MIGRATED")


def _way_home(state: State, rules: Rules) -> Iterator[Move]:
    match state.stage:
        case "HOMEWARD" if rules.turns_back_first:
            yield "turn the alias back", replace(state, alias_in_cloud=False, done="ALIAS_HOME")
        case "HOMEWARD":
            joined = replace(state, is_member=True, done="JOINED")
            yield "join the group", joined
        case "JOINED":
            at_home = replace(state, alias_in_cloud=False)
            yield from _probing(at_home, rules, "source", "PROVEN_HOME")
        case "PROVEN_HOME":
            home = replace(state, messages=_brought_home(state), done="ROLLED_BACK")
            yield "bring home", home
        case "ROLLED_BACK":
            yield "bring home", replace(state, messages=_brought_home(state))
            again = replace(state, messages=_brought_home(state), done="SYNCED")
            yield "bring home, and a second cutover", again


def _probing(state: State, rules: Rules, wanted: str, then: str) -> Iterator[Move]:
    if state.proven_count >= rules.probes_needed:
        yield then.lower(), replace(state, done=then, probe="", proven_count=0)
    elif not state.probe:
        servers = [state.proven_count] if rules.probes_meet_every_server else range(SERVER_COUNT)
        for server in servers:
            place = "source" if state.remembers[server] else "cloud"
            yield f"probe through server {server}", replace(state, probe=place)
    else:
        count = state.proven_count + 1 if state.probe == wanted else 0
        yield f"probe found: {state.probe}", replace(state, probe="", proven_count=count)


def _person(state: State) -> Iterator[Move]:
    if state.stage in CUT_OVER | WAY_HOME - {"ROLLED_BACK"} and not state.is_aside:
        yield "set aside", replace(state, is_aside=True, done="")
    if state.is_aside and state.stage in CUT_OVER and not state.alias_in_cloud:
        # Somebody mends the group, and takes who is at home for one who belongs there.
        yield "put back by hand", replace(state, is_member=True)
    has_begun = state.stage in {*CUT_OVER, "MIGRATED"}
    if has_begun and not state.done and state.rollback_count < ROLLBACKS_MAX:
        yield (
            "ask for the way home",
            replace(
                state,
                stage="HOMEWARD",
                is_aside=False,
                is_hold_over=False,
                probe="",
                proven_count=0,
                rollback_count=state.rollback_count + 1,
            ),
        )


def _is_quiet(state: State) -> bool:
    # The grace is longer than Postfix holds anything.
    return all(m.place not in {HELD_FOR_SOURCE, HELD_FOR_TENANT, IN_TENANT} for m in state.messages)


def _fetched(state: State) -> tuple[Message, ...]:
    return _moved(state.messages, AT_SOURCE, IN_CLOUD)


def _brought_home(state: State) -> tuple[Message, ...]:
    return _moved(state.messages, IN_CLOUD, AT_SOURCE)


def _moved(messages: tuple[Message, ...], before: int, after: int) -> tuple[Message, ...]:
    moved = (replace(each, place=after) if each.place == before else each for each in messages)
    return tuple(sorted(moved))


def _world(state: State, rules: Rules) -> Iterator[Move]:
    for server, remembers in enumerate(state.remembers):
        if remembers is not state.is_member:
            learnt = (*state.remembers[:server], not remembers, *state.remembers[server + 1 :])
            verb = "forgets" if remembers else "learns"
            yield f"server {server} {verb}", replace(state, remembers=learnt)
    is_held = state.stage == "LEFT" and not state.is_hold_over
    if is_held and not (rules.hold_outlasts_memory and any(state.remembers)):
        yield "the hold is over", replace(state, is_hold_over=True)
    for number, message in enumerate(state.messages):
        for what, moved in _post(state, message):
            # Which of two messages is which makes no difference.
            others = (*state.messages[:number], *state.messages[number + 1 :])
            messages = tuple(sorted((moved, *others)))
            yield f"a message: {what}", replace(state, messages=messages)


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
    """What a search has seen: how many states and moves, how many states break a promise, and the way to the first."""

    state_count: int
    move_count: int
    broken_count: int = 0
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


def search(rules: Rules | None = None, *, to_the_end: bool = False) -> Found:
    """Visit every state that can be reached, each once; stops at the first that breaks a promise, or counts them all.

    What follows a broken promise is not looked at: it would break many more.
    """
    start, asked = State(), rules or Rules()
    came_from: CameFrom = {start: None}
    waiting, move_count, broken = deque([start]), 0, list[State]()
    while waiting and (to_the_end or not broken):
        state = waiting.popleft()
        if broken_promise(state):
            broken.append(state)
            continue
        for name, following in moves(state, asked):
            move_count += 1
            if following not in came_from:
                came_from[following] = (state, name)
                waiting.append(following)
    if not broken:
        return Found(len(came_from), move_count)
    promise, way = broken_promise(broken[0]), _way(came_from, broken[0])
    return Found(len(came_from), move_count, len(broken), promise, way)


def way_to(stage: str, start: State | None = None) -> tuple[State, tuple[str, ...]]:
    """The first state of a stage that a search meets, and the moves that lead there."""
    first = start or State()
    came_from: CameFrom = {first: None}
    waiting = deque([first])
    while waiting:
        state = waiting.popleft()
        if state.stage == stage:
            return state, _way(came_from, state)
        for name, following in moves(state, Rules()):
            if following not in came_from:
                came_from[following] = (state, name)
                waiting.append(following)
    raise ValueError(f"{stage} cannot be reached")


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


def _way(came_from: CameFrom, state: State) -> tuple[str, ...]:
    way: list[str] = []
    step = came_from[state]
    while step is not None:
        way.append(step[1])
        step = came_from[step[0]]
    return tuple(reversed(way))
