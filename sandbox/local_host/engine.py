"""The durable engine: one object which holds the parts, and a synchronous mode for tests and simulations.

Synchronous mode needs no socket, thread or sleep:

    engine = Engine.in_memory(app, VirtualClock(start_utc))
    engine.start("story", {"a": 1}, "id-1")
    engine.run_until_quiet()          # turns, activities and entities, in order, in this thread
    engine.fire_next_timer()          # moves the clock to the next due timer and fires what is due
    engine.run_to_end()               # both, until nothing waits for a timer any more
"""

import asyncio
import json
import os
from collections.abc import Callable
from typing import Any

from sandbox.local_host import history
from sandbox.local_host.client_binding import InProcessClient
from sandbox.local_host.clock import Clock, VirtualClock, parse_instant
from sandbox.local_host.control import Control
from sandbox.local_host.core import LOG, Core, random_id
from sandbox.local_host.entities import Entities
from sandbox.local_host.history import Event, Kind
from sandbox.local_host.loader import App, AppFunction
from sandbox.local_host.management import Management
from sandbox.local_host.quick_sdk import remember_made_classes, remember_parsed_instants
from sandbox.local_host.settings import HostSettings
from sandbox.local_host.store import MEMORY, Store, Task, TaskKey
from sandbox.local_host.turns import Turns
from sandbox.local_host.worker import ActivityResult, ClientMaker, Failure, Worker

# More steps than this without anybody waiting for time means that a story feeds itself without end.
QUIET_STEPS_MAX = 1_000_000
TIMERS_PER_RUN_MAX = 1_000_000


class NeverQuietError(Exception):
    """The work does not end."""


def default_settings() -> HostSettings:
    """Settings for an engine without a host.json."""
    core_count = os.cpu_count() or 1
    return HostSettings(
        "api", "TestHubName", "", 10 * core_count, 10 * core_count, 5, 8 * core_count
    )


