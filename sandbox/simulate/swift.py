"""A host in a few pages: the same stories and steps, without texts, tables and replays at every turn.

What the Durable engine promises, as far as our stories use it: steps run at least once, a turn is committed whole or
not at all, timers fire late and never early, events are kept for who waits, a new generation begins with an empty
history. A killed host forgets every running generator and builds it again from the history that was committed.
The engine with the SDK lives the same lives, a hundred times slower; the two are held against each other by tests.
"""

import asyncio
import heapq
from collections import Counter, deque
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sandbox.local_host.clock import VirtualClock
from sandbox.simulate.fates import Fates, StepSeen
from sandbox.simulate.life import FaultKind
from sandbox.simulate.swift_context import Ask, Context, Heard

# Our stories' names and functions; a story is a generator over a context.
Stories = Mapping[str, Callable[[Any], Generator[Any, Any, Any]]]
Steps = Mapping[str, Callable[[Any], Any]]
# Each event of ours stands for this many of the engine's: scheduled, completed, and the two ends of a turn.
EVENTS_PER_STEP = 4


class ForgetfulStory(Exception):
    """A story asked for something else when it was played again: it is not deterministic."""


@dataclass
class Tale:
    """One instance: what is committed of it, and its generator while the host lives."""

    instance_id: str
    story: str
    given: Any
    began_utc: datetime
    history: list[Heard] = field(default_factory=list)
    inbox: list[Heard] = field(default_factory=list)
    waiting: Ask | None = None
    bell_count: int = 0
    is_over: bool = False
    output: Any = None
    generation: int = 0
    teller: Generator[Any, Any, Any] | None = None
    context: Context | None = None


Due = tuple[datetime, int, str, int]


