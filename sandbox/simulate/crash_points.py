"""Recorded lives, killed at every boundary: before and after every step, every port call, every commit, every turn.

Whatever the boundary, the life must end as if nothing had happened: the same canonical state, every promise kept.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

from bascule.domain.stages import Stage
from sandbox.simulate import promises
from sandbox.simulate.draw import MESSAGE_MAX_BYTES
from sandbox.simulate.existence import Existence, LifeBroken
from sandbox.simulate.hosts import swift_host
from sandbox.simulate.life import Deed, DeedKind, Fault, FaultKind, Life, Pace
from sandbox.simulate.living import live_through
from sandbox.world.verdict import canonical_state
from sandbox.world.weather import Weather

HOUR_S = 3600.0
AROUND_STEP = (
    FaultKind.KILLED_BEFORE_STEP,
    FaultKind.KILLED_AFTER_STEP,
    FaultKind.KILLED_AFTER_COMMIT,
)
AROUND_CALL = (FaultKind.KILLED_BEFORE_CALL, FaultKind.KILLED_AFTER_CALL)
# What ports are asked for between the wish and the redirect without changing anything; whatever else is called writes.
READS = frozenset(
    {
        "alias_map.bypasses", "alias_map.route", "cloud_mail.find_by_subject", "documents.find", "exchange.coexistence_members",
        "exchange.sync_users", "ledger.find_mailbox",
    }
)  # fmt: skip
# What many mailboxes see together is looked up anew when it is old: a kill around it is enough alone.
SEEN_TOGETHER = "boards."
# A kill anywhere else leaves the same state behind as one of these: after a read that of the write before it or of the
# step's begin, before a call that of the call before it, after a step that of its last call.
LEAVING_A_STATE = frozenset(
    {FaultKind.KILLED_BEFORE_STEP, FaultKind.KILLED_AFTER_COMMIT, FaultKind.KILLED_IN_TURN}
)
# The story of the batch goes its own way beside the cutover.
BATCH_WORK = frozenset(
    {"validate_upload", "read_progress", "build_sync_batches", "serve_deltas", "report_late_sync", "turn:batch"}
)  # fmt: skip

# Waits are short, so that the same boundaries come in fewer looks; no promise depends on how long they are.
RECORDED = Life(
    seed=4,
    batches=((0,),),
    messages_each=2,
    days=0.4,
    pace=Pace(hold_s=300, probe_count=1, probe_interval_s=60, quiet_s=600, grace_h=1),
    weather=Weather(migration_message_max_bytes=MESSAGE_MAX_BYTES),
    deeds=(
        Deed(60.0, DeedKind.UPLOAD),
        Deed(1 * HOUR_S, DeedKind.MAIL_OUTSIDE, people=(0,)),
        Deed(2 * HOUR_S, DeedKind.CUTOVER, people=(0,)),
        Deed(2 * HOUR_S + 30, DeedKind.MAIL_INSIDE, people=(0,)),
        Deed(2.5 * HOUR_S, DeedKind.MAIL_OUTSIDE, people=(0,)),
    ),
)
# Turned back a while after the redirect, with mail in the cloud to bring home.
ROLLED_BACK = replace(
    RECORDED,
    deeds=(
        *RECORDED.deeds,
        Deed(2.6 * HOUR_S, DeedKind.MAIL_INSIDE, people=(0,)),
        Deed(2.75 * HOUR_S, DeedKind.ROLLBACK, people=(0,)),
        Deed(3 * HOUR_S, DeedKind.MAIL_OUTSIDE, people=(0,)),
    ),
)


@dataclass(frozen=True)
class Boundary:
    """A place at which a kill can strike: which kill, at which call, and how far the only mailbox had come."""

    kill: Fault
    call: str
    stage: Stage | None


def boundaries(life: Life) -> list[Boundary]:
    """Every place at which a kill can strike this life once, in the order in which it comes by."""
    found: list[Boundary] = []
    existence = Existence(life, swift_host)

    def seen(kill: Fault, call: str) -> None:
        found.append(Boundary(kill, call, next(iter(existence.stages.values()), None)))

    existence.fates.boundary_seen = seen
    try:
        live_through(existence)
    finally:
        existence.close()
    return found


def cutover_kills() -> list[Fault]:
    """From the wish to the redirect: every kill that leaves a state of its own behind, and one in every turn."""
    passed = boundaries(RECORDED)
    first = _first_of(passed, "grant_wish")
    last = next(n for n, boundary in enumerate(passed) if boundary.stage is Stage.REDIRECTED)
    return [
        boundary.kill
        for boundary in passed[first:last]
        if boundary.kill.step not in BATCH_WORK and _leaves_a_state(boundary)
    ]


def way_back_kills() -> list[Fault]:
    """Every kill from the wish for a rollback on; until the mailbox is home also those in the batch's work."""
    passed = boundaries(ROLLED_BACK)
    return [
        boundary.kill
        for boundary in passed[_first_of(passed, "turn:rollback") :]
        if boundary.stage is not Stage.ROLLED_BACK or boundary.kill.step not in BATCH_WORK
    ]


def _first_of(passed: Sequence[Boundary], step: str) -> int:
    return next(n for n, boundary in enumerate(passed) if boundary.kill.step == step)


def _leaves_a_state(boundary: Boundary) -> bool:
    kind = boundary.kill.kind
    if kind is FaultKind.KILLED_AFTER_CALL:
        return boundary.call not in READS and not boundary.call.startswith(SEEN_TOGETHER)
    return kind in LEAVING_A_STATE


def cutover_pairs(kills: Sequence[Fault]) -> Iterator[tuple[Fault, Fault]]:
    """All pairs of these, and with each also all of the same step's next run, which repairs what the first one broke."""
    yield from combinations(kills, 2)
    known = set(kills)
    for first, second in product(kills, kills):
        again = replace(second, nth=second.nth + 1)
        is_repair = (first.step, first.nth) == (second.step, second.nth)
        if is_repair and not first.step.startswith("turn:") and again not in known:
            yield first, again


def end_of(life: Life) -> str:
    """The canonical end of a life, or the promise that it broke."""
    existence = Existence(life, swift_host)
    existence.look = promises.after_every_step
    existence.stage_seen = promises.at_a_stage
    try:
        live_through(existence)
        promises.at_the_end(existence)
        return _canonical(existence)
    except LifeBroken as broken:
        return str(broken)
    finally:
        existence.close()


def _canonical(life: Existence) -> str:
    """Digest of the end. What lies at the source is left out: a kill delays, and a letter may then arrive on either side."""
    state = canonical_state(life.world)
    del state["source"]
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def end_with(life: Life, kills: tuple[Fault, ...]) -> str:
    """The end of a life when these strike it."""
    return end_of(replace(life, faults=kills))
