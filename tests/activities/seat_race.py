"""Eight batches after the last seats of one licence, interleaved by a seed, in bad weather, with steps killed."""

import random
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from activities.ensure_account import ensure_account
from activities.ensure_licence import ensure_licence
from activities.refuse_upload import refuse_upload
from activities.register_batch import register_batch
from activities.reserve_seats import reserve_seats
from activities.validate_upload import validate_upload
from activities.withdraw_upload import withdraw_upload
from bascule.domain.errors import Conflict, NotYet, Refusal, Throttled, Unreachable
from bascule.domain.records import MailboxRef
from bascule.domain.requests import BatchRef, LicenceRequest, Refusals
from bascule.ports.bundle import Ports
from sandbox.bound.ledger import MemoryLedger
from sandbox.bound.ports import bound_ports
from sandbox.in_process.plan import LICENCE, plan_of
from sandbox.world.coexistence import prepare_coexistence
from sandbox.world.licences import Seats
from sandbox.world.weather import CALM, Span
from sandbox.world.world import World

SEAT_COUNT = 100
BATCH_COUNT = 8
TURN_COUNT_MAX = 20_000
LICENSED_UTC = datetime(2026, 3, 2, 12, tzinfo=UTC)
STORM = replace(
    CALM,
    graph_replication=Span(0, 120),
    graph_throttle_probability=0.05,
    graph_error_5xx_probability=0.03,
    graph_lost_reply_probability=0.05,
)
PASSING = (NotYet, Throttled, Unreachable, Conflict)

T = TypeVar("T")
Turns = Generator[None, None, None]
Seen = Mapping[str, int]


class ContestedLedger(MemoryLedger):
    """Lets somebody else act between the reading and the writing of a reservation."""

    def __init__(self) -> None:
        super().__init__()
        self.between: Callable[[], None] = lambda: None

    def reserve_seats(self, sku_id: str, change: Callable[[Seen], Seen]) -> Seen:
        """Compare-and-set, with whatever happens between."""

        def contested(now: Seen) -> Seen:
            after = change(now)
            self.between()
            return after

        return super().reserve_seats(sku_id, contested)


@dataclass
class Race:
    """One trial."""

    seed: int
    refused: dict[str, str] = field(default_factory=dict)
    """{batch: why}."""
    admitted: set[str] = field(default_factory=set)
    set_aside: list[str] = field(default_factory=list)
    taken_max: int = 0

    def __post_init__(self) -> None:
        self.luck = random.Random(self.seed)
        self._now_utc = datetime(2026, 3, 2, 8, tzinfo=UTC)
        self.world = World(self.seed, lambda: self._now_utc, STORM)
        plan = plan_of(self.world, prepare_coexistence(self.world))
        self.ledger = ContestedLedger()
        self.ledger.between = self._sometimes_another
        self.ports: Ports = replace(bound_ports(self.world, plan), ledger=self.ledger)
        shelf = self.world.tenant.directory.shelf
        only = shelf.by_part_number(LICENCE)
        # One product on the shelf: every look at the stock counts the seats of each.
        shelf.products = {only.sku_id: only}
        shelf.seats[only.sku_id] = Seats(SEAT_COUNT, suspended=50)
        self.sizes = {f"lot-{at}": self.luck.randint(4, 30) for at in range(BATCH_COUNT)}
        self._waiting = {name: self._life(name, size) for name, size in self.sizes.items()}
        self._acting = ""
        self._is_nested = False

    def run(self) -> "Race":
        """Until every batch is refused or has its licences."""
        for _ in range(TURN_COUNT_MAX):
            if not self._waiting:
                return self
            self._turn()
            self._now_utc += timedelta(seconds=self.luck.choice((0, 0, 1, 5)))
            self.taken_max = max(self.taken_max, self.taken())
        raise AssertionError(f"seed {self.seed}: not done after {TURN_COUNT_MAX} turns")

    def taken(self) -> int:
        """Seats that are really taken."""
        directory = self.world.tenant.directory
        return directory._taken[directory.shelf.by_part_number(LICENCE).sku_id]

    def licensed(self, batch: str) -> int:
        """How many mailboxes of a batch have an account with a licence."""
        users = [self.world.tenant.directory.truth(a) for a in self._addresses(batch)]
        return sum(1 for user in users if user and user.licences)

    def accounts(self, batch: str) -> int:
        """How many mailboxes of a batch have an account."""
        found = [self.world.tenant.directory.truth(a) for a in self._addresses(batch)]
        return sum(1 for user in found if user)

    def _turn(self) -> None:
        name = self.luck.choice(sorted(self._waiting))
        if name == self._acting:
            return  # its own reservation is being contested just now
        before, self._acting = self._acting, name
        if next(self._waiting[name], "over") == "over":
            del self._waiting[name]
        self._acting = before

    def _sometimes_another(self) -> None:
        if not self._is_nested and self.luck.random() < 0.5:
            self._is_nested = True
            self._turn()
            self._is_nested = False

    def _life(self, name: str, size: int) -> Turns:
        ports, ref = self.ports, BatchRef(name)
        rows = "".join(f"{address},{address[:-12]},x\r\n" for address in self._addresses(name))
        ports.blobs.upload(name, f"EmailAddress,UserName,Password\r\n{rows}".encode())
        verdict = yield from self._step(lambda: validate_upload(ports, ref))
        try:
            yield from self._step(lambda: reserve_seats(ports, ref))
        except Refusal as no:
            self.refused[name] = no.detail
            refusal = Refusals(name, verdict.etag, no.code, no.detail)
            yield from self._step(lambda: refuse_upload(ports, refusal))
            return
        self.admitted.add(name)
        yield from self._step(lambda: register_batch(ports, ref))
        yield from self._step(lambda: withdraw_upload(ports, ref))
        for key in ports.ledger.mailbox_keys(name, "", size):
            yield from self._mailbox(MailboxRef(name, key))

    def _mailbox(self, ref: MailboxRef) -> Turns:
        try:
            yield from self._step(lambda: ensure_account(self.ports, ref))
            yield from self._step(lambda: ensure_licence(self.ports, LicenceRequest(ref, False)))
        except Refusal as no:
            self.set_aside.append(f"{ref}: {no.detail}")
            return
        self.ports.ledger.amend_mailbox(
            ref.batch, ref.key, lambda row: replace(row, licensed_utc=LICENSED_UTC)
        )

    def _step(self, work: Callable[[], T]) -> Generator[None, None, T]:
        """As the host runs a step: later again when it is too early, and again when its answer was lost by a kill."""
        for _ in range(TURN_COUNT_MAX):
            yield
            try:
                answer = work()
            except PASSING:
                self._now_utc += timedelta(seconds=20)
                continue
            if self.luck.random() >= 0.1:
                return answer
        raise AssertionError("a step that never ends")

    def _addresses(self, batch: str) -> list[str]:
        return [f"{batch}.m{at}@example.org" for at in range(self.sizes[batch])]