class SwiftHost:
    """Runs stories and steps over one clock; `restart` is what a new process would find."""

    def __init__(
        self, stories: Stories, steps: Steps, clock: VirtualClock, fates: Fates, seen: StepSeen
    ) -> None:
        self._stories, self._steps, self._clock = stories, steps, clock
        self._fates, self._seen = fates, seen
        self._tales: dict[str, Tale] = {}
        self._ready: dict[str, None] = {}
        self._calls: deque[tuple[str, int, int]] = deque()
        self._timers: list[Due] = []
        self._order = 0
        self._loop = asyncio.new_event_loop()
        self.forbidden: list[str] = []
        self.leaks: set[str] = set()
        self.broken: list[str] = []
        self.longest: Counter[str] = Counter()
        self.turns: Counter[str] = Counter()
        self.runs: Counter[str] = Counter()
        self.late: list[tuple[float, str, Any]] = []

    # -- from outside -------------------------------------------------------------------------

    def start(self, story: str, given: Any, instance_id: str) -> None:
        """Start a story over a finished one or none."""
        old = self._tales.get(instance_id)
        generation = old.generation + 1 if old else 0
        now_utc = self._clock.now_utc()
        tale = Tale(instance_id, story, given, now_utc, generation=generation)
        self._tales[instance_id] = tale
        self._ready[instance_id] = None

    def client(self) -> "SwiftClient":
        """What triggers and the waking step are given."""
        return SwiftClient(self, self._fates)

    def is_alive(self, instance_id: str) -> bool:
        """Whether a story of that id runs."""
        tale = self._tales.get(instance_id)
        return tale is not None and not tale.is_over

    def ring(self, instance_id: str) -> None:
        """The bell; kept until somebody waits for it."""
        tale = self._tales[instance_id]
        tale.bell_count += 1
        self._ready[instance_id] = None

    def output(self, instance_id: str) -> Any:
        """What a finished story answered."""
        return self._tales[instance_id].output

    def run(self, call: Any) -> Any:
        """Run a coroutine to its end."""
        return self._loop.run_until_complete(call)

    def close(self) -> None:
        """Give back the event loop."""
        self._loop.close()

    # -- time ---------------------------------------------------------------------------------

    def next_timer(self) -> datetime | None:
        """When the next timer is due."""
        while self._timers and not self._is_wanted(self._timers[0]):
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def fire_due_timers(self) -> None:
        """Tell every story whose timer is due."""
        now_utc = self._clock.now_utc()
        while self._timers and self._timers[0][0] <= now_utc:
            due = heapq.heappop(self._timers)
            if self._is_wanted(due):
                tale = self._tales[due[2]]
                timer = self._timer_of(tale)
                if timer is not None:
                    tale.inbox.append(Heard(timer, now_utc))
                    self._ready[due[2]] = None

    def _is_wanted(self, due: Due) -> bool:
        tale = self._tales[due[2]]
        return tale.generation * 1000 + len(tale.history) == due[3] and not tale.is_over

    @staticmethod
    def _timer_of(tale: Tale) -> Ask | None:
        waiting = tale.waiting
        options = waiting.options or (waiting,) if waiting else ()
        return next((ask for ask in options if ask.kind == "timer"), None)

    # -- work ---------------------------------------------------------------------------------

    def restart(self) -> None:
        """A new process: nothing is left of the old one but what was committed."""
        for tale in self._tales.values():
            tale.teller = tale.context = None

    def run_step(self) -> bool:
        """One step, else one turn; False when there is nothing to do."""
        if self._calls:
            self._run_call(*self._calls[0])
            return True
        if self._ready:
            instance_id = next(iter(self._ready))
            self._take_turn(self._tales[instance_id])
            return True
        return False

    def _run_call(self, instance_id: str, generation: int, position: int) -> None:
        tale = self._tales[instance_id]
        ask = tale.waiting
        if ask is None or (tale.generation, len(tale.history)) != (generation, position):
            self._calls.popleft()
            return
        heard = self._call(ask)
        self._calls.popleft()
        tale.inbox.append(heard)
        self._ready[instance_id] = None

    def _call(self, ask: Ask) -> Heard:
        self._fates.begin_step(ask.name)
        heard = self._call_once(ask)
        if self._fates.repetition(FaultKind.STEP_TWICE):
            heard = self._call_once(ask)
        late = self._fates.repetition(FaultKind.STEP_LATE_AGAIN)
        if late and ask.name != "wake_stories":
            self.late.append((late.pause_s, ask.name, ask.value))
        self._fates.end_step()
        kind = heard.answer.get("$type", "broken") if heard.answer else "broken"
        code = f" {heard.answer['code']}" if kind == "Refused" else ""
        self._seen(ask.name, subject(ask.value), kind + code)
        return heard

    def _call_once(self, ask: Ask) -> Heard:
        self.runs[ask.name] += 1
        now_utc = self._clock.now_utc()
        try:
            answer = self._steps[ask.name](ask.value)
            if asyncio.iscoroutine(answer):
                answer = self.run(answer)
        except Exception as broken:  # noqa: BLE001  whatever a step raises is its answer
            self.broken.append(str(broken))
            self._read(ask.name, ask.value, str(broken))
            return Heard(ask, now_utc, failure=str(broken))
        self._read(ask.name, ask.value, answer)
        return Heard(ask, now_utc, answer)

    def run_again(self, name: str, value: Any) -> None:
        """The late repetition of a step; nobody waits for its answer."""
        self._call_once(Ask("step", name, value))

    def _read(self, where: str, *values: Any) -> None:
        shown = repr(values)
        if any(word in shown for word in self.forbidden):
            self.leaks.add(where)

    # -- turns --------------------------------------------------------------------------------

    def _take_turn(self, tale: Tale) -> None:
        if tale.is_over:
            self._ready.pop(tale.instance_id)
            return
        self.turns[tale.instance_id] += 1
        if tale.teller is None:
            self._tell_again(tale)
        now_utc = self._clock.now_utc()
        heard = self._next_heard(tale, now_utc)
        if heard is None and tale.waiting is not None:
            self._ready.pop(tale.instance_id)
            return
        # The engine writes down when a turn is taken, which after a kill may be long after the step, and tells it again so.
        if heard is None:
            tale.began_utc = now_utc
        else:
            heard = replace(heard, at_utc=now_utc)
        asked, is_over, output = self._advance(tale, heard, now_utc)
        if tale.context is not None:
            self._read(tale.story, tale.given, tale.context.status, tale.context.following, output)
        self._fates.in_turn(tale.story)
        self._commit(tale, heard, asked, is_over=is_over, output=output)

    def _next_heard(self, tale: Tale, now_utc: datetime) -> Heard | None:
        if tale.waiting is None:
            return None
        if tale.waiting.kind == "any" and tale.bell_count:
            bell = next(ask for ask in tale.waiting.options if ask.kind == "bell")
            return Heard(bell, now_utc)
        return tale.inbox[0] if tale.inbox else None

    def _tell_again(self, tale: Tale) -> None:
        tale.context = Context(tale.instance_id, tale.given, tale.began_utc)
        tale.teller = self._stories[tale.story](tale.context)
        asked = None
        for number, heard in enumerate([None, *tale.history]):
            if number == 0 and not tale.history and tale.waiting is None:
                return
            asked, _, _ = self._advance(tale, heard, heard.at_utc if heard else tale.began_utc)
            following = tale.history[number].ask if number < len(tale.history) else tale.waiting
            expected = asked.options or (asked,) if asked else ()
            found = (following.options or (following,)) if following else ()
            if following is not None and not set(map(_name, found)) <= set(map(_name, expected)):
                told = " or ".join(_shown(each) for each in expected) or "its end"
                was = " or ".join(_shown(each) for each in found)
                raise ForgetfulStory(
                    f"{tale.instance_id} asked for {was}, and told again for {told}"
                )

    def _advance(
        self, tale: Tale, heard: Heard | None, now_utc: datetime
    ) -> tuple[Ask | None, bool, Any]:
        context, teller = tale.context, tale.teller
        if teller is None or context is None:
            context = tale.context = Context(tale.instance_id, tale.given, now_utc)
            teller = tale.teller = self._stories[tale.story](context)
        context.current_utc_datetime = now_utc
        try:
            if heard is None:
                return next(teller), False, None
            if heard.failure:
                return teller.throw(Exception(heard.failure)), False, None
            answer = heard.answer if heard.ask.kind == "step" else heard.ask
            return teller.send(answer), False, None
        except StopIteration as end:
            return None, True, end.value
        except Exception as failed:  # noqa: BLE001  a story that fails is over, whatever it raised
            self.broken.append(f"{tale.instance_id}: {failed}")
            self._read(tale.story, str(failed))
            context.goes_on = False
            return None, True, None

    def _commit(
        self, tale: Tale, heard: Heard | None, asked: Ask | None, *, is_over: bool, output: Any
    ) -> None:
        if heard is not None:
            tale.history.append(heard)
            if heard.ask.kind == "bell":
                # All bells that rang before the story looks are one bell.
                tale.bell_count = 0
        tale.inbox.clear()
        tale.waiting = asked
        length = EVENTS_PER_STEP * (len(tale.history) + 1)
        self.longest[tale.instance_id] = max(self.longest[tale.instance_id], length)
        if is_over:
            self._end(tale, output)
        elif asked is not None:
            self._schedule(tale, asked)

    def _schedule(self, tale: Tale, asked: Ask) -> None:
        position = len(tale.history)
        if asked.kind == "step":
            self._calls.append((tale.instance_id, tale.generation, position))
        timer = self._timer_of(tale)
        if timer is not None and timer.until_utc is not None:
            self._order += 1
            mark = tale.generation * 1000 + position
            heapq.heappush(self._timers, (timer.until_utc, self._order, tale.instance_id, mark))
        if not (asked.kind == "any" and tale.bell_count):
            self._ready.pop(tale.instance_id, None)

    def _end(self, tale: Tale, output: Any) -> None:
        context = tale.context
        tale.teller = tale.context = None
        tale.generation += 1
        if context is not None and context.goes_on:
            tale.given, tale.began_utc = context.following, self._clock.now_utc()
            tale.history, tale.waiting = [], None
            return
        tale.is_over, tale.output = True, output
        self._ready.pop(tale.instance_id, None)


@dataclass(frozen=True)
class SwiftClient:
    """The verbs of the durable client that our triggers and steps use."""

    host: SwiftHost
    fates: Fates

    async def get_status(self, instance_id: str) -> Any:
        """Whether it runs."""
        state = "Running" if self.host.is_alive(instance_id) else "Completed"
        return SimpleNamespace(runtime_status=state)

    async def raise_event(self, instance_id: str, event_name: str, event_data: Any = None) -> None:
        """Ring as often as the fates let it be heard."""
        del event_name, event_data
        for _ in range(self.fates.rings()):
            self.host.ring(instance_id)

    async def start_new(self, story: str, instance_id: str, client_input: Any) -> str:
        """Start a story."""
        self.host.start(story, client_input, instance_id)
        return instance_id


def subject(value: Any) -> str:
    """The mailbox or batch that a step's request is about."""
    if isinstance(value, dict):
        for name in ("key", "record", "ref", "batch", "name"):
            if name in value:
                found = value[name]
                return found if isinstance(found, str) else subject(found)
    return ""


def _shown(ask: Ask) -> str:
    return f"{ask.kind} {ask.name}".strip()


def _name(ask: Ask) -> tuple[str, str]:
    return ask.kind, ask.name
