"""Three hundred lives under fixed seeds; a minute or two on two free cores."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from sandbox.simulate.draw import draw_life
from sandbox.simulate.hosts import sdk_host
from sandbox.simulate.kept import KEPT, read_back, write_down
from sandbox.simulate.life import Life
from sandbox.simulate.living import Outcome, live
from sandbox.simulate.shrink import shrink

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SEED_COUNT = 300
PROCESS_COUNT = 2
KEPT_COUNT_MIN = 13
ROOT = Path(__file__).parents[2]
KEPT_LIVES = sorted((ROOT / KEPT).glob("*.json"))


def told(outcome: Outcome) -> str:
    """What a failed test shows."""
    return "\n".join(
        (f"seed {outcome.life.seed}: {outcome.broken}: {outcome.detail}", *outcome.tail)
    )


def of_seed(seed: int) -> Outcome:
    """The outcome of a drawn life."""
    return live(draw_life(seed))


def test_three_hundred_lives_keep_every_promise() -> None:
    """Nothing lost, no loop, at any crash: no list of cases can say that, many lives can."""
    with ProcessPoolExecutor(PROCESS_COUNT, mp_context=get_context("fork")) as pool:
        broken = [each for each in pool.map(of_seed, range(SEED_COUNT), chunksize=5) if each.broken]

    assert broken == [], "\n\n".join(map(told, broken))


def test_the_same_seed_is_the_same_life() -> None:
    """A failure that cannot be seen again cannot be mended."""
    first, second = of_seed(7), of_seed(7)

    assert first.log_hash == second.log_hash
    assert first.event_count > 100


@pytest.mark.parametrize("seed", [3, 12])
def test_the_engine_with_the_sdk_keeps_the_promises_too(seed: int) -> None:
    """The swift host is only worth as much as it is like the engine; some seconds each."""
    through_sdk = live(draw_life(seed), make_host=sdk_host)

    assert through_sdk.broken == "", told(through_sdk)
    assert through_sdk.stages == of_seed(seed).stages


def test_lives_that_once_broke_a_promise_are_kept() -> None:
    """An empty folder, or one that was moved, would pass in silence."""
    assert len(KEPT_LIVES) >= KEPT_COUNT_MIN


@pytest.mark.parametrize("path", KEPT_LIVES, ids=lambda path: path.stem)
def test_a_life_that_once_broke_a_promise_keeps_it_now(path: Path) -> None:
    """Each of these was a defect of the product."""
    outcome = live(read_back(path))

    assert outcome.broken == "", told(outcome)


def test_a_life_is_written_down_and_read_back(tmp_path: Path) -> None:
    """A kept case that comes back changed would test something else."""
    life = draw_life(11)

    assert read_back(write_down(life, "1 no loop", tmp_path)) == life


def test_a_shrunk_life_keeps_only_what_matters() -> None:
    """Nobody understands a failure among thirty deeds and thirteen faults."""
    life = next(life for life in map(draw_life, range(100)) if len(life.faults) > 3)

    def breaks(candidate: Life) -> bool:
        return life.faults[1] in candidate.faults

    smaller = shrink(life, breaks)
    assert smaller.faults == (life.faults[1],)
    assert smaller.deeds == ()
    assert smaller.people_count == 1
