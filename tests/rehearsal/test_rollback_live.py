"""Half of the mailboxes go back after mail has reached them in the cloud, and are cut over again, five times."""

from collections.abc import Iterator

import pytest

from sandbox.rehearsal.judgement import Judgement
from sandbox.rehearsal.stage import Stage
from tests.rehearsal.conftest import OpenStage
from tests.rehearsal.stories import options, until_synced

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

CYCLE_COUNT = 5
LETTER_COUNT = 2


@pytest.fixture(scope="module")
def cycled(open_stage: OpenStage) -> Iterator[tuple[Stage, list[Judgement], list[Judgement]]]:
    """The stage, with the verdicts after each rollback and after each cutover. Five minutes."""
    with open_stage(options(4, list_count=0, cutover={"quiet_s": 1800})) as stage:
        until_synced(stage)
        half = stage.addresses[::2]
        at_home: list[Judgement] = []
        in_cloud = [_cut_over(stage, stage.addresses)]
        for _ in range(CYCLE_COUNT):
            _write_to(stage, half)
            stage.drain()
            stage.operator.ask("rollback", list(half))
            _write_to(stage, half)
            stage.operator.wait_for(half, "ROLLED_BACK", "SET_ASIDE")
            at_home.append(stage.judge())
            in_cloud.append(_cut_over(stage, half))
        yield stage, at_home, in_cloud


def test_after_every_rollback_all_mail_is_home_once(
    cycled: tuple[Stage, list[Judgement], list[Judgement]],
) -> None:
    """Somebody who is rolled back must find what arrived meanwhile, and find it once."""
    _, at_home, _ = cycled

    assert [judgement.named for judgement in at_home] == [()] * CYCLE_COUNT


def test_after_every_further_cutover_all_mail_is_in_the_cloud_once(
    cycled: tuple[Stage, list[Judgement], list[Judgement]],
) -> None:
    """A second attempt must not be paid for with doubled mail."""
    _, _, in_cloud = cycled

    assert [judgement.named for judgement in in_cloud] == [()] * (CYCLE_COUNT + 1)


def test_nobody_is_set_aside_by_going_to_and_fro(
    cycled: tuple[Stage, list[Judgement], list[Judgement]],
) -> None:
    """A rollback that ends a mailbox's way would not be one."""
    stage, _, _ = cycled

    assert {stage.operator.end_of(address) for address in stage.addresses} == {("MIGRATED", "")}


def _cut_over(stage: Stage, addresses: tuple[str, ...]) -> Judgement:
    stage.operator.ask("cutover", list(addresses))
    _write_to(stage, addresses)
    stage.operator.wait_for(addresses, "MIGRATED", "SET_ASIDE")
    return stage.judge()


def _write_to(stage: Stage, addresses: tuple[str, ...]) -> None:
    for _ in range(LETTER_COUNT):
        for index, address in enumerate(addresses):
            stage.post.from_outside(address)
            stage.post.from_inside(addresses[index - 1], address)
