"""Drawing a life from its seed: a small tenant, a weather from typed lists, people who do and undo things, faults."""

import random
from dataclasses import replace

from bascule.domain.plan import Plan
from bascule.domain.plan_submission import SubmissionPlan
from orchestrators.steps import STEPS
from sandbox.simulate.further import with_further
from sandbox.simulate.life import Deed, DeedKind, Fault, FaultKind, Life, Pace
from sandbox.simulate.plots import with_plots
from sandbox.world.weather import CALM, ORDINARY, Span, Weather

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
# The size over which the simulated service refuses a message; samples of this size stay cheap.
MESSAGE_MAX_BYTES = 40_000
GRACE_OF_HELD_MAIL_H = 120

# Every so many lives go through the engine and the SDK, ten times as slowly.
SDK_EVERY = 50

# Where probes through Postfix go in, if the plan asks for them.
POSTFIX_DOORS = ("mx1.example.org", "mx2.example.org:2525")

# Small tenants are where a fault meets its neighbour; large ones are where they meet each other.
PEOPLE_COUNTS = (1, 1, 1, 2, 2, 2, 3, 3, 4, 6, 8)
DAYS = (5.0, 5.0, 6.0, 7.0, 9.0, 12.0, 20.0, 45.0, 90.0)
DAYS_WEIGHTS = (30, 20, 20, 10, 10, 5, 3, 1, 1)

STALE = Span(600, 4 * HOUR_S)
ROUGH = replace(
    ORDINARY,
    graph_throttle_probability=0.08,
    graph_error_5xx_probability=0.05,
    graph_lost_reply_probability=0.05,
    source_unreachable_probability=0.04,
    source_lost_reply_probability=0.04,
    exchange_throttle_probability=0.08,
    exchange_transient_probability=0.05,
    exchange_lost_reply_probability=0.05,
    postfix_deferral_probability=0.2,
)
WEATHERS: tuple[tuple[int, Weather], ...] = (
    (20, CALM),
    (30, ORDINARY),
    (15, replace(ORDINARY, group_cache_age=STALE)),
    (10, replace(CALM, group_cache_age=STALE, exchange_replication=Span(0, 600))),
    (5, replace(ORDINARY, mailbox_provisioning=Span(HOUR_S, DAY_S))),
    (5, replace(ORDINARY, delta_late=Span(0, 12 * HOUR_S), counter_lag=Span(0, 1800))),
    (5, replace(CALM, postfix_deferral_probability=0.4, postfix_retry=Span(60_000, 100_000))),
    (10, ROUGH),
)
# Where the vendor is silent the service may behave either way; none of these may matter.
SWITCHES = (
    "source_deletions_propagate",
    "duplicates_known_by_message_id",
    "sync_now_absorbed_by_running_delta",
    "sync_now_counts_as_action",
    "delta_ends_as_incremental_synced",
    "user_purpose_as_object",
)
PACES = (
    Pace(),
    Pace(hold_s=14_400, probe_interval_s=600, grace_h=120),
    Pace(hold_s=14_400, probe_interval_s=1800, grace_h=24),
    Pace(hold_s=14_400, probe_count=2, probe_interval_s=900, quiet_s=9_000, grace_h=30),
)

# Each trouble and what mends it; hours until somebody does are drawn.
TROUBLES: tuple[tuple[DeedKind, DeedKind | None], ...] = (
    (DeedKind.ALIAS_EDITED, DeedKind.ALIAS_MENDED),
    (DeedKind.ALIAS_DOUBLED, DeedKind.ALIAS_MENDED),
    (DeedKind.ALIAS_REMOVED, DeedKind.ALIAS_MENDED),
    (DeedKind.GROUP_DELETED, DeedKind.GROUP_MENDED),
    (DeedKind.RULE_DELETED, DeedKind.RULE_MENDED),
    (DeedKind.SEATS_TAKEN, DeedKind.SEATS_FREED),
    (DeedKind.SYNC_STOPPED, DeedKind.SYNC_STARTED),
    (DeedKind.USER_FAILED, None),
    (DeedKind.PASSWORD_CHANGED, DeedKind.PASSWORD_MENDED),
    (DeedKind.CLOCK_JUMP, None),
    (DeedKind.CLOCK_SKEW, None),
    (DeedKind.UPLOAD_AGAIN, None),
    (DeedKind.UPLOAD_CHANGED, DeedKind.ACCEPT_DIFFERENCE),
)
STEP_NAMES = (*(step.name for step in STEPS), "wake_stories")
# The steps whose repetition would hurt; faults meet them more often.
TURNING_STEPS = (
    "switch_route",
    "leave_coexistence",
    "join_coexistence",
    "record_progress",
    "send_probe",
    "look_for_probe",
    "bring_home",
    "request_delta",
    "build_sync_batches",
    "register_batch",
    "ensure_licence",
    "certify",
)
FAULT_COUNTS = (0, 1, 2, 3, 5, 8, 13)
TROUBLE_COUNTS = (0, 0, 1, 1, 2, 3)
CALLS_PER_STEP_MAX = 6
SURVEY_COUNTS = (0, 0, 0, 1, 2, 4)