class Engine:
    """Runs orchestrations, activities and entities of one app over one store and one clock."""

    def __init__(
        self,
        app: App,
        store: Store,
        clock: Clock,
        *,
        settings: HostSettings | None = None,
        make_client: ClientMaker | None = None,
        make_id: Callable[[], str] = random_id,
    ) -> None:
        remember_parsed_instants()
        remember_made_classes()
        self.core = Core(
            app=app,
            store=store,
            clock=clock,
            worker=Worker(make_client or self.client),
            settings=settings or default_settings(),
            make_id=make_id,
        )
        self.turns = Turns(self.core)
        self.entities = Entities(self.core)
        self.control = Control(self.core, self.turns, self.entities)
        self.management = Management(self.control, store, self.core.settings.hub_name)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.core.recover()

    @classmethod
    def in_memory(cls, app: App, clock: VirtualClock, **options: Any) -> "Engine":
        """An engine whose state lives as long as the object."""
        return cls(app, Store(MEMORY), clock, **options)

    def client(self) -> InProcessClient:
        """The SDK's durable client, talking to this engine without a socket."""
        return InProcessClient(self.management, self.core.settings.hub_name)

    def close(self) -> None:
        """Give back the store and the event loop."""
        self.let_go()
        self.core.store.close()

    def let_go(self) -> None:
        """Give back the event loop alone: another engine goes on with the store."""
        if self._loop is not None:
            self._loop.close()
            self._loop = None

    # --- activities

    def finish_task(self, key: TaskKey, name: str, result: ActivityResult) -> None:
        """Commit an activity's answer; a second answer to the same call changes nothing."""
        with self.core.store.transaction():
            if not self.core.store.drop_task(key):
                return
            instance_id, execution_id, task_id = key
            event = self._task_event(name, task_id, result)
            self.core.post(instance_id, event, execution_id)
        if result.failure:
            LOG.info("activity %s failed with %s", name, result.failure.type_name)
        self.core.wake()

    def _task_event(self, name: str, task_id: int, result: ActivityResult) -> Event:
        now_utc = self.core.now_utc()
        if result.failure is None:
            return history.completed(now_utc, Kind.TASK_COMPLETED, task_id, result.result_json)
        reason = f"Activity function '{name}' failed:  {result.failure.text}"
        details = result.failure.details
        return history.failed(now_utc, Kind.TASK_FAILED, task_id, reason, details)

    def activity(self, task: Task) -> AppFunction | None:
        """The function of a call, about to be made."""
        LOG.info("activity %s runs", task.name)
        return self.core.app.durable("activityTrigger", task.name)

    def missing_activity(self, task: Task) -> ActivityResult:
        """The answer to a call of a function which has gone since it was scheduled."""
        text = self.core.app.missing_text("activityTrigger", task.name)
        return ActivityResult(failure=Failure("InvalidOperationException", text, text))

    # --- timers

    def next_timer_utc(self) -> str | None:
        """When the next timer is due, as instant text."""
        return self.core.store.next_timer_utc()

    def fire_due_timers(self) -> int:
        """Send every timer which is due; return how many were."""
        due = self.core.store.due_timers(self.core.now_text())
        if not due:
            return 0
        with self.core.store.transaction():
            for timer in due:
                self.core.store.drop_timer(timer)
                event = history.timer_fired(self.core.now_utc(), timer.timer_id, timer.fire_at_utc)
                self.core.post(timer.instance_id, event, timer.execution_id)
        return len(due)

    # --- synchronous mode

    def run_until_quiet(self) -> int:
        """Run everything which needs no time to pass, in this thread; return the number of steps.

        Raises:
            NeverQuietError: after QUIET_STEPS_MAX steps.
        """
        for step in range(QUIET_STEPS_MAX):
            if not self.run_step():
                return step
        raise NeverQuietError(f"still busy after {QUIET_STEPS_MAX} steps")

    def fire_next_timer(self) -> bool:
        """Move the virtual clock to the next timer and fire what is due; False when there is none."""
        soonest = self.next_timer_utc()
        if soonest is None:
            return False
        if isinstance(self.core.clock, VirtualClock):
            self.core.clock.advance_to(parse_instant(soonest))
        return self.fire_due_timers() > 0

    def run_to_end(self, until_utc: str | None = None) -> None:
        """Run and let time pass until no timer is left, or none before `until_utc` (instant text)."""
        for _ in range(TIMERS_PER_RUN_MAX):
            self.run_until_quiet()
            soonest = self.next_timer_utc()
            if soonest is None or (until_utc is not None and soonest > until_utc):
                return
            self.fire_next_timer()
        raise NeverQuietError(f"timers still set after {TIMERS_PER_RUN_MAX} of them")

    def run_step(self) -> bool:
        """Run one piece of work; False when there is none.

        Turns come last, so that the answers of a fan-out arrive in one turn.
        """
        core = self.core
        if core.task_queue:
            self.run_task(core.task_queue.popleft())
        elif core.entity_queue:
            self.entities.take(_pop_first(core.entity_queue))
        elif core.ready:
            self.turns.take(_pop_first(core.ready))
        else:
            return False
        return True

    def run_task(self, key: TaskKey) -> None:
        """Run one activity to its end in this thread."""
        task = self.core.store.task(key)
        if task is None:
            return
        function, worker = self.activity(task), self.core.worker
        if function is None:
            result = self.missing_activity(task)
        elif function.is_async:
            answer = worker.await_activity(function, task.input)
            result = self._own_loop().run_until_complete(answer)
        else:
            result = worker.call_activity(function, task.input)
        self.finish_task(key, task.name, result)

    def start(self, story: str, given: Any = None, instance_id: str | None = None) -> str:
        """Start a story with a JSON value, encoded as the SDK's client encodes it; return its id."""
        text = None if given is None else json.dumps(json.dumps(given))
        return self.control.start(story, instance_id, text)

    def invoke(self, name: str, trigger_value: Any) -> Any:
        """Call an HTTP, timer or blob function in this thread; return its value or raise what it raises.

        Raises:
            LookupError: the app has no function of this name.
        """
        function = self.core.app.named(name)
        if function is None:
            raise LookupError(f"the app has no function '{name}'")
        value = self.core.worker.prepare(function, trigger_value)()
        return self._own_loop().run_until_complete(value) if function.is_async else value

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop


def _pop_first(queue: dict[str, None]) -> str:
    first = next(iter(queue))
    del queue[first]
    return first
