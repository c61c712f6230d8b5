"""Living one life: world, app and engine under one virtual clock, deeds at their instants, faults where they strike."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, cast

from bascule.domain.codec import encode
from bascule.domain.records import MailboxRecord
from bascule.domain.stages import Stage
from bascule.ports.bundle import Ports
from sandbox.bound.ports import BoundPorts, bound_ports
from sandbox.in_process.app import Activity
from sandbox.in_process.plan import LICENCE, STAFF_LICENCE, plan_of
from sandbox.local_host.clock import VirtualClock
from sandbox.simulate.books import Chronicle, Redirects
from sandbox.simulate.draw import MESSAGE_MAX_BYTES, paced
from sandbox.simulate.fates import FatefulPorts, Fates, Killed
from sandbox.simulate.life import Deed, DeedKind, Life
from sandbox.simulate.passwords import canary, padding_staff
from sandbox.simulate.plots import PlotBook
from sandbox.simulate.swift import ForgetfulStory
from sandbox.simulate.troubles import TroubleBook
from sandbox.world.coexistence import prepare_coexistence
from sandbox.world.licences import Seats
from sandbox.world.migration_copy import OpenMailbox, SourceReader, SourceSilent
from sandbox.world.population import populate
from sandbox.world.weather import CALM, Weather
from sandbox.world.world import World

START_UTC = datetime(2026, 3, 2, 8, tzinfo=UTC)
PREPARED_BEFORE = timedelta(days=1)
CANARY_LENGTH = 6
# More work than this without time passing means that a story goes round in circles.
STEPS_WITHOUT_TIME_MAX = 20_000
# More turns of the clock than this mean the same; a life of 90 days and 8 mailboxes needs a third of it.
TICKS_MAX = 60_000


ChangeStep = Callable[[Activity], Activity]


class LifeBroken(Exception):
    """A promise of the design does not hold; says which, when, and of whom."""

    def __init__(self, promise: str, detail: str) -> None:
        super().__init__(f"{promise}: {detail}")
        self.promise, self.detail = promise, detail


@dataclass
class SkewedClock:
    """The product's clock, which may stand a little off the world's."""

    now: Callable[[], datetime]
    skew: timedelta = timedelta()

    def now_utc(self) -> datetime:
        """The instant that this clock shows."""
        return self.now() + self.skew


@dataclass(frozen=True)
class SilentAtTimes:
    """The source as the migration service finds it: an outage is one for everybody."""

    source: SourceReader
    is_down: Callable[[], bool]

    def login(self, user_name: str, password: str) -> OpenMailbox | None:
        """As the source answers. Raises SourceSilent while it is down."""
        if self.is_down():
            raise SourceSilent(user_name)
        return self.source.login(user_name, password)


class Host(Protocol):
    """What runs stories and steps: the engine with the SDK, or the swift one."""

    forbidden: list[str]
    leaks: set[str]
    broken: list[str]
    longest: Counter[str]
    turns: Counter[str]
    runs: Counter[str]
    late: list[tuple[float, Any, Any]]

    def start(self, story: str, given: Any, instance_id: str) -> None: ...
    def client(self) -> Any: ...
    def run(self, call: Any) -> Any: ...
    def run_step(self) -> bool: ...
    def run_again(self, name: Any, value: Any) -> None: ...
    def next_timer(self) -> datetime | None: ...
    def fire_due_timers(self) -> None: ...
    def restart(self) -> None: ...
    def close(self) -> None: ...


class Existence:
    """One life being lived. `look` is called after every step, with the step, its subject and its answer."""

    def __init__(
        self,
        life: Life,
        make_host: "MakeHost",
        change_step: ChangeStep = lambda step: step,
    ) -> None:
        self.life = life
        self.clock = VirtualClock(START_UTC - PREPARED_BEFORE)
        self.weather: Weather = _own(life.weather)
        self.world = World(life.seed, self.clock.now_utc, self.weather)
        self.people = populate(
            self.world,
            life.people_count,
            messages_each=life.messages_each,
            over_limit_bytes=MESSAGE_MAX_BYTES * 2 if life.has_large_message else None,
        )
        self.names = prepare_coexistence(self.world)
        self.group_guids = [self.world.tenant.groups.require(self.names.group_address).guid]
        self._stock_seats()
        # What was prepared has reached every replica and every transport server.
        self.clock.advance_to(START_UTC)
        self.plan = padding_staff(paced(plan_of(self.world, self.names), life.pace))
        self.ports: BoundPorts = bound_ports(self.world, self.plan)
        self.product_clock = SkewedClock(self.world.kernel.now_utc)
        object.__setattr__(self.ports, "clock", self.product_clock)
        self._let_fail(life)
        self.do: Callable[[Existence, Deed], None] = lambda _, __: None
        self._open_books()
        self.look: Look = lambda *_: None
        self.stage_seen: Callable[[Existence, MailboxRecord, Stage], None] = lambda *_: None
        fateful = cast("Ports", FatefulPorts(self.ports, self.fates))
        self.host: Host = make_host(self, fateful, change_step)
        self._forbid_passwords()
        self._late: list[tuple[datetime, Any, Any]] = []
        self.restart_count = 0
        self.asked_count = 0

    def close(self) -> None:
        """Give the store back."""
        self.host.close()

    def _forbid_passwords(self) -> None:
        """Those of the batch files, and those of accounts from the moment on at which they are created."""
        self.host.forbidden += [person.password[:CANARY_LENGTH] for person in self.people]
        self.host.forbidden += [canary(number) for number in range(len(self.people))]
        directory = self.world.tenant.directory
        directory.on_password_set.append(lambda user: self.host.forbidden.append(user.password))

    def _let_fail(self, life: Life) -> None:
        self.fates = Fates(life.faults)
        self.fates.is_down = self._is_down
        self.down_until_utc: dict[DeedKind, datetime] = {}
        self.plots = PlotBook(life.plots)
        engine = self.world.tenant.migration.engine
        engine.source = SilentAtTimes(engine.source, lambda: self._is_down("source_mail"))

    def _open_books(self) -> None:
        self.chronicle = Chronicle(self.clock)
        self.transitions: Counter[tuple[Stage, Stage]] = Counter()
        self.stages: dict[tuple[str, str], Stage] = {}
        self.states: set[str] = set()
        self.done: Counter[str] = Counter()
        self.looked_utc: datetime | None = None
        # Who has had another row that leads straight home since before their alias was turned.
        self.bypassed: set[str] = set()
        self.homed: set[str] = set()
        """Those whose alias somebody has turned home by hand after they had moved."""
        self.redirects = Redirects()
        self.seats_counted: dict[str, int] = {}
        """{batch: how often others had taken seats when its own were reserved}."""
        self.troubles = TroubleBook()
        self.certified_utc: dict[str, datetime] = {}
        self.told: Counter[str] = Counter()
        """{address: how often its mailbox has moved, and its user was told}."""

    def _stock_seats(self) -> None:
        people = range(self.life.people_count)
        staff = sum(person in self.life.staff for person in people)
        wanted = {LICENCE: len(people) - staff, STAFF_LICENCE: staff}
        for part_number, seat_count in wanted.items():
            enabled = max(0, seat_count + self.life.seats_spare)
            self.world.tenant.directory.buy(part_number, Seats(enabled=enabled))

    # -- the engine ---------------------------------------------------------------------------

    def client(self) -> Any:
        """A durable client, for triggers."""
        return self.host.client()

    def _restart(self) -> None:
        """The process is gone; after a while there is a new one on the same state."""
        pause_s = self.fates.revive()
        self.restart_count += 1
        self.chronicle.note(f"killed; a new host after {pause_s:.0f} s")
        died_utc = self.clock.now_utc()
        self.clock.advance_to(died_utc + timedelta(seconds=pause_s))
        self.troubles.note_sleep(died_utc, self.clock.now_utc())
        self.host.restart()
        self.see_stages()
        self.look(self, "a killed step", "", "")

    def settle(self) -> None:
        """Run everything that needs no time to pass."""
        for _ in range(STEPS_WITHOUT_TIME_MAX):
            for deed in self.plots.due(self.clock.now_utc()):
                self.do(self, deed)
            try:
                if not self.host.run_step():
                    return
                if self.fates.kill_after_commit:
                    self._restart()
            except Killed:
                self._restart()
            except ForgetfulStory as forgot:
                raise LifeBroken("4 repeatable", str(forgot)) from forgot
            self._keep_late()
        raise LifeBroken("8 bounded", f"busy after {STEPS_WITHOUT_TIME_MAX} steps without time")

    def _keep_late(self) -> None:
        for delay_s, function, request in self.host.late:
            self._late.append(
                (self.clock.now_utc() + timedelta(seconds=delay_s), function, request)
            )
        self.host.late.clear()

    # -- time ---------------------------------------------------------------------------------

    def live_until(self, end_utc: datetime, is_over: Callable[[], bool] = lambda: False) -> None:
        """Let time pass until an instant, or until it is over."""
        for _ in range(TICKS_MAX):
            self.settle()
            if is_over():
                return
            soonest = self._soonest()
            if soonest is None or soonest > end_utc:
                self.clock.advance_to(max(end_utc, self.clock.now_utc()))
                return
            self.clock.advance_to(max(soonest, self.clock.now_utc()))
            self._run_late()
            self.host.fire_due_timers()
        raise LifeBroken("8 bounded", f"the clock turned more than {TICKS_MAX} times")

    def _soonest(self) -> datetime | None:
        due_utc = self.host.next_timer()
        instants = [when_utc for when_utc, _, _ in self._late] + self.plots.instants()
        if due_utc is not None:
            instants.append(due_utc)
        return min(instants, default=None)

    def _run_late(self) -> None:
        now_utc = self.clock.now_utc()
        due = [each for each in self._late if each[0] <= now_utc]
        self._late = [each for each in self._late if each[0] > now_utc]
        for _, step, request in due:
            # The engine's host keeps the function, the swift one its name.
            name = step if isinstance(step, str) else step.name
            self.chronicle.note(f"{name} runs late once more")
            try:
                self.host.run_again(step, request)
            except Killed:
                self._restart()
            self.look(self, name, "", "")

    def grow_calm(self) -> None:
        """From now on no weather, no faults, a clock that is right."""
        for each in fields(Weather):
            if each.name not in KEPT_IN_CALM:
                # The parts of the world share this object; it belongs to this life alone.
                object.__setattr__(self.weather, each.name, getattr(CALM, each.name))
        self.fates.grow_calm()
        self.product_clock.skew = timedelta()
        self.down_until_utc.clear()
        self.plots = PlotBook(())
        self._late.clear()

    # -- what is seen -------------------------------------------------------------------------

    def step_seen(self, step: str, subject: str, answer: str) -> None:
        """A step has run and is answered."""
        self.chronicle.note(f"{step} {subject} {answer}")
        if step in WRITING:
            self.see_stages()
        self.look(self, step, subject, answer)

    def see_stages(self) -> None:
        """Notice every mailbox whose stage has changed."""
        for batch in self.ports.ledger.batches():
            for record in self.ports.ledger.mailboxes(batch.name):
                place = (record.batch, record.key)
                self.states.add(_state_of(record))
                if place not in self.stages:
                    self._plot(record, Stage.REGISTERED)
                before = self.stages.get(place, Stage.REGISTERED)
                self.stages[place] = record.stage
                if before is not record.stage:
                    self.transitions[before, record.stage] += 1
                    self._plot(record, record.stage)
                    code = f" {record.code}" if record.code else ""
                    self.chronicle.note(f"{record.address}: {before} -> {record.stage}{code}")
                    self.stage_seen(self, record, before)

    def _plot(self, record: MailboxRecord, stage: Stage) -> None:
        self.plots.see(self.number_of(record), stage, self.clock.now_utc())

    def number_of(self, record: MailboxRecord) -> int:
        """Whose mailbox it is."""
        return next(n for n, each in enumerate(self.people) if each.address == record.address)

    def _is_down(self, port: str) -> bool:
        until_utc = self.down_until_utc.get(BEHIND.get(port, DeedKind.WATCHDOG))
        return until_utc is not None and self.clock.now_utc() < until_utc

    def records(self) -> list[MailboxRecord]:
        """Every row of every batch."""
        ledger = self.ports.ledger
        return [row for batch in ledger.batches() for row in ledger.mailboxes(batch.name)]

    def stages_of(self, address: str) -> set[Stage]:
        """Where a person's mailbox stands, in whichever batches it is."""
        return {row.stage for row in self.records() if row.address == address}

    def ask(self, call: Any) -> None:
        """Run a trigger's coroutine; a kill in it is a caller who gets no answer."""
        try:
            self.host.run(call)
        except Killed:
            self._restart()

    def start_story(self, story: str, request: object) -> None:
        """Start a wish's story."""
        self.asked_count += 1
        self.host.start(story, encode(request), f"{story}-{self.asked_count}")


