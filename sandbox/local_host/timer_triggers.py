"""Runs the app's timer functions: six-field schedules in virtual UTC, past-due runs after a restart.

Source: Microsoft Learn, "Timer trigger for Azure Functions" (NCRONTAB expressions).
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import azure.functions as func
from croniter import croniter

from sandbox.local_host.clock import Clock, instant_text, parse_instant
from sandbox.local_host.core import LOG
from sandbox.local_host.loader import App, AppFunction, AppInvalidError
from sandbox.local_host.store import Store

FIELD_COUNT = 6
# Under a fast clock a schedule of minutes would fire hundreds of times a second: real time between two runs of one
# function is at least this, and the runs in between count as missed.
REAL_INTERVAL_S_MIN = 0.25
SLEEP_S_MAX = 600.0  # guards against a wall clock which is set while the host sleeps
LATE_AFTER = timedelta(minutes=1)

Invoke = Callable[[AppFunction, Any], Awaitable[Any]]


class Schedule:
    """A six-field NCRONTAB expression: second minute hour day month day-of-week, UTC."""

    def __init__(self, expression: str) -> None:
        """Raises AppInvalidError when `expression` is no such thing."""
        if len(expression.split()) != FIELD_COUNT or not croniter.is_valid(
            expression, second_at_beginning=True
        ):
            raise AppInvalidError(
                f"schedule '{expression}' is no NCRONTAB expression of six fields"
            )
        self._expression = expression

    def after(self, instant_utc: datetime) -> datetime:
        """The first occurrence later than `instant_utc`."""
        # day_or=False: NCRONTAB wants day of month and day of week both to fit.
        found: datetime = croniter(
            self._expression, instant_utc, second_at_beginning=True, day_or=False
        ).get_next(datetime)
        return found


@dataclass(frozen=True)
class Occurrence:
    """One run which is due: when it should be, and when the function ran last."""

    due_utc: datetime
    last_utc: str | None


class TimerTriggers:
    """Runs every timer function of an app when it is due."""

    def __init__(self, app: App, store: Store, clock: Clock, invoke: Invoke) -> None:
        self._functions = {
            one.name: (one, Schedule(one.trigger["schedule"]))
            for one in app.of_kind("timerTrigger")
        }
        self._store = store
        self._clock = clock
        self._invoke = invoke

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as jobs:
            for function, schedule in self._functions.values():
                jobs.create_task(self._follow(function, schedule))

    async def run_by_hand(self, name: str) -> bool:
        """Run a timer function now; False when there is none of this name."""
        found = self._functions.get(name)
        if found is None:
            return False
        now_utc = self._clock.now_utc()
        await self._run_once(found[0], Occurrence(now_utc, None), found[1].after(now_utc))
        return True

    async def _follow(self, function: AppFunction, schedule: Schedule) -> None:
        if function.trigger.get("runOnStartup"):
            now_utc = self._clock.now_utc()
            await self._run_once(function, Occurrence(now_utc, None), schedule.after(now_utc))
        while True:
            due = self.next_occurrence(function, schedule)
            await self._sleep_until(due.due_utc)
            next_utc = schedule.after(max(due.due_utc, self._clock.now_utc()))
            await self._run_once(function, due, next_utc)
            self._record(function, self._clock.now_utc(), next_utc)
            await asyncio.sleep(REAL_INTERVAL_S_MIN)

    def next_occurrence(self, function: AppFunction, schedule: Schedule) -> Occurrence:
        """What is due next; an occurrence missed while the host was down is due at once."""
        found = self._store.row("SELECT * FROM schedules WHERE function=?", function.name)
        if found is None:
            first_utc = schedule.after(self._clock.now_utc())
            self._record(function, None, first_utc)  # so that a run missed before the first is late
            return Occurrence(first_utc, None)
        return Occurrence(parse_instant(found["next_utc"]), found["last_utc"])

    async def _sleep_until(self, due_utc: datetime) -> None:
        while (delay_s := self._clock.real_delay_s(due_utc)) > 0:
            await asyncio.sleep(min(delay_s, SLEEP_S_MAX))

    def _record(self, function: AppFunction, last_utc: datetime | None, next_utc: datetime) -> None:
        last = instant_text(last_utc) if last_utc else None
        with self._store.transaction():
            self._store.run(
                "INSERT OR REPLACE INTO schedules VALUES (?,?,?)",
                function.name,
                last,
                instant_text(next_utc),
            )

    async def _run_once(self, function: AppFunction, due: Occurrence, next_utc: datetime) -> None:
        is_late = self._clock.now_utc() - due.due_utc > LATE_AFTER
        LOG.info("timer %s runs", function.name)
        try:
            await self._invoke(function, timer_request(due, next_utc, is_late=is_late))
        except Exception as raised:  # noqa: BLE001 - a timer which fails runs again when it is next due
            LOG.warning("timer %s failed with %s", function.name, type(raised).__name__)


def timer_request(due: Occurrence, next_utc: datetime, *, is_late: bool) -> Any:
    """The value of a timer function's parameter."""
    document = {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": {
            "Last": due.last_utc or "0001-01-01T00:00:00Z",
            "Next": instant_text(next_utc),
            "LastUpdated": due.last_utc or "0001-01-01T00:00:00Z",
        },
        "IsPastDue": is_late,
    }
    registry: Any = func.get_binding_registry  # untyped in azure-functions
    datum = func.meta.Datum(json.dumps(document), "json")
    return registry().get("timerTrigger").decode(datum, trigger_metadata={})
