"""Deliberate bugs: each is found within two hundred seeds; half a minute in all."""

import pytest

from activities.catalogue import WORK
from bascule.domain.stages import Stage
from sandbox.bound.ports import bound_ports
from sandbox.simulate.arms import ARMS, found_by
from sandbox.simulate.existence import Existence
from sandbox.simulate.hosts import swift_host
from sandbox.simulate.life import Life
from sandbox.simulate.transitions import illegal, legal, wrongly_taken

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.mark.parametrize("arm", ARMS)
def test_each_deliberate_bug_is_found(arm: str) -> None:
    """A checker that never bites proves nothing when it is silent; nor does one that bites for another's reason."""
    found = found_by(arm)

    assert found is not None
    assert found.broken == ARMS[arm].promise
    assert found.tail


def test_every_arm_names_steps_that_exist() -> None:
    """An arm on a step that was renamed would switch nothing on."""
    names = {work.__name__ for work in WORK}

    assert {step for arm in ARMS.values() for step in arm.bugs} <= names


def test_every_illegal_change_of_stage_is_refused() -> None:
    """The ledger is the last to say no when a story is wrong."""
    life = Existence(Life(seed=0, batches=((0,),)), swift_host)
    try:
        assert wrongly_taken(bound_ports(life.world, life.plan)) == set()
    finally:
        life.close()
    assert len(illegal()) > len(legal())
    assert (Stage.REDIRECTED, Stage.COEXISTING) in illegal()
