"""One life killed at every boundary, and at every pair of boundaries of its cutover; two minutes on two cores."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from sandbox.simulate.crash_points import (
    AROUND_CALL,
    AROUND_STEP,
    RECORDED,
    boundaries,
    cutover_pairs,
    end_with,
)
from sandbox.simulate.life import Fault, FaultKind

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PROCESS_COUNT = 2
CHUNK_COUNT = 20
HASH_LENGTH = 64


def ends(kills: list[tuple[Fault, ...]]) -> dict[tuple[Fault, ...], str]:
    """How the recorded life ends under each set of kills."""
    with ProcessPoolExecutor(PROCESS_COUNT, mp_context=get_context("fork")) as pool:
        found = pool.map(end_under, kills, chunksize=CHUNK_COUNT)
        return dict(zip(kills, found, strict=True))


def end_under(kills: tuple[Fault, ...]) -> str:
    """The end under one set of kills."""
    return end_with(*kills)


@pytest.fixture(scope="module")
def undisturbed() -> str:
    """The end that every other one is held against."""
    end = end_with()
    assert len(end) == HASH_LENGTH, end
    return end


def test_a_kill_at_every_boundary_changes_nothing(undisturbed: str) -> None:
    """Hosts are killed by every deployment, at any instant."""
    faults = boundaries(RECORDED)
    kinds = {fault.kind for fault in faults}
    others = {
        kills: end for kills, end in ends([(f,) for f in faults]).items() if end != undisturbed
    }

    assert kinds == {*AROUND_CALL, *AROUND_STEP, FaultKind.KILLED_IN_TURN}
    assert len(faults) > 1_000
    assert others == {}


def test_two_kills_anywhere_in_the_cutover_change_nothing(undisturbed: str) -> None:
    """The second kill strikes while the first one is being repaired."""
    pairs: list[tuple[Fault, ...]] = list(cutover_pairs(boundaries(RECORDED)))
    others = {kills: end for kills, end in ends(pairs).items() if end != undisturbed}

    assert len(pairs) > 100
    assert others == {}
