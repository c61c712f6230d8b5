"""From a life to its outcome: its deeds, then calm weather, then the runbook until everything rests."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from bascule.domain.records import MailboxRecord, Wish
from bascule.domain.stages import Stage
from bascule.domain.survey_again import standing_offences
from sandbox.in_process.app import Activity
from sandbox.simulate import alias_deeds, deeds, promises
from sandbox.simulate.existence import START_UTC, Existence, LifeBroken, MakeHost
from sandbox.simulate.further import SILENCES
from sandbox.simulate.hosts import host_of
from sandbox.simulate.life import Deed, DeedKind, Life

# After the last deed: this many rounds of retry and cutover, each of as many hours. More than the longest grace, four times.
ROUNDS_MAX = 20
ROUND_HOURS = 30.0
# After the last mailbox stands still: what Postfix and the tenant may still hold back arrives.
LAST_MAIL_DAYS = 2.0


@dataclass(frozen=True)
class Outcome:
    """What became of a life; `broken` names the first promise that did not hold."""

    life: Life
    log_hash: str
    event_count: int
    days: float
    step_count: int
    turn_count: int
    stages: Counter[str]
    transitions: Counter[tuple[Stage, Stage]]
    struck: Counter[str]
    states: frozenset[str]
    """Every state of a mailbox that was seen: stage, wish, route and what the story waits for."""
    broken: str = ""
    detail: str = ""
    tail: tuple[str, ...] = field(default=(), repr=False)


def same_step(step: Activity) -> Activity:
    """The product as it is."""
    return step


def live(
    life: Life,
    change_step: Callable[[Activity], Activity] = same_step,
    make_host: MakeHost | None = None,
) -> Outcome:
    """Live a life to its end or to the first broken promise; on the host that it names unless told otherwise."""
    existence = Existence(life, make_host or host_of(life), change_step)
    existence.do = deeds.do
    existence.look = promises.after_every_step
    existence.stage_seen = promises.at_a_stage
    broken = detail = ""
    try:
        live_through(existence)
        promises.at_the_end(existence)
    except LifeBroken as found:
        broken, detail = found.promise, found.detail
    finally:
        existence.close()
    return _outcome(existence, broken, detail)


def live_through(life: Existence) -> None:
    """All deeds, then calm, then the runbook, then the last letters."""
    for deed in life.life.deeds:
        life.live_until(START_UTC + timedelta(seconds=deed.at_s))
        deeds.do(life, deed)
    life.live_until(START_UTC + timedelta(days=life.life.days))
    life.grow_calm()
    _keep_silences(life)
    mend_everything(life)
    follow_runbook(life)
    _last_letters(life)
    life.live_until(life.clock.now_utc() + timedelta(days=LAST_MAIL_DAYS))


def _last_letters(life: Existence) -> None:
    """Everybody is written to once more, from outside and from inside: it must arrive where their mailbox is."""
    for number in range(len(life.people)):
        for kind in (DeedKind.MAIL_OUTSIDE, DeedKind.MAIL_INSIDE):
            deeds.do(life, Deed(0.0, kind, people=(number,)))


def _keep_silences(life: Existence) -> None:
    """How the service is, it stays: the switches of the vendor's silence are no weather."""
    for name in SILENCES:
        # The parts of the world share this object; it belongs to this life alone.
        object.__setattr__(life.weather, name, getattr(life.life.weather, name))


def mend_everything(life: Existence) -> None:
    """A good administrator puts right whatever is wrong."""
    for number in range(len(life.people)):
        alias_deeds.mend_alias(life, number)
        alias_deeds.mend_bypass(life, number)
    deeds.mend_passwords(life, range(len(life.people)))
    deeds.mend_group(life)
    deeds.free_seats(life)
    deeds.start_syncs(life)
    deeds.by_hand(life)
    life.troubles.end_all(life.clock.now_utc())
    # An hour: copies of groups, rules and directory rows are the new ones everywhere.
    life.live_until(life.clock.now_utc() + timedelta(hours=1))


def follow_runbook(life: Existence) -> None:
    """Upload what was refused, retry what is set aside, survey what was mended, cut over what is synced, until all rests."""
    for _ in range(ROUNDS_MAX):
        if is_at_rest(life):
            return
        _upload_refused(life)
        deeds.do(life, Deed(0.0, DeedKind.WATCHDOG))
        _ask_all(life, Stage.SET_ASIDE, Wish.RETRY)
        _ask_surveys(life)
        _ask_all(life, Stage.SYNCED, Wish.CUTOVER)
        end_utc = life.clock.now_utc() + timedelta(hours=ROUND_HOURS)
        life.live_until(end_utc, lambda: is_at_rest(life))


def is_at_rest(life: Existence) -> bool:
    """Whether nothing more is to be expected of any mailbox."""
    rows = life.records()
    if len({row.address for row in rows}) < len(life.people):
        return False
    return all(_rests(row) for row in rows)


def _rests(row: MailboxRecord) -> bool:
    """At its end, or at home again; who is to be given up waits there for stragglers, or goes again when it is time."""
    is_asked = row.wish is not Wish.NONE or row.cutover_at_utc is not None
    return row.is_final or (row.stage is Stage.ROLLED_BACK and not is_asked)


def _upload_refused(life: Existence) -> None:
    """Batches that are not there, and rows that were forgotten."""
    known = {batch.name for batch in life.ports.ledger.batches()}
    registered = {record.address for record in life.records()}
    for number, people in enumerate(life.life.batches):
        if deeds.batch_name(number) not in known:
            deeds.do(life, Deed(0.0, DeedKind.UPLOAD, number))
            continue
        forgotten = [life.people[n] for n in people if life.people[n].address not in registered]
        if forgotten:
            deeds.upload_forgotten(life, number, forgotten)


def _ask_surveys(life: Existence) -> None:
    """Of those whose rows were mended; large messages are waived with the cutover."""
    for batch in life.ports.ledger.batches():
        rows = life.ports.ledger.mailboxes(batch.name)
        keys = tuple(row.key for row in rows if standing_offences(row, ("message_too_large",)))
        if keys:
            deeds.ask_wish(life, batch.name, Wish.SURVEY, keys)


def _ask_all(life: Existence, stage: Stage, wish: Wish) -> None:
    for batch in life.ports.ledger.batches():
        rows = life.ports.ledger.mailboxes(batch.name)
        keys = tuple(
            row.key
            for row in rows
            if (row.stage is stage and row.wish is Wish.NONE and row.detach_began_utc is None)
            or row.stage is Stage.SET_ASIDE is stage
        )
        if keys:
            deeds.ask_wish(life, batch.name, wish, keys)


def _outcome(life: Existence, broken: str, detail: str) -> Outcome:
    return Outcome(
        life=life.life,
        log_hash=life.chronicle.hash(),
        event_count=life.chronicle.count,
        days=(life.clock.now_utc() - START_UTC).total_seconds() / 86_400,
        step_count=sum(life.host.runs.values()),
        turn_count=sum(life.host.turns.values()),
        stages=Counter(stage.value for stage in life.stages.values()),
        transitions=life.transitions,
        states=frozenset(life.states),
        struck=Counter({kind.value: count for kind, count in life.fates.struck.items()})
        + Counter({str(kind): count for kind, count in life.done.items()}),
        broken=broken,
        detail=detail,
        tail=tuple(life.chronicle.tail) if broken else (),
    )
