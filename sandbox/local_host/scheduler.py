"""Runs the engine's work on one event loop: turns, entities and activities, and timers when they are due.

Nothing polls: the loop sleeps until somebody posts work or the next timer is due.
"""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sandbox.local_host.clock import parse_instant
from sandbox.local_host.core import LOG
from sandbox.local_host.engine import Engine
from sandbox.local_host.loader import AppFunction
from sandbox.local_host.store import TaskKey

# Longest sleep; only guards against a wall clock which is set while the host sleeps.
SLEEP_S_MAX = 600.0


class Scheduler:
    """The asynchronous driver of an engine. Every store access happens on the loop's thread."""

    def __init__(self, engine: Engine, pool: ThreadPoolExecutor) -> None:
        self._engine = engine
        self._pool = pool
        self._wake = asyncio.Event()
        self._jobs: set[asyncio.Task[None]] = set()
        self._busy_instances: set[str] = set()
        self._busy_entities: set[str] = set()
        self._running_task_count = 0
        engine.core.wake = self._wake.set

    async def run(self) -> None:
        """Work until cancelled; running jobs are then abandoned, as a killed process would."""
        try:
            while True:
                self._wake.clear()
                self._engine.fire_due_timers()
                self._start_work()
                await self._sleep()
        finally:
            for job in list(self._jobs):
                job.cancel()

    async def _sleep(self) -> None:
        soonest = self._engine.next_timer_utc()
        delay_s = SLEEP_S_MAX
        if soonest is not None:
            due_s = self._engine.core.clock.real_delay_s(parse_instant(soonest))
            delay_s = min(SLEEP_S_MAX, due_s)
        try:
            async with asyncio.timeout(delay_s):
                await self._wake.wait()
        except TimeoutError:
            return

    def _start_work(self) -> None:
        core = self._engine.core
        free = core.settings.concurrent_turn_max - len(self._busy_instances)
        for instance_id in [one for one in core.ready if one not in self._busy_instances][:free]:
            del core.ready[instance_id]
            self._spawn(self._turn(instance_id))
        for entity_id in [one for one in core.entity_queue if one not in self._busy_entities]:
            del core.entity_queue[entity_id]
            self._spawn(self._batch(entity_id))
        while core.task_queue and self._running_task_count < core.settings.concurrent_activity_max:
            self._running_task_count += 1
            self._spawn(self._activity(core.task_queue.popleft()))

    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, job: asyncio.Task[None]) -> None:
        self._jobs.discard(job)
        if not job.cancelled() and job.exception() is not None:
            LOG.error("the host failed on a piece of work", exc_info=job.exception())
        self._wake.set()

    async def _turn(self, instance_id: str) -> None:
        self._busy_instances.add(instance_id)
        try:
            turn = self._engine.turns.begin(instance_id)
            if turn is not None:
                loop = asyncio.get_running_loop()
                reply = await loop.run_in_executor(self._pool, self._engine.turns.run, turn)
                self._engine.turns.commit(turn, reply)
        finally:
            self._busy_instances.discard(instance_id)

    async def _batch(self, entity_id: str) -> None:
        self._busy_entities.add(entity_id)
        try:
            batch = self._engine.entities.begin(entity_id)
            if batch is not None:
                loop = asyncio.get_running_loop()
                reply = await loop.run_in_executor(self._pool, self._engine.entities.run, batch)
                self._engine.entities.commit(batch, reply)
        finally:
            self._busy_entities.discard(entity_id)

    async def _activity(self, key: TaskKey) -> None:
        try:
            task = self._engine.core.store.task(key)
            if task is None:
                return
            function = self._engine.activity(task)
            if function is None:
                result = self._engine.missing_activity(task)
            elif function.is_async:
                result = await self._engine.core.worker.await_activity(function, task.input)
            else:
                result = await asyncio.get_running_loop().run_in_executor(
                    self._pool, self._engine.core.worker.call_activity, function, task.input
                )
            self._engine.finish_task(key, task.name, result)
        finally:
            self._running_task_count -= 1

    async def invoke(self, function: AppFunction, trigger_value: Any) -> Any:
        """Call a function which is no durable one; return its value or raise what it raises."""
        call = self._engine.core.worker.prepare(function, trigger_value)
        if function.is_async:
            value = await call()
        else:
            value = await asyncio.get_running_loop().run_in_executor(self._pool, call)
        if value is not None and not function.returns_value:
            raise RuntimeError(
                f"function {function.name} without a $return binding returned a value"
            )
        return value
