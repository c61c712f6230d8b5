"""A few mailboxes of the batch on the simulator: the real stories and steps, an ordinary week's weather, no faults."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bascule.domain.codes import Code
from bascule.domain.plan import Plan
from bascule.domain.records import MailboxRecord
from bascule.domain.stages import Stage
from sandbox.simulate import deeds
from sandbox.simulate.draw import MESSAGE_MAX_BYTES
from sandbox.simulate.existence import START_UTC, Existence
from sandbox.simulate.hosts import swift_host
from sandbox.simulate.life import Deed, DeedKind, Life, Pace, Plot
from sandbox.world.misfortune import Failure, FailureKind, Misfortune
from sandbox.world.weather import ORDINARY

# So many live in each sample, all alike: size is reckoned, not lived. A mailbox more costs a tenth of a second.
SAMPLED = 8
MESSAGES_EACH = 3
# Longer than every hold and quiet time of an ordinary plan.
DAYS_MAX = 10
# No code of the product: nothing was refused, there was only no end within those days.
UNFINISHED = "unfinished"
LETTERS_EACH = 4
LETTERS_WITHIN_S = 36 * 3600.0
ENDS = frozenset({Stage.MIGRATED, Stage.SET_ASIDE})


@dataclass(frozen=True)
class Passage:
    """How long one mailbox of the sample took from stage to stage."""

    seconds: Mapping[Stage, float]
    """Seconds to each stage from the one before; the first from the upload, DETACHED from the cutover's asking."""
    code: str = ""
    """Why it came to no end: the code with which it was set aside, or UNFINISHED."""


@dataclass
class Sample:
    """What the sampled mailboxes of one seed lived through."""

    passages: tuple[Passage, ...] = ()
    call_count: int = 0
    throttled_count: int = 0
    throttled_s: float = 0.0


@dataclass
class _Diary:
    """When each person's mailbox came to each stage for the first time."""

    instants: dict[str, dict[Stage, datetime]] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)

    def see(self, life: Existence, record: MailboxRecord, _: Stage) -> None:
        """Note a new stage."""
        self.instants.setdefault(record.address, {}).setdefault(record.stage, life.clock.now_utc())
        if record.code is not None:
            self.codes[record.address] = record.code

    def is_over(self, count: int) -> bool:
        """Whether all have come to an end."""
        return sum(bool(ENDS & set(seen)) for seen in self.instants.values()) == count


class CountingMisfortune(Misfortune):
    """The world's misfortune, which counts the calls that were told to come again later."""

    throttled_count = 0
    throttled_s = 0.0

    def before(self, call: str) -> Failure | None:
        """As the world wills."""
        failure = super().before(call)
        if failure is not None and failure.kind is FailureKind.THROTTLED:
            self.throttled_count += 1
            self.throttled_s += failure.retry_after_s or 0
        return failure


def live_sample(plan: Plan, seed: int) -> Sample:
    """Live the sample of a seed to its end. The same plan and seed give the same sample."""
    drawn = _life(plan, seed, SAMPLED)
    life, diary = Existence(drawn, swift_host), _Diary()
    misfortune = CountingMisfortune(life.world.kernel, life.weather)
    life.world.misfortune = misfortune
    life.do, life.stage_seen = deeds.do, diary.see
    try:
        _live(life, diary)
    finally:
        life.close()
    passages = tuple(_passage(diary, person.address) for person in life.people)
    return Sample(
        passages, sum(life.world.calls.values()), misfortune.throttled_count, misfortune.throttled_s
    )


def _live(life: Existence, diary: _Diary) -> None:
    for deed in life.life.deeds:
        life.live_until(START_UTC + timedelta(seconds=deed.at_s))
        deeds.do(life, deed)
    count = len(life.people)
    life.live_until(START_UTC + timedelta(days=DAYS_MAX), lambda: diary.is_over(count))


def _life(plan: Plan, seed: int, count: int) -> Life:
    people = tuple(range(count))
    letters = tuple(
        Deed((number + 1) * LETTERS_WITHIN_S / (count * LETTERS_EACH), kind, people=(person,))
        for number, (person, kind) in enumerate(
            (person, kind)
            for _ in range(LETTERS_EACH // 2)
            for person in people
            for kind in (DeedKind.MAIL_OUTSIDE, DeedKind.MAIL_INSIDE)
        )
    )
    return Life(
        seed=seed,
        batches=(people,),
        messages_each=MESSAGES_EACH,
        days=DAYS_MAX,
        pace=_pace(plan),
        weather=replace(ORDINARY, migration_message_max_bytes=MESSAGE_MAX_BYTES),
        deeds=(Deed(0.0, DeedKind.UPLOAD), *letters),
        plots=tuple(
            Plot(Stage.SYNCED, Deed(0.0, DeedKind.CUTOVER, people=(person,))) for person in people
        ),
    )


def _pace(plan: Plan) -> Pace:
    cutover = plan.cutover
    return Pace(
        hold_s=cutover.hold_s,
        probe_count=cutover.probe_count,
        probe_interval_s=cutover.probe_interval_s,
        quiet_s=cutover.quiet_s,
        grace_h=cutover.grace_h,
        keep_alive_days=plan.sync.keep_alive_days,
        patience=plan.patience,
    )


def _passage(diary: _Diary, address: str) -> Passage:
    seen = diary.instants.get(address, {})
    if Stage.MIGRATED not in seen:
        return Passage({}, diary.codes.get(address, UNFINISHED))
    instants = sorted(seen.values())
    order = sorted(seen, key=lambda stage: seen[stage])
    begins = [START_UTC, *instants[:-1]]
    return Passage(
        {
            stage: (seen[stage] - before).total_seconds()
            for stage, before in zip(order, begins, strict=True)
        }
    )
