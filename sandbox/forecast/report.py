"""What many possible courses say together: when, who needs a person, and which limits bind."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sandbox.forecast.question import GIB, Box, Question, class_name, class_of
from sandbox.forecast.sample import SAMPLED
from sandbox.forecast.timeline import CLOSED, HOUR_S, TOLD, Course, courses_of

Json = dict[str, Any]
PERCENTS = {"p10": 10, "p50": 50, "p90": 90}
# Waiting less than this for a slot is part of the work; more is a queue.
QUEUE_WORTH_TELLING_S = HOUR_S
# A cutover is refused when the last delta is older; Exchange makes one every 24 h.
DELTA_AGE_MAX_H = 26.0
# Copies share the source when the longest takes so many times as long as it would alone.
SHARING_FELT_TIMES = 1.25
# Calls that come again later are felt when there is one in so many.
THROTTLING_FELT_RATIO = 0.05


def foretell(question: Question, seed_count: int, first: int = 0) -> Json:
    """The forecast as plain values; the same question and seeds give the same answer, to the last digit."""
    courses = courses_of(question, seed_count, first)
    return {
        "mailboxes": len(question.boxes),
        "seeds": {"first": first, "count": seed_count},
        "sizes": _sizes(question),
        "stages": _stages(courses),
        "needs_a_person": _people(question, courses),
        "limits": _limits(question, courses),
        "assumed": asdict(question.assumed),
    }


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """The nearest-rank p10, p50 and p90, in hours from seconds, to a hundredth: so many percent are no later."""
    ordered = sorted(values)
    ranks = {name: -(-percent * len(ordered) // 100) for name, percent in PERCENTS.items()}
    return {name: round(ordered[rank - 1] / HOUR_S, 2) for name, rank in ranks.items()}


def _sizes(question: Question) -> Json:
    classes: dict[int, list[Box]] = {}
    for box in question.boxes:
        classes.setdefault(class_of(box), []).append(box)
    return {
        "surveyed": question.surveyed_count,
        "sampled_per_seed": SAMPLED,
        "classes": [
            {
                "class": class_name(number),
                "mailboxes": len(boxes),
                "gib": round(sum(box.size_bytes for box in boxes) / GIB, 1),
            }
            for number, boxes in sorted(classes.items())
        ],
    }


def _stages(courses: Sequence[Course]) -> list[Json]:
    told: list[Json] = []
    for stage in (*TOLD, CLOSED):
        reached = [course.reached_s[stage] for course in courses if course.reached_s.get(stage)]
        if reached:
            told.append(
                {
                    "stage": str(stage),
                    "half_h": quantiles([sorted(each)[len(each) // 2] for each in reached]),
                    "last_h": quantiles([max(each) for each in reached]),
                }
            )
    return told


def _people(question: Question, courses: Sequence[Course]) -> list[Json]:
    known = Counter(offence.partition(":")[0] for box in question.boxes for offence in box.offences)
    for name in question.plan.survey.waived:
        del known[name]
    told: list[Json] = [
        {"code": code, "mailboxes": count, "from": "survey"}
        for code, count in sorted(known.items())
    ]
    told += [
        {"code": "no_seat", "mailboxes": short, "from": f"seats of {licence}"}
        for licence, short in _seats_short(question).items()
    ]
    for code in sorted({code for course in courses for code in course.codes}):
        counts = sorted(course.codes[code] for course in courses)
        told.append({"code": code, "mailboxes": counts[len(counts) // 2], "from": "simulation"})
    return told


def _seats_short(question: Question) -> dict[str, int]:
    needed = Counter(box.licence for box in question.boxes)
    return {
        licence: needed[licence] - free
        for licence, free in sorted(question.seats.items())
        if needed[licence] > free
    }


def _limits(question: Question, courses: Sequence[Course]) -> list[Json]:
    return [
        _concurrency(question, courses),
        _throughput(courses),
        _cycle(question, courses),
        _throttling(courses),
        _hold(question),
        _seats(question),
        _sync_batches(question),
    ]


def _limit(name: str, binds: bool | None, why: str) -> Json:
    return {"limit": name, "binds": binds, "why": why}


def _concurrency(question: Question, courses: Sequence[Course]) -> Json:
    waits = [max(course.slot_wait_s, default=0.0) for course in courses]
    longest = quantiles(waits)
    slots = question.assumed.concurrent_copies
    return _limit(
        "endpoint concurrency",
        longest["p50"] * HOUR_S > QUEUE_WORTH_TELLING_S,
        f"{slots} copies at once; the last mailbox waits {hours(longest['p50'])} for its turn (p90 {hours(longest['p90'])})",
    )


def _throughput(courses: Sequence[Course]) -> Json:
    longest = quantiles([max(course.copy_s, default=0.0) for course in courses])
    alone = quantiles([max(course.copy_alone_s, default=0.0) for course in courses])
    waited = quantiles([max(course.slot_wait_s, default=0.0) for course in courses])
    is_long = longest["p50"] * HOUR_S > QUEUE_WORTH_TELLING_S
    is_shared = longest["p50"] > SHARING_FELT_TIMES * alone["p50"]
    return _limit(
        "IMAP throughput",
        is_long and (is_shared or longest["p50"] > waited["p50"]),
        f"the longest first copy takes {hours(longest['p50'])} (p90 {hours(longest['p90'])}),"
        f" with the source for itself {hours(alone['p50'])}",
    )


def _cycle(question: Question, courses: Sequence[Course]) -> Json:
    round_h = quantiles([course.delta_round_s for course in courses])["p50"]
    return _limit(
        "24 h cycle",
        round_h > DELTA_AGE_MAX_H,
        f"a delta of every mailbox takes {hours(round_h)}, {question.assumed.concurrent_deltas} at once;"
        f" a cutover is refused when the last one is older than {DELTA_AGE_MAX_H:.0f} h",
    )


def _throttling(courses: Sequence[Course]) -> Json:
    calls = sum(course.sample.call_count for course in courses)
    throttled = sum(course.sample.throttled_count for course in courses)
    lived = sum(len(course.sample.passages) for course in courses)
    waited_s = sum(course.sample.throttled_s for course in courses) / max(lived, 1)
    return _limit(
        "throttling",
        throttled > THROTTLING_FELT_RATIO * calls,
        f"{throttled} of {calls} calls in an ordinary week were told to come later; {waited_s:.0f} s for each mailbox",
    )


def _hold(question: Question) -> Json:
    cutover = question.plan.cutover
    return _limit(
        "hold and quiet time",
        cutover.hold_s + cutover.quiet_s > QUEUE_WORTH_TELLING_S,
        f"{hours(cutover.hold_s / HOUR_S)} before the first copy and again before the redirect,"
        f" {hours(cutover.quiet_s / HOUR_S)} of quiet after it, whatever else goes well",
    )


def _seats(question: Question) -> Json:
    needed = Counter(box.licence for box in question.boxes)
    wanted = ", ".join(f"{count} of {licence}" for licence, count in sorted(needed.items()))
    short = _seats_short(question)
    if short:
        missing = ", ".join(f"{count} of {licence}" for licence, count in short.items())
        return _limit(
            "seats", True, f"short: {missing}; the batch is refused whole, before its first write"
        )
    if set(needed) <= set(question.seats):
        return _limit("seats", False, f"{wanted}, all free")
    return _limit("seats", None, f"{wanted} at the most are needed; not told how many are free")


def _sync_batches(question: Question) -> Json:
    rows_max = question.plan.sync.rows_per_sync_batch_max
    count = -(-len(question.boxes) // rows_max)
    return _limit(
        "sync batches", False, f"{count} of at most {rows_max} mailboxes, on one endpoint's slots"
    )


def hours(value: float) -> str:
    """Hours as people say them."""
    if value < 1:
        return f"{value * 60:.0f} min"
    return f"{value:.1f} h" if value < 48 else f"{value / 24:.1f} days"
