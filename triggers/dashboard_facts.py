"""What the dashboard shows, read in one pass over the open batches and bounded on every side."""

import itertools
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from activities.desk_chunks import document_count
from activities.desks import DeskCounts, counts_over, has_moved, steps_of
from bascule.domain.errors import NotYet, Refusal, Throttled, Unreachable
from bascule.domain.records import BatchRecord, MailboxRecord, StandingRefusal, refusal_document
from bascule.domain.stages import LIFE, Stage
from bascule.ports.bundle import Ports
from triggers.batch_marks import BatchMarks, batch_marks
from triggers.dashboard_completion import CompletionFacts, completion_facts
from triggers.tenant_views import tenant_view
from triggers.views import state_of

# More than anybody reads on one page; the API has the rest.
BATCHES_SHOWN_MAX = 50
ASIDE_SHOWN_MAX = 50
# One file's 50 000 rows, with room: a page that reads more would hold up the steps of the same worker.
ROWS_READ_MAX = 60_000
# The API has all of them.
FINDINGS_SHOWN_MAX = 20
# The marks of ten thousand desks; each document is a read of its own, some milliseconds.
DESK_DOCUMENTS_READ_MAX = 500
# A closed batch is read for its desks only so long: the last reminder has gone out weeks before.
DESKS_AFTER_CLOSING = timedelta(days=90)
# Whoever has not mended a file by then has uploaded its rows under another name.
REFUSED_SHOWN = timedelta(days=30)
# Each is a read of its own, some milliseconds.
REFUSALS_READ_MAX = 200
# For people to look at, not for reserving: one question to the directory in five minutes is enough.
SEATS_AGE_S = 300.0


@dataclass(frozen=True)
class Aside:
    """A mailbox that waits for a person."""

    address: str
    code: str
    detail: str
    since_utc: datetime | None


@dataclass(frozen=True)
class BatchFacts:
    """One batch; of a closed one only the desks are read."""

    name: str
    state: str
    row_count: int
    counts: tuple[tuple[Stage, int], ...] = ()
    """In the order of a mailbox's life; stages without a mailbox are left out, and so are those on their way back."""
    way_back_count: int = 0
    """Mailboxes that a rollback is bringing back."""
    aside: tuple[Aside, ...] = ()
    aside_count: int = 0
    synced_first_utc: datetime | None = None
    """The oldest last sync among the synced mailboxes."""
    synced_last_utc: datetime | None = None
    late_count: int = 0
    unmoved_count: int = 0
    doubled_count: int = 0
    """Mailboxes that hold messages twice."""
    begun_count: int = 0
    """Synced mailboxes whose cutover has begun: out of the group, and not yet proven."""
    planned_count: int = 0
    """Synced mailboxes whose cutover has its instant and has not begun."""
    planned_first_utc: datetime | None = None
    has_difference: bool = False
    has_refused_upload: bool = False
    refusal: str = ""
    """Why a batch that is nowhere else has been refused."""
    is_held_up: bool = False
    is_whole: bool = True
    """False: there were more rows than one page reads."""
    desks: DeskCounts | None = None
    """None: there is nothing to do at any desk, or there was too much to read."""
    has_uncounted_desks: bool = False
    """There were more marks than one page reads."""

    @property
    def ready_count(self) -> int:
        """Synced mailboxes that nobody has asked to cut over."""
        asked_count = self.planned_count + self.begun_count
        return dict(self.counts).get(Stage.SYNCED, 0) - asked_count


@dataclass(frozen=True)
class SeatFacts:
    """One licence of the plan as the tenant has it."""

    part_number: str
    enabled_count: int
    consumed_count: int


@dataclass(frozen=True)
class TenantFacts:
    """What the guard last said of the tenant."""

    state: str
    """`not_prepared`, `as_recorded`, `differs` or `unknown`."""
    holds_cutovers: bool = False
    findings: tuple[str, ...] = ()
    """What differs, one after the other."""


