"""The two hosts that a life can be lived on."""

import asyncio
import json
from datetime import datetime
from itertools import count
from typing import Any

from activities.catalogue import activities
from activities.wake_stories import wake_stories
from bascule.ports.bundle import Ports
from sandbox.in_process.app import STORIES, simulated_app
from sandbox.local_host.client_binding import InProcessClient
from sandbox.local_host.clock import parse_instant
from sandbox.local_host.engine import Engine
from sandbox.local_host.loader import AppFunction
from sandbox.local_host.store import MEMORY, Store
from sandbox.simulate.existence import ChangeStep, Existence, MakeHost
from sandbox.simulate.fates import FatefulWorker, HardOfHearing
from sandbox.simulate.life import Life
from sandbox.simulate.swift import SwiftHost


def host_of(life: Life) -> MakeHost:
    """The host that a life names."""
    return sdk_host if life.through_sdk else swift_host


def swift_host(life: Existence, ports: Ports, change_step: ChangeStep) -> SwiftHost:
    """Stories and steps without the SDK: for thousands of lives."""
    steps = {step.__name__: change_step(step) for step in activities(lambda: ports)}
    steps["wake_stories"] = lambda request: wake_stories(request, host.client())
    stories: Any = {story.__name__: story for story in STORIES}
    host = SwiftHost(stories, steps, life.clock, life.fates, life.step_seen)
    return host


def sdk_host(life: Existence, ports: Ports, change_step: ChangeStep) -> "SdkHost":
    """The engine of the local host, every turn through the SDK."""
    return SdkHost(life, ports, change_step)


class SdkHost(FatefulWorker):
    """The engine over one store; a restart is a new engine over the same one."""

    def __init__(self, life: Existence, ports: Ports, change_step: ChangeStep) -> None:
        super().__init__(self.client, life.fates, life.step_seen)
        self._life = life
        self._app = simulated_app(ports, change_step)
        self._store, self._ids = Store(MEMORY), count(1)
        self._engine = self._new_engine()

    def _new_engine(self) -> Engine:
        make_id = (f"{number:032x}" for number in self._ids).__next__
        engine = Engine(self._app, self._store, self._life.clock, make_id=make_id)
        engine.core.worker = self
        return engine

    def client(self) -> InProcessClient:
        """The SDK's client, hard of hearing."""
        engine = self._engine
        return HardOfHearing(engine.management, engine.core.settings.hub_name, self._life.fates)

    def start(self, story: str, given: Any, instance_id: str) -> None:
        """Start a story."""
        self._engine.control.start(story, instance_id, json.dumps(json.dumps(given)))

    def run(self, call: Any) -> Any:
        """Run a coroutine to its end."""
        return asyncio.run(call)

    def run_step(self) -> bool:
        """One piece of work."""
        return self._engine.run_step()

    def next_timer(self) -> datetime | None:
        """When the next timer is due."""
        due = self._engine.next_timer_utc()
        return None if due is None else parse_instant(due)

    def fire_due_timers(self) -> None:
        """Send every timer that is due."""
        self._engine.fire_due_timers()

    def restart(self) -> None:
        """A new engine over the same store."""
        self._engine.let_go()
        self._engine = self._new_engine()

    def run_again(self, name: AppFunction, value: str | None) -> None:
        """The late repetition of a step."""
        super().run_again(name, value)

    def close(self) -> None:
        """Give the store back."""
        self._engine.close()
