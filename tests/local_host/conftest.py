"""Engines over small apps, in memory, with a clock which only the test moves."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sandbox.local_host.clock import VirtualClock
from sandbox.local_host.engine import Engine
from sandbox.local_host.loader import MODULE, import_app, index

APPS = Path(__file__).parent / "apps"
NEW_YEAR_UTC = datetime(2026, 1, 1, tzinfo=UTC)


class Stage:
    """An app in an engine, with the words which tests use."""

    def __init__(self, module: ModuleType) -> None:
        self.module: Any = module
        self.clock = VirtualClock(NEW_YEAR_UTC)
        self.engine = Engine.in_memory(index(module), self.clock)

    def start(self, story: str, given: Any = None, instance_id: str = "one") -> None:
        """Start a story as the SDK's client does, and run until nothing moves."""
        self.engine.start(story, given, instance_id)
        self.engine.run_until_quiet()

    def tell(self, name: str, payload: Any = None, instance_id: str = "one") -> None:
        """Raise an event and run until nothing moves."""
        self.engine.control.raise_event(instance_id, name, json.dumps(payload))
        self.engine.run_until_quiet()

    def status(self, instance_id: str = "one") -> str:
        return self.engine.control.instance(instance_id).status

    def output(self, instance_id: str = "one") -> Any:
        text = self.engine.control.instance(instance_id).output
        return None if text is None else json.loads(text)

    def kinds(self, instance_id: str = "one") -> list[tuple[int, int]]:
        """(EventType, id) of each event which carries an id, in order."""
        events = self.engine.control.history(instance_id)
        ids: list[tuple[int, int]] = [
            (e["EventType"], e.get("TaskScheduledId", e.get("TimerId", e["EventId"])) or 0)
            for e in events
        ]
        return [(kind, number) for kind, number in ids if number != -1]


@pytest.fixture
def stage() -> Iterator[Callable[[str], Stage]]:
    """A maker of stages by app name."""
    before = sys.modules.get(MODULE)
    stages: list[Stage] = []

    def make(app_name: str) -> Stage:
        stages.append(Stage(import_app(APPS / app_name)))
        return stages[-1]

    yield make
    for one in stages:
        one.engine.close()
    if before is None:
        sys.modules.pop(MODULE, None)
    else:
        sys.modules[MODULE] = before


@pytest.fixture
def stories(stage: Callable[[str], Stage]) -> Stage:
    """The app with one story per behaviour."""
    return stage("stories")


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture) -> Callable[[str], bool]:
    """Whether a warning about a trap was logged which contains a text."""
    caplog.set_level(logging.WARNING, "local_host")
    return lambda text: any("trap" in m and text in m for m in caplog.messages)
