"""One possible course of a batch: every mailbox from the upload to the end, in seconds, under one seed."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

from bascule.domain.stages import Stage
from sandbox.forecast.question import MIB, Box, Question
from sandbox.forecast.sample import Passage, Sample, live_sample
from sandbox.forecast.slots import Turn, turns

HOUR_S = 3600.0
# One copy is faster than another: other hours, other messages. A guess, the same on both sides.
PACE_SPREAD = 0.4
# A story looks at its first copy this often; half a look is lost on the average.
LOOK_S = 300.0
ARRIVAL = (Stage.SURVEYED, Stage.PROVISIONED, Stage.COEXISTING)
AFTER_DELTA = (Stage.PROVEN, Stage.MIGRATED)
TOLD = (
    *ARRIVAL,
    Stage.SYNCING,
    Stage.SYNCED,
    Stage.DETACHED,
    Stage.REDIRECTED,
    Stage.FINAL_SYNC,
    *AFTER_DELTA,
)
CLOSED = "CLOSED"


@dataclass
class Course:
    """What became of the batch."""

    reached_s: dict[str, list[float]] = field(default_factory=dict)
    """By stage: when each mailbox reached it."""
    codes: Counter[str] = field(default_factory=Counter)
    slot_wait_s: list[float] = field(default_factory=list)
    """How long each waited for a slot of the first copy."""
    copy_s: list[float] = field(default_factory=list)
    """How long each first copy took, with the source shared among those that run."""
    copy_alone_s: list[float] = field(default_factory=list)
    """How long each would have taken with the source for itself."""
    delta_round_s: float = 0.0
    """How long a delta of all mailboxes takes."""
    sample: Sample = field(default_factory=Sample)


class Walk:
    """Walks all mailboxes of a question through one seed."""

    def __init__(self, question: Question, seed: int) -> None:
        self.question, self.luck = question, random.Random(f"forecast {seed}")
        self.course = Course(sample=live_sample(question.plan, seed))
        self.boxes: list[Box] = []
        self.passages: list[Passage] = []

    def walk(self) -> Course:
        """The course of this seed."""
        self._choose()
        if self.boxes:
            coexisting_s = self._arrive()
            synced_s = self._copy(self._sync_begins(coexisting_s))
            self._cut_over(synced_s)
        return self.course

    def _choose(self) -> None:
        """Everyone takes the times of one of the sampled mailboxes."""
        for box in self.question.boxes:
            passage = self.luck.choice(self.course.sample.passages)
            if passage.code:
                self.course.codes[passage.code] += 1
            else:
                self.boxes.append(box)
                self.passages.append(passage)

    def _arrive(self) -> list[float]:
        now_s = [0.0] * len(self.boxes)
        for stage in ARRIVAL:
            now_s = self._pass(stage, now_s)
        return now_s

    def _pass(self, stage: Stage, from_s: Sequence[float]) -> list[float]:
        reached_s = [
            begin_s + passage.seconds[stage]
            for begin_s, passage in zip(from_s, self.passages, strict=True)
        ]
        self.course.reached_s[stage] = reached_s
        return reached_s

    def _sync_begins(self, coexisting_s: Sequence[float]) -> list[float]:
        """All wait for the slowest, for as long as the plan says; the late ones follow in a supplement."""
        plan = self.question.plan
        gathered_s = min(max(coexisting_s), plan.patience.gather_h * HOUR_S)
        start_s = min(passage.seconds[Stage.SYNCING] for passage in self.passages)
        began_s = [
            start_s
            + (gathered_s if ready_s <= gathered_s else ready_s + plan.sync.supplement_gather_s)
            for ready_s in coexisting_s
        ]
        self.course.reached_s[Stage.SYNCING] = began_s
        return began_s

    def _copy(self, syncing_s: Sequence[float]) -> list[float]:
        assumed = self.question.assumed
        pace = assumed.mailbox_mib_per_h
        line = assumed.source_mib_per_h / pace if assumed.source_mib_per_h else inf
        work_s = [box.size_bytes / MIB / pace * HOUR_S * self._spread() for box in self.boxes]
        copies = turns(syncing_s, work_s, assumed.concurrent_copies, line)
        self.course.copy_s = [copy.ended_s - copy.began_s for copy in copies]
        self.course.copy_alone_s = [each_s / min(line, 1.0) for each_s in work_s]
        self.course.slot_wait_s = _waits(copies, syncing_s)
        synced_s = [copy.ended_s + self.luck.uniform(0, LOOK_S) for copy in copies]
        self.course.reached_s[Stage.SYNCED] = synced_s
        return synced_s

    def _spread(self) -> float:
        return self.luck.uniform(1 - PACE_SPREAD, 1 + PACE_SPREAD)

    def _cut_over(self, synced_s: Sequence[float]) -> None:
        assumed = self.question.assumed
        asked_s = max(synced_s) + assumed.cutover_after_h * HOUR_S
        begun_s = [
            max(ready_s, asked_s if box.cutover_s is None else box.cutover_s)
            for ready_s, box in zip(synced_s, self.boxes, strict=True)
        ]
        redirected_s = self._pass(Stage.REDIRECTED, self._pass(Stage.DETACHED, begun_s))
        now_s = self._last_deltas(redirected_s)
        for stage in AFTER_DELTA:
            now_s = self._pass(stage, now_s)
        grace_s = self.question.plan.cutover.grace_h * HOUR_S
        self.course.reached_s[CLOSED] = [
            max(done_s, turned_s + grace_s)
            for done_s, turned_s in zip(now_s, redirected_s, strict=True)
        ]

    def _last_deltas(self, redirected_s: Sequence[float]) -> list[float]:
        """The quiet time of the plan runs while the last delta waits for its slot; the later of both counts."""
        assumed = self.question.assumed
        work_s = [assumed.delta_s] * len(self.boxes)
        deltas = turns(redirected_s, work_s, assumed.concurrent_deltas)
        self.course.delta_round_s = len(self.boxes) * assumed.delta_s / assumed.concurrent_deltas
        quiet_s = self._pass(Stage.FINAL_SYNC, redirected_s)
        ended_s = [max(turn.ended_s, at_s) for turn, at_s in zip(deltas, quiet_s, strict=True)]
        self.course.reached_s[Stage.FINAL_SYNC] = ended_s
        return ended_s


def _waits(copies: Sequence[Turn], ready_s: Sequence[float]) -> list[float]:
    return [copy.began_s - begin_s for copy, begin_s in zip(copies, ready_s, strict=True)]


def courses_of(question: Question, seed_count: int, first: int = 0) -> list[Course]:
    """One course for each seed."""
    return [Walk(question, seed).walk() for seed in range(first, first + seed_count)]
