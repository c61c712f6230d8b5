"""The watchdog: what an engine has lost is woken, whatever becomes of the mail about it. And what the timers and uploads log."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bascule.domain.codes import Code
from bascule.domain.errors import BasculeError, Refusal, Throttled
from bascule.domain.records import BatchRecord, MailboxRecord
from bascule.domain.stages import Stage
from bascule.domain.tenant_records import TenantFacts
from bascule.ports.notifier import ALERT_MARK
from sandbox.in_process.simulation import Options, Simulation
from triggers import batch_upload, guard, schedule


@dataclass
class Engine:
    """A durable client of an engine that has lost everything; remembers what it was asked to start."""

    started: list[str] = field(default_factory=list)
    started_ids: list[str] = field(default_factory=list)

    async def get_status(self, instance_id: str) -> Any:
        """It knows of no story."""
        del instance_id
        return SimpleNamespace(runtime_status=None)

    async def start_new(self, name: str, instance_id: str, given: Any) -> str:
        """Start it."""
        del given
        self.started.append(name)
        self.started_ids.append(instance_id)
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
    run(schedule.watch_stories, None, engine)


def run(handler: Any, given: object, engine: Engine) -> None:
    """A trigger's function, as the worker calls it."""
    work = handler._function._func
    asyncio.run(getattr(work, "client_function", work)(given, engine))


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


@dataclass
class Discards:
    """Ports of which only the uploads and the notifier are asked."""

    notifier: ShutMailbox
    discarded: list[str] = field(default_factory=list)

    @property
    def blobs(self) -> "Discards":
        """The uploads."""
        return self

    def discard(self, name: str) -> None:
        """It is gone."""
        self.discarded.append(name)


def told_by_the_worker(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What Azure's logs show: lines of the worker's own thread alone."""
    own = threading.get_ident()
    return [each.getMessage() for each in caplog.records if each.thread == own]


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (TenantFacts(2, "the group is gone"), ["the tenant differs from its record in 2 settings"]),
        (TenantFacts(0, "", is_unknown=True), ["the tenant cannot be watched"]),
        (TenantFacts(0, ""), []),
    ],
    ids=["differs", "unknown", "as recorded"],
)
def test_what_the_guard_finds_is_in_the_log_that_the_alert_rule_reads(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    facts: TenantFacts,
    told: list[str],
) -> None:
    """A group that was deleted woke nobody where the plan names no report mailbox, or mail was what failed."""
    monkeypatch.setattr(guard, "ports", lambda: None)
    monkeypatch.setattr(guard, "see_tenant", lambda *_: facts)
    monkeypatch.setattr(guard, "_is_preparing", lambda: False)
    run(guard.guard_tenant, None, Engine())

    assert told_by_the_worker(caplog) == [f"{ALERT_MARK}: {each}" for each in told]


def test_an_upload_without_a_batch_s_name_is_in_the_log_that_the_alert_rule_reads(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The file is gone, and whoever uploaded it waits for a batch that will never begin."""
    desk = Discards(ShutMailbox(Refusal(Code.REQUEST_REJECTED, "it is gone")))
    monkeypatch.setattr(batch_upload, "ports", lambda: desk)
    with pytest.raises(Refusal):
        run(batch_upload.batch_uploaded, SimpleNamespace(name="batches/Lot 1.xlsx"), Engine())

    assert desk.discarded == ["Lot 1.xlsx"]
    [line] = told_by_the_worker(caplog)
    assert line.startswith(ALERT_MARK)
    assert "Lot 1" not in line


def test_the_alert_rule_looks_for_what_every_alert_begins_with() -> None:
    """A rule that looks for other words is green for ever."""
    rules = Path(__file__).parents[2] / "infra" / "modules" / "alerts.bicep"

    assert f'traces | where message has "{ALERT_MARK}"' in rules.read_text(encoding="utf-8")


def test_the_story_of_every_file_that_waits_is_started(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file with passwords whose bell was lost would lie there for ever."""
    simulation.ports.blobs.upload("lot-3", b"EmailAddress,UserName,Password")
    simulation.ports.blobs.upload("No Batch", b"EmailAddress,UserName,Password")
    monkeypatch.setattr(schedule, "ports", lambda: simulation.ports)
    engine = Engine()
    watch(engine)

    assert engine.started_ids[-1] == "batch-lot-3"
    assert sum("No Batch" in each for each in engine.started_ids) == 0
