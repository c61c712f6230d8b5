"""Which stage may follow which, cell by cell."""

import itertools

import pytest

from bascule.domain.stages import CUT_OVER, LIFE, Stage, may_follow

# Every allowed step, written down by hand from the page of stages; staying where one is comes besides.
ALLOWED = {
    Stage.REGISTERED: {Stage.SURVEYED, Stage.SET_ASIDE, Stage.ABANDONED},
    Stage.SURVEYED: {Stage.PROVISIONED, Stage.SET_ASIDE, Stage.ABANDONED},
    Stage.PROVISIONED: {Stage.COEXISTING, Stage.SET_ASIDE, Stage.ABANDONED},
    Stage.COEXISTING: {Stage.SYNCING, Stage.SET_ASIDE, Stage.ABANDONED, Stage.ROLLED_BACK},
    Stage.SYNCING: {Stage.SYNCED, Stage.SET_ASIDE, Stage.ABANDONED, Stage.ROLLED_BACK},
    Stage.SYNCED: {Stage.DETACHED, Stage.SET_ASIDE, Stage.ABANDONED, Stage.ROLLED_BACK},
    Stage.DETACHED: {Stage.REDIRECTED, Stage.SYNCED, Stage.SET_ASIDE, Stage.ROLLED_BACK},
    Stage.REDIRECTED: {Stage.FINAL_SYNC, Stage.SET_ASIDE, Stage.ROLLED_BACK},
    Stage.FINAL_SYNC: {Stage.PROVEN, Stage.SET_ASIDE, Stage.ROLLED_BACK},
    Stage.PROVEN: {Stage.MIGRATED, Stage.SET_ASIDE, Stage.ROLLED_BACK},
    Stage.MIGRATED: {Stage.SET_ASIDE, Stage.ROLLED_BACK},
    Stage.SET_ASIDE: set(LIFE) | {Stage.ROLLED_BACK, Stage.ABANDONED},
    Stage.ROLLED_BACK: {Stage.SYNCED, Stage.SET_ASIDE, Stage.ABANDONED},
    Stage.ABANDONED: set(),
}


@pytest.mark.parametrize(
    ("current", "following"),
    list(itertools.product(Stage, Stage)),
    ids=lambda stage: stage.value,
)
def test_only_the_documented_steps_are_allowed(current: Stage, following: Stage) -> None:
    """A step too many lets a bug skip a proof; a step too few strands a mailbox."""
    wanted = current is following or following in ALLOWED[current]

    assert may_follow(current, following) is wanted


def test_once_cut_over_nobody_is_abandoned() -> None:
    """An abandoned mailbox whose alias points at the tenant would lose its mail."""
    assert not any(may_follow(stage, Stage.ABANDONED) for stage in CUT_OVER)
