"""A simulated migration that tests and rehearsals drive like a runbook.

with Simulation(people_count=6) as simulation:
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover()
    simulation.run_until_closed()
"""

import asyncio
import functools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from activities.wake_stories import revive_batch, wake_batch, wake_mailboxes
from bascule.domain.addresses import mailbox_key
from bascule.domain.codec import encode
from bascule.domain.plan import Plan
from bascule.domain.records import DOORBELL, BatchRecord, MailboxRecord, MailboxRef, Wish
from bascule.domain.requests import WakeRequest, WishProgress, WishRequest
from bascule.domain.stages import Stage
from bascule.ports.bundle import Ports
from sandbox.bound.ports import BoundPorts, bound_ports
from sandbox.in_process.app import Activity, simulated_app
from sandbox.in_process.plan import batch_csv, plan_of
from sandbox.in_process.witness import Witness, repeated
from sandbox.local_host.clock import VirtualClock
from sandbox.local_host.engine import Engine
from sandbox.world.coexistence import prepare_coexistence
from sandbox.world.mail import header
from sandbox.world.population import Person, populate
from sandbox.world.trace import PROBE_SUBJECT
from sandbox.world.verdict import Verdict, judge, marks_over, redirected
from sandbox.world.weather import CALM, Weather
from sandbox.world.world import World
from triggers.schedule import unjudged, unmoved

START_UTC = datetime(2026, 3, 2, 8, tzinfo=UTC)
BATCH = "lot-1"
OPERATOR = "operator@example.org"
COLLEAGUE = "colleague@exampleorg.onmicrosoft.com"
# The part of a simulated password that no other text holds and no encoding changes.
CANARY_LENGTH = 6
# A story that takes more steps than this without waiting goes round in circles.
STEPS_MAX = 200_000
TIMERS_MAX = 500_000
RUN_DAYS_MAX = 30.0
# A probe's second look answers differently on purpose: the first one has taken the probe away.
NOT_REPEATED = frozenset({"look_for_probe"})
# After these a mailbox could have both redirects at once.
TURNING = frozenset({"switch_route", "join_coexistence"})


@dataclass(frozen=True)
class Options:
    """What kind of world it is."""

    people_count: int = 3
    seed: int = 1
    weather: Weather = CALM
    messages_each: int = 22
    over_limit_bytes: int | None = None
    each_step_twice: bool = False
    change_plan: Callable[[Plan], Plan] = field(default=lambda plan: plan)
    change_ports: Callable[[World, BoundPorts], Ports] = field(default=lambda _, ports: ports)
    """What the app is given instead of the bound ports, such as real adapters for some of them."""


class NeverCameTrue(AssertionError):
    """What was waited for did not happen in time; says where every mailbox stands."""