@dataclass(frozen=True)
class Dashboard:
    """Everything on the page."""

    seen_utc: datetime
    batches: tuple[BatchFacts, ...]
    batches_left_out_count: int
    seats: tuple[SeatFacts, ...] | None
    """None: the directory does not answer now."""
    tenant: TenantFacts
    completion: CompletionFacts


@dataclass
class _Budget:
    """What this page may still read."""

    rows: int = ROWS_READ_MAX
    desk_documents: int = DESK_DOCUMENTS_READ_MAX


class _Tally:
    """Counts the mailboxes of one batch, one after the other."""

    def __init__(self, ports: Ports, now_utc: datetime) -> None:
        self._late_utc = now_utc - timedelta(hours=ports.plan.sync.delta_age_alert_h)
        self._unmoved_utc = now_utc - timedelta(hours=ports.plan.patience.watchdog_h)
        self.stages: Counter[Stage] = Counter()
        self.aside: list[Aside] = []
        self.synced: list[datetime] = []
        self.planned: list[datetime] = []
        self.migrated_keys: list[str] = []
        self.late_count = 0
        self.unmoved_count = 0
        self.doubled_count = 0
        self.way_back_count = 0
        self.begun_count = 0

    def take(self, record: MailboxRecord) -> None:
        """One mailbox more."""
        if record.is_on_its_way_back:
            self.way_back_count += 1
        else:
            self.stages[record.stage] += 1
        self.doubled_count += record.doubled_count > 0
        looked_utc = record.seen_utc or record.stage_since_utc
        if not record.is_final and looked_utc is not None and looked_utc < self._unmoved_utc:
            self.unmoved_count += 1
        if record.stage is Stage.SET_ASIDE and len(self.aside) < ASIDE_SHOWN_MAX:
            code = "" if record.code is None else record.code.value
            self.aside.append(Aside(record.address, code, record.detail, record.stage_since_utc))
        if record.stage is Stage.SYNCED and not record.is_on_its_way_back:
            self._take_synced(record)
        if has_moved(record):
            self.migrated_keys.append(record.key)

    def _take_synced(self, record: MailboxRecord) -> None:
        if record.last_synced_utc is not None:
            self.synced.append(record.last_synced_utc)
            self.late_count += record.last_synced_utc < self._late_utc
        if record.detach_began_utc is not None:
            self.begun_count += 1
        elif record.cutover_at_utc is not None:
            self.planned.append(record.cutover_at_utc)


def dashboard_facts(ports: Ports) -> Dashboard:
    """Open batches first, the newest of each kind first. Raises Unreachable when the ledger does not answer."""
    now_utc = ports.clock.now_utc()
    batches = sorted(ports.ledger.batches(), key=lambda batch: batch.uploaded_utc, reverse=True)
    batches.sort(key=lambda batch: batch.closed_utc is not None)
    marks, budget = batch_marks(ports), _Budget()
    others = _without_a_row(ports, marks.beside({batch.name for batch in batches}), now_utc)
    first = others[:BATCHES_SHOWN_MAX]
    room = BATCHES_SHOWN_MAX - len(first)
    shown = tuple(_batch(ports, batch, now_utc, budget) for batch in batches[:room])
    return Dashboard(
        seen_utc=now_utc,
        batches=(*first, *(_marked(facts, marks) for facts in shown)),
        batches_left_out_count=len(others) + len(batches) - len(first) - len(shown),
        seats=_seats(ports),
        tenant=_tenant(ports),
        completion=completion_facts(ports, sum(batch.closed_utc is None for batch in batches)),
    )


def _without_a_row(
    ports: Ports, states: dict[str, str], now_utc: datetime
) -> tuple[BatchFacts, ...]:
    """Batches whose first file was refused lately, or is held up; they wait for a person before all others."""
    found = []
    for name, state in itertools.islice(states.items(), REFUSALS_READ_MAX):
        refusal = ports.documents.find(refusal_document(name), StandingRefusal)
        why = f"{refusal.code}: {refusal.detail}" if refusal else ""
        facts = BatchFacts(name, state, 0, refusal=why, has_refused_upload=refusal is not None)
        if state != "refused":
            found.append(replace(facts, is_held_up=True))
        elif refusal is not None and now_utc - refusal.refused_utc <= REFUSED_SHOWN:
            found.append(facts)
    return tuple(found)