def draw_life(seed: int) -> Life:
    """The life of a seed; the same every time."""
    return with_further(_drawn(seed))


def _drawn(seed: int) -> Life:
    luck = random.Random(f"life {seed}")
    people_count = luck.choice(PEOPLE_COUNTS)
    days = luck.choices(DAYS, DAYS_WEIGHTS)[0]
    batches, weather = _batches(luck, people_count), _weather(luck)
    life = Life(
        seed=seed,
        through_sdk=seed % SDK_EVERY == 0,
        batches=batches,
        staff=tuple(p for p in range(people_count) if luck.random() < 0.2),
        seats_spare=luck.choice((100, 100, 100, 1, 0, -1)),
        messages_each=luck.randint(2, 6),
        has_large_message=luck.random() < 0.15,
        days=days,
        pace=luck.choice([pace for pace in PACES if _grace_suffices(pace, weather)]),
        weather=weather,
        deeds=_deeds(luck, batches, days),
        faults=tuple(_fault(luck) for _ in range(luck.choice(FAULT_COUNTS))),
    )
    # Luck of their own: a new plot, password or survey leaves the rest of every life as it was.
    passwords = random.Random(f"passwords {seed}")
    given = tuple(p for p in range(people_count) if passwords.random() < 0.4)
    life = with_plots(replace(life, given=given), random.Random(f"plots {seed}"))
    return _with_surveys(life, random.Random(f"surveys {seed}"))


def paced(plan: Plan, pace: Pace) -> Plan:
    """The plan with a life's numbers."""
    cutover = replace(
        plan.cutover,
        hold_s=pace.hold_s,
        probe_count=pace.probe_count,
        probe_interval_s=pace.probe_interval_s,
        quiet_s=pace.quiet_s,
        grace_h=pace.grace_h,
        source_probe=pace.source_probe,
    )
    sync = replace(plan.sync, keep_alive_days=pace.keep_alive_days)
    submission = SubmissionPlan(POSTFIX_DOORS if pace.source_probe else ())
    return replace(plan, cutover=cutover, sync=sync, patience=pace.patience, submission=submission)


def _grace_suffices(pace: Pace, weather: Weather) -> bool:
    """The plan promises a grace longer than Postfix holds mail back; a shorter one is the operator's mistake."""
    return pace.grace_h >= GRACE_OF_HELD_MAIL_H or weather.postfix_retry.max_s < DAY_S / 2


def _batches(luck: random.Random, people_count: int) -> tuple[tuple[int, ...], ...]:
    batch_count = min(people_count, luck.choice((1, 1, 1, 2, 3)))
    members: list[list[int]] = [[] for _ in range(batch_count)]
    for person in range(people_count):
        members[person if person < batch_count else luck.randrange(batch_count)].append(person)
    return tuple(map(tuple, members))


def _weather(luck: random.Random) -> Weather:
    base = luck.choices([each for _, each in WEATHERS], [weight for weight, _ in WEATHERS])[0]
    changes = {name: luck.random() < 0.5 for name in SWITCHES if luck.random() < 0.3}
    return replace(base, migration_message_max_bytes=MESSAGE_MAX_BYTES, **changes)  # type: ignore[arg-type]


def _deeds(
    luck: random.Random, batches: tuple[tuple[int, ...], ...], days: float
) -> tuple[Deed, ...]:
    deeds: list[Deed] = []
    end_s = days * DAY_S
    for number, people in enumerate(batches):
        begin_s = luck.uniform(0, min(0.3 * end_s, DAY_S)) if number else 60.0
        deeds.append(Deed(begin_s, DeedKind.UPLOAD, number))
        deeds += _wishes(luck, number, people, begin_s, end_s)
    everybody = tuple(person for batch in batches for person in batch)
    deeds += _letters(luck, everybody, end_s)
    for _ in range(luck.choice(TROUBLE_COUNTS)):
        deeds += _trouble(luck, batches, end_s)
    deeds += [Deed(day * DAY_S, DeedKind.WATCHDOG) for day in range(1, int(days) + 1)]
    return tuple(sorted(deeds, key=lambda deed: deed.at_s))