class Simulation:
    """One world, one app, one clock which only this object moves."""

    def __init__(self, options: Options | None = None) -> None:
        """People with mail at the source, a tenant prepared for coexistence, an app that has never run."""
        self.options = options or Options()
        self.clock = VirtualClock(START_UTC)
        self.world = World(self.options.seed, self.clock.now_utc, self.options.weather)
        self.people: list[Person] = populate(
            self.world,
            self.options.people_count,
            messages_each=self.options.messages_each,
            over_limit_bytes=self.options.over_limit_bytes,
        )
        self.names = prepare_coexistence(self.world)
        self.plan = self.options.change_plan(plan_of(self.world, self.names))
        self.ports: BoundPorts = bound_ports(self.world, self.plan)
        self.violations: list[str] = []
        """Mailboxes that had both redirects at once."""
        ports = self.options.change_ports(self.world, self.ports)
        self.engine = Engine.in_memory(simulated_app(ports, self._watched), self.clock)
        self.witness = Witness(self.engine.client)
        self.witness.forbidden += [person.password[:CANARY_LENGTH] for person in self.people]
        self.engine.core.worker = self.witness
        self._wish_count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.engine.close()

    # -- what people do -----------------------------------------------------------------------

    def csv(self, people: Iterable[Person] | None = None, **columns: dict[str, str]) -> bytes:
        """A batch file; `columns` names a column and its cells by address."""
        cells: dict[str, dict[str, str]] = {}
        for column, by_address in columns.items():
            for address, text in by_address.items():
                cells.setdefault(address, {})[column] = text
        return batch_csv(self.people if people is None else people, cells)

    def upload(self, content: bytes | None = None, batch: str = BATCH) -> None:
        """Put a batch file where uploads are expected; its trigger fires."""
        self.ports.blobs.upload(batch, self.csv() if content is None else content)
        self.knock(batch)

    def knock(self, batch: str = BATCH) -> None:
        """The upload's trigger, or somebody at the door without an upload."""
        asyncio.run(wake_batch(self.engine.client(), batch))
        self.settle()

    def ask(
        self,
        wish: Wish,
        addresses: Sequence[str] = (),
        *,
        batch: str = BATCH,
        at_utc: datetime | None = None,
        waived: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """Ask something of mailboxes, of all when none is named; how many take it, and who does not and why."""
        keys = tuple(mailbox_key(address) for address in addresses)
        request = WishRequest(batch, wish, keys, OPERATOR, at_utc, waived)
        self._wish_count += 1
        request_id = f"{wish.value}-{batch}-{self._wish_count}"
        self.engine.start(wish.value, encode(WishProgress(request)), request_id)
        self.run_until(lambda: self.output(request_id) is not None)
        answer: dict[str, Any] = json.loads(self.output(request_id) or "{}")
        return answer

    def ask_cutover(
        self,
        addresses: Sequence[str] = (),
        *,
        at_utc: datetime | None = None,
        waived: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """Ask for a cutover, at once unless an instant is given."""
        return self.ask(Wish.CUTOVER, addresses, at_utc=at_utc, waived=waived)

    def accept_difference(self, batch: str = BATCH) -> None:
        """Accept the changed upload that is pending, as the API does."""
        self.ports.ledger.amend_batch(
            batch,
            lambda row: replace(
                row, accepted_fingerprint=row.pending_fingerprint, accepted_by=OPERATOR
            ),
        )
        self.knock(batch)

    def mail_to(self, address: str, *, from_inside: bool = False) -> None:
        """Somebody writes to a person, from outside or from inside the tenant."""
        if from_inside:
            self.world.mail_from_inside(COLLEAGUE, address)
        else:
            self.world.mail_from_outside(address)

    def keep_writing(self, hours: float, every_s: float = 1800.0) -> None:
        """For so many hours people write to everybody, by turns from outside and from inside."""
        for number in range(int(hours * 3600 / every_s)):
            when_utc = self.clock.now_utc() + timedelta(seconds=every_s * (number + 0.5))
            for person in self.people:
                write = functools.partial(
                    self.mail_to, person.address, from_inside=bool(number % 2)
                )
                self.world.kernel.at(when_utc, write)

    def watch(self) -> dict[str, tuple[str, ...]]:
        """One round of the watchdog: who had stopped."""
        found = unmoved(self.ports)
        for batch, keys in found.items():
            if keys:
                asyncio.run(wake_mailboxes(self.engine.client(), WakeRequest(batch, keys)))
            asyncio.run(revive_batch(self.engine.client(), batch))
        for batch in unjudged(self.ports):
            asyncio.run(revive_batch(self.engine.client(), batch))
        self.settle()
        return found

    def ring(self, address: str, batch: str = BATCH, *, settle: bool = True) -> None:
        """The doorbell of one mailbox's story, whether or not it waits for it."""
        self.engine.control.raise_event(self.story_of(address, batch), DOORBELL, None)
        if settle:
            self.settle()

    def lose_story(self, instance_id: str, *, purge: bool = True) -> None:
        """The engine loses a story: it is ended from outside, and forgotten unless told otherwise."""
        self.engine.control.terminate(instance_id, "lost")
        self.settle()
        if purge:
            self.engine.control.purge(instance_id)

    def start_all(self, batch: str = BATCH) -> None:
        """Wake every story of a batch; those that do not run begin at the top."""
        keys = self.ports.ledger.mailbox_keys(batch, "", self.options.people_count)
        asyncio.run(wake_mailboxes(self.engine.client(), WakeRequest(batch, keys)))
        self.knock(batch)

    # -- time ---------------------------------------------------------------------------------

    def settle(self) -> None:
        """Run everything that needs no time to pass."""
        for _ in range(STEPS_MAX):
            if not self.engine.run_step():
                return
        raise NeverCameTrue(f"still busy after {STEPS_MAX} steps\n{self.shown()}")

    def run_until(self, is_so: Callable[[], bool], days: float = RUN_DAYS_MAX) -> None:
        """Let time pass, timer by timer, until something is so. Raises NeverCameTrue after `days`."""
        end_utc = self.clock.now_utc() + timedelta(days=days)
        for _ in range(TIMERS_MAX):
            self.settle()
            if is_so():
                return
            if not self.engine.fire_next_timer() or self.clock.now_utc() > end_utc:
                break
        raise NeverCameTrue(f"not within {days} days\n{self.shown()}")

    def pass_time(self, days: float = 0.0, *, hours: float = 0.0) -> None:
        """Let so much time pass, whatever happens in it."""
        end_utc = self.clock.now_utc() + timedelta(days=days, hours=hours)
        for _ in range(TIMERS_MAX):
            self.settle()
            due = self.engine.next_timer_utc()
            if due is None or datetime.fromisoformat(due) > end_utc:
                break
            self.engine.fire_next_timer()
        self.clock.advance_to(end_utc)
        self.settle()

    def run_until_all(self, *stages: Stage, batch: str = BATCH, days: float = RUN_DAYS_MAX) -> None:
        """Until every mailbox of a batch is at one of these stages."""
        self.run_until(lambda: set(self.stages(batch)) <= set(stages), days)

    def run_until_closed(self, batch: str = BATCH, days: float = RUN_DAYS_MAX) -> None:
        """Until the batch is closed."""
        self.run_until(lambda: self.is_closed(batch), days)

    # -- what can be seen ---------------------------------------------------------------------

    def record_of(self, address: str, batch: str = BATCH) -> MailboxRecord:
        """The row of a mailbox."""
        record = self.ports.ledger.find_mailbox(batch, mailbox_key(address))
        if record is None:
            raise KeyError(address)
        return record

    def records(self, batch: str = BATCH) -> list[MailboxRecord]:
        """The rows of a batch."""
        return list(self.ports.ledger.mailboxes(batch))

    def stages(self, batch: str = BATCH) -> Counter[Stage]:
        """How many mailboxes of a batch stand where."""
        return Counter(record.stage for record in self.records(batch))

    def batch(self, batch: str = BATCH) -> BatchRecord | None:
        """The row of a batch."""
        return self.ports.ledger.find_batch(batch)

    def is_closed(self, batch: str = BATCH) -> bool:
        """Whether a batch has come to its end."""
        row = self.batch(batch)
        return row is not None and row.closed_utc is not None

    def story_of(self, address: str, batch: str = BATCH) -> str:
        """The instance id of a mailbox's story."""
        return MailboxRef(batch, mailbox_key(address)).instance_id

    def output(self, instance_id: str) -> str | None:
        """What a story answered, as JSON text; None while it runs."""
        return self.engine.control.instance(instance_id).output

    def report(self, path: str) -> Any:
        """A JSON report; None when it is not there."""
        content = self.ports.blobs.read_report(path)
        return None if content is None else json.loads(content)

    def verdict(self) -> Verdict:
        """What became of every message; those too large for the migration are excused."""
        limit = self.world.weather.migration_message_max_bytes
        return judge(self.world, named=marks_over(self.world, limit))

    def probes_left(self) -> list[str]:
        """Addresses in whose mailbox, on either side, a probe is still to be found."""
        with self.world.kernel.look():
            stores = [(box.address, box.store) for box in self.world.source.all()]
            stores += [(m.primary_address, m.store) for m in self.world.tenant.mailboxes.all()]
            return [
                address
                for address, store in stores
                for _, message in store.walk()
                if (header(message.raw, "Subject") or "").startswith(PROBE_SUBJECT)
            ]

    def shown(self) -> str:
        """Where everything stands, for a person who reads a failed test."""
        lines = [f"now {self.clock.now_utc()}, seed {self.options.seed}"]
        for batch in self.ports.ledger.batches():
            lines += [
                f"{batch.name} {record.address}: {record.stage} {record.code or ''} {record.detail}"
                for record in self.records(batch.name)
            ]
        return "\n".join([*lines, *self.witness.broken[-5:]])

    # -- looking on ---------------------------------------------------------------------------

    def _watched(self, step: Activity) -> Activity:
        name = step.__name__
        if self.options.each_step_twice and name not in NOT_REPEATED:
            step = repeated(step)
        if name not in TURNING:
            return step

        @functools.wraps(step)
        def looked_after(request: Any) -> Any:
            answer = step(request)
            self._look_for_two_redirects(name)
            return answer

        return looked_after

    def _look_for_two_redirects(self, after: str) -> None:
        """Invariant 1: never a member for any transport server while the alias points at the tenant."""
        world, group = self.world, self.names.group_address
        for address in redirected(world):
            for server in range(world.weather.transport_server_count):
                if world.tenant.groups.effective_member(group, address, server):
                    self.violations.append(f"{address} on server {server} after {after}")
