"""The watchdog: what an engine has lost is woken, whatever becomes of the mail about it."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bascule.domain.codes import Code
from bascule.domain.errors import BasculeError, Refusal, Throttled
from bascule.domain.records import BatchRecord, MailboxRecord
from bascule.domain.stages import Stage
from sandbox.in_process.simulation import Options, Simulation
from triggers import schedule


@dataclass
class Engine:
    """A durable client of an engine that has lost everything; remembers what it was asked to start."""

    started: list[str] = field(default_factory=list)

    async def get_status(self, instance_id: str) -> Any:
        """It knows of no story."""
        del instance_id
        return SimpleNamespace(runtime_status=None)

    async def start_new(self, name: str, instance_id: str, given: Any) -> str:
        """Start it."""
        del given
        self.started.append(name)
        return instance_id


@dataclass
class ShutMailbox:
    """A notifier whose report mailbox takes nothing; remembers what it was to take."""

    failure: BasculeError
    asked: list[str] = field(default_factory=list)

    def alert(self, subject: str, text: str) -> None:
        """Refused."""
        del text
        self.asked.append(subject)
        raise self.failure


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """Two open batches of one mailbox each, which nobody has looked at for days."""
    with Simulation(Options(people_count=1, messages_each=1)) as made:
        now_utc = made.clock.now_utc()
        days_ago_utc = now_utc - timedelta(days=9)
        for name in ("lot-1", "lot-2"):
            made.ports.ledger.add_batch(BatchRecord(name, "f", 1, days_ago_utc, is_open=True))
            row = MailboxRecord(name, "k", f"anna@{name}.example.org", "anna", stage=Stage.SYNCED)
            made.ports.ledger.add_mailboxes([replace(row, stage_since_utc=days_ago_utc)])
        yield made


def watch(engine: Engine) -> None:
    """The timer's quarter of an hour."""
    handler: Any = schedule.watch_stories
    work = handler._function._func
    asyncio.run(getattr(work, "client_function", work)(None, engine))


@pytest.mark.parametrize(
    "failure",
    [Throttled(60.0, "the report mailbox is busy"), Refusal(Code.REQUEST_REJECTED, "it is gone")],
    ids=["throttled", "refused"],
)
def test_a_report_mailbox_that_takes_no_mail_keeps_no_story_asleep(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch, failure: BasculeError
) -> None:
    """Lost stories of a whole school would wait for a mailbox that somebody has deleted."""
    shut = ShutMailbox(failure)
    ports = replace(simulation.ports, notifier=shut)  # type: ignore[arg-type]
    monkeypatch.setattr(schedule, "ports", lambda: ports)
    engine = Engine()
    watch(engine)

    assert engine.started == ["mailbox", "batch", "mailbox", "batch"]
    assert shut.asked == ["Stories of lot-1 stopped", "Stories of lot-2 stopped"]