def _marked(facts: BatchFacts, marks: BatchMarks) -> BatchFacts:
    if facts.state == "closed":
        return facts
    return replace(
        facts,
        has_refused_upload=facts.name in marks.refused,
        is_held_up=facts.name in marks.held_up,
    )


def _batch(ports: Ports, batch: BatchRecord, now_utc: datetime, budget: _Budget) -> BatchFacts:
    tally = _Tally(ports, now_utc)
    if batch.closed_utc is None:
        is_whole = _read(ports, batch, tally, budget)
        facts = _facts(batch, tally, is_whole=is_whole)
    else:
        facts = BatchFacts(batch.name, state_of(batch), batch.row_count)
        if steps_of(ports) and now_utc - batch.closed_utc <= DESKS_AFTER_CLOSING:
            facts = replace(facts, is_whole=_read(ports, batch, tally, budget))
    return _with_desks(ports, facts, tally.migrated_keys, budget)


def _read(ports: Ports, batch: BatchRecord, tally: _Tally, budget: _Budget) -> bool:
    """Count the rows of a batch, as far as the budget goes; whether these were all."""
    rows = ports.ledger.mailboxes(batch.name)
    read_count = 0
    for record in itertools.islice(rows, budget.rows):
        tally.take(record)
        read_count += 1
    is_whole = read_count < budget.rows or next(rows, None) is None
    budget.rows -= read_count
    return is_whole


def _with_desks(
    ports: Ports, facts: BatchFacts, migrated_keys: list[str], budget: _Budget
) -> BatchFacts:
    if not steps_of(ports) or not migrated_keys:
        return facts
    count = document_count(ports, facts.name)
    if count > budget.desk_documents:
        return replace(facts, has_uncounted_desks=True)
    budget.desk_documents -= count
    return replace(facts, desks=counts_over(ports, facts.name, migrated_keys))


def _facts(batch: BatchRecord, tally: _Tally, *, is_whole: bool) -> BatchFacts:
    order = (*LIFE, *(stage for stage in Stage if stage not in LIFE))
    return BatchFacts(
        name=batch.name,
        state=state_of(batch),
        row_count=batch.row_count,
        counts=tuple((stage, tally.stages[stage]) for stage in order if tally.stages[stage]),
        aside=tuple(tally.aside),
        aside_count=tally.stages[Stage.SET_ASIDE],
        synced_first_utc=min(tally.synced, default=None),
        synced_last_utc=max(tally.synced, default=None),
        late_count=tally.late_count,
        unmoved_count=tally.unmoved_count,
        doubled_count=tally.doubled_count,
        way_back_count=tally.way_back_count,
        begun_count=tally.begun_count,
        planned_count=len(tally.planned),
        planned_first_utc=min(tally.planned, default=None),
        has_difference=bool(batch.pending_fingerprint),
        is_whole=is_whole,
    )


def _seats(ports: Ports) -> tuple[SeatFacts, ...] | None:
    wanted = {cohort.licence for cohort in ports.plan.cohorts.values()}
    try:
        stock = ports.directory.licence_stock(age_max_s=SEATS_AGE_S)
    except (Throttled, NotYet, Unreachable, Refusal):
        # The rest of the page is worth seeing all the more when the tenant does not answer.
        return None
    return tuple(
        SeatFacts(sku.part_number, sku.enabled_count, sku.consumed_count)
        for sku in sorted(stock, key=lambda sku: sku.part_number)
        if sku.part_number in wanted
    )


def _tenant(ports: Ports) -> TenantFacts:
    guard = tenant_view(ports)["guard"]
    findings = tuple(
        f"{each['part']} {each['name']}: {each['setting']}" for each in guard.get("findings", ())
    )
    holds_cutovers = bool(guard.get("holds_cutovers"))
    return TenantFacts(guard["state"], holds_cutovers, findings[:FINDINGS_SHOWN_MAX])
