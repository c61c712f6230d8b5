"""One recorded life, killed at every boundary: before and after every step, every port call, every commit, every turn.

Whatever the boundary, the life must end as if nothing had happened: the same canonical state, every promise kept.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

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
# The steps from the wish to the turned alias.
CUTOVER_STEPS = frozenset(
    {
        "grant_wish", "leave_coexistence", "see_membership", "send_probe", "look_for_probe", "switch_route",
        "check_route", "find_bypasses", "request_delta",
    }
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


def boundaries(life: Life) -> list[Fault]:
    """Every place at which a kill can strike this life once."""
    faults: dict[Fault, None] = {}
    existence = Existence(life, swift_host)

    def seen(step: str, call: int, _: str) -> None:
        nth = existence.fates.runs_of(step) - 1
        for kind in AROUND_CALL:
            faults[Fault(kind, step, nth, call)] = None

    existence.fates.call_seen = seen
    try:
        live_through(existence)
    finally:
        existence.close()
    for name, count in existence.fates.run_counts():
        kinds = (FaultKind.KILLED_IN_TURN,) if name.startswith("turn:") else AROUND_STEP
        faults |= {Fault(kind, name, nth): None for nth in range(count) for kind in kinds}
    return list(faults)


def cutover_pairs(faults: list[Fault]) -> Iterator[tuple[Fault, Fault]]:
    """All pairs of kills around the steps of the cutover."""
    around = [f for f in faults if f.step in CUTOVER_STEPS and f.kind in AROUND_STEP]
    yield from combinations(around, 2)


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


def end_with(*faults: Fault) -> str:
    """The end of the recorded life when these strike it."""
    return end_of(replace(RECORDED, faults=faults))