def _wishes(
    luck: random.Random, batch: int, people: tuple[int, ...], begin_s: float, end_s: float
) -> list[Deed]:
    """A cutover asked in good time by most; then whatever comes to an operator's mind."""
    asked_s = min(begin_s + luck.uniform(0.5, 2.5) * DAY_S, end_s - HOUR_S)
    chosen = tuple(p for p in people if luck.random() < 0.85)
    wishes = [Deed(asked_s, DeedKind.CUTOVER, batch, chosen, luck.choice((0.0, 0.0, 6.0)))]
    for _ in range(luck.choice((0, 0, 1, 2, 4))):
        kind = luck.choices(
            (DeedKind.CUTOVER, DeedKind.ROLLBACK, DeedKind.RETRY, DeedKind.ABANDON), (3, 4, 2, 1)
        )[0]
        # Most often while something moves: in the hours after the cutover was asked.
        near_s = asked_s + abs(luck.gauss(0, 8)) * HOUR_S
        at_s = near_s if luck.random() < 0.7 else luck.uniform(begin_s, end_s)
        some = tuple(p for p in people if luck.random() < 0.6)
        wishes.append(Deed(min(at_s, end_s - 60), kind, batch, some))
    return [wish for wish in wishes if wish.people]


def _with_surveys(life: Life, luck: random.Random) -> Life:
    """The same life with an operator who has sources surveyed again, at any moment and of anybody."""
    surveys: list[Deed] = []
    for _ in range(luck.choice(SURVEY_COUNTS)):
        batch = luck.randrange(len(life.batches))
        some = tuple(p for p in life.batches[batch] if luck.random() < 0.7)
        at_s = luck.uniform(HOUR_S, life.days * DAY_S - 60)
        surveys += [Deed(at_s, DeedKind.SURVEY, batch, some)] if some else []
    deeds = sorted((*life.deeds, *surveys), key=lambda deed: deed.at_s)
    return replace(life, deeds=tuple(deeds))


def _letters(luck: random.Random, people: tuple[int, ...], end_s: float) -> list[Deed]:
    letters = []
    for person in people:
        for _ in range(luck.randint(2, 12)):
            kind = luck.choice((DeedKind.MAIL_OUTSIDE, DeedKind.MAIL_INSIDE))
            letters.append(Deed(luck.uniform(0, end_s), kind, people=(person,)))
    return letters


def _trouble(luck: random.Random, batches: tuple[tuple[int, ...], ...], end_s: float) -> list[Deed]:
    kind, mending = luck.choice(TROUBLES)
    batch = luck.randrange(len(batches))
    person = (luck.choice(batches[batch]),)
    at_s = luck.uniform(HOUR_S, end_s * 0.9)
    amount = {
        DeedKind.CLOCK_JUMP: luck.uniform(0.5, 30.0),
        DeedKind.CLOCK_SKEW: luck.uniform(-60.0, 60.0),
        DeedKind.SEATS_TAKEN: float(luck.randint(1, 3)),
    }.get(kind, 0.0)
    deeds = [Deed(at_s, kind, batch, person, amount)]
    if mending:
        mended_s = at_s + luck.uniform(0.05, 24.0) * HOUR_S
        deeds.append(Deed(min(mended_s, end_s), mending, batch, person))
    return deeds


def _fault(luck: random.Random) -> Fault:
    kind = luck.choice(tuple(FaultKind))
    if kind in {FaultKind.BELL_LOST, FaultKind.BELL_DOUBLED}:
        return Fault(kind, nth=luck.randrange(6))
    names = TURNING_STEPS if luck.random() < 0.7 else STEP_NAMES
    pause_s = luck.choice((0.0, 5.0, 60.0, 600.0, 2 * HOUR_S))
    if kind is FaultKind.STEP_LATE_AGAIN:
        # A host that was frozen for so long has lost its lease on the work item for certain.
        pause_s = luck.choice((1.0, 30.0, 300.0))
    step = (
        luck.choice(("turn:mailbox", "turn:batch"))
        if kind is FaultKind.KILLED_IN_TURN
        else luck.choice(names)
    )
    nth = min(int(luck.expovariate(0.3)), 40)
    return Fault(kind, step, nth, luck.randrange(CALLS_PER_STEP_MAX), pause_s)