# Which outage takes which ports away.
BEHIND = {
    "source_mail": DeedKind.SOURCE_DOWN,
    "alias_map": DeedKind.SOURCE_DOWN,
    "source_submission": DeedKind.SOURCE_DOWN,
    "directory": DeedKind.GRAPH_DOWN,
    "cloud_mail": DeedKind.GRAPH_DOWN,
    "domains": DeedKind.GRAPH_DOWN,
    "exchange": DeedKind.EXCHANGE_DOWN,
    "recipients": DeedKind.EXCHANGE_DOWN,
    "mail_flow": DeedKind.EXCHANGE_DOWN,
}
# Part of how the service is, not of the weather.
KEPT_IN_CALM = frozenset(
    {
        "migration_message_max_bytes",
        "migration_arrival",
        "transport_server_count",
        "source_deletions_propagate",
        "duplicates_known_by_message_id",
        "sync_now_absorbed_by_running_delta",
        "sync_now_counts_as_action",
        "delta_ends_as_incremental_synced",
        "user_purpose_as_object",
    }
)
# The steps that write rows.
WRITING = frozenset({"record_progress", "register_batch", "apply_difference"})


def _state_of(record: MailboxRecord) -> str:
    """What tells one state of a mailbox from another: instants only by whether they are set."""
    instants = (
        record.cutover_at_utc, record.detach_began_utc, record.left_group_utc, record.probe_sent_utc,
        record.redirected_utc, record.rollback_began_utc, record.delta_asked_utc, record.migrated_utc, record.closed_utc,
    )  # fmt: skip
    flags = "".join("1" if instant else "0" for instant in instants)
    counts = f"{min(record.probe_proven_count, 9)}{min(record.sweep_count, 9)}{min(len(record.probe_strays), 9)}"
    return f"{record.stage} {record.resume_stage} {record.code} {record.wish} {flags} {counts}"


def _own(weather: Weather) -> Weather:
    return Weather(**{each.name: getattr(weather, each.name) for each in fields(weather)})


Look = Callable[[Existence, str, str, str], None]
MakeHost = Callable[[Existence, Ports, ChangeStep], Host]
