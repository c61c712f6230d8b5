"""Recorded lives killed at every boundary, and one at pairs of boundaries of its cutover; some minutes on two cores."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from sandbox.simulate.crash_points import (
    AROUND_CALL,
    AROUND_STEP,
    RECORDED,
    ROLLED_BACK,
    boundaries,
    cutover_kills,
    cutover_pairs,
    end_of,
    end_with,
    way_back_kills,
)
from sandbox.simulate.life import Fault, FaultKind, Life

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PROCESS_COUNT = 2
CHUNK_COUNT = 20
HASH_LENGTH = 64
Kills = tuple[Fault, ...]


def others(life: Life, kills: list[Kills]) -> dict[Kills, str]:
    """The ends of a life under each set of kills, as far as they differ from the undisturbed one."""
    undisturbed = end_of(life)
    assert len(undisturbed) == HASH_LENGTH, undisturbed
    with ProcessPoolExecutor(PROCESS_COUNT, mp_context=get_context("fork")) as pool:
        ends = pool.map(end_with, [life] * len(kills), kills, chunksize=CHUNK_COUNT)
        return {some: end for some, end in zip(kills, ends, strict=True) if end != undisturbed}


def test_a_kill_at_every_boundary_changes_nothing() -> None:
    """Hosts are killed by every deployment, at any instant."""
    kills = [boundary.kill for boundary in boundaries(RECORDED)]

    assert {kill.kind for kill in kills} == {*AROUND_CALL, *AROUND_STEP, FaultKind.KILLED_IN_TURN}
    assert len(kills) > 3_000
    assert others(RECORDED, [(kill,) for kill in kills]) == {}


def test_a_kill_at_every_boundary_of_a_way_back_changes_nothing() -> None:
    """A rollback is asked for when something is wrong already."""
    kills = way_back_kills()
    steps = {kill.step for kill in kills}

    assert {"switch_route", "join_coexistence", "bring_home", "remove_strays"} <= steps
    assert {"turn:mailbox", "turn:rollback"} <= steps
    assert len(kills) > 300
    assert others(ROLLED_BACK, [(kill,) for kill in kills]) == {}


def test_two_kills_that_each_leave_a_state_behind_between_wish_and_redirect_change_nothing() -> (
    None
):
    """The second kill strikes while the first one is being repaired."""
    kills = cutover_kills()
    pairs: list[Kills] = list(cutover_pairs(kills))

    assert {"leave_coexistence", "switch_route", "record_progress"} <= {kill.step for kill in kills}
    assert len(kills) > 80
    assert len(pairs) > 3_500
    assert others(RECORDED, pairs) == {}
