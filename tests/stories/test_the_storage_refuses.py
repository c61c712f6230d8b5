"""The app's own storage refuses, or is away, for a while: no story ends, and everything goes on when it is granted again."""

import json
from dataclasses import replace
from typing import Any

import pytest

from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.records import batch_instance_id
from bascule.domain.stages import Stage
from bascule.ports.bundle import Ports
from sandbox.bound.ports import BoundPorts
from sandbox.in_process.simulation import BATCH, Simulation
from sandbox.world.world import World
from tests.stories.conftest import Simulate


class RoleTaken:
    """A ledger whose role was taken away from the app, for as long as `is_taken`."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger
        self.is_taken = False
        self.code = Code.PERMISSION_MISSING
        self.spared_count = 0
        """So many calls are still answered."""

    def __getattr__(self, name: str) -> Any:
        if self.is_taken:
            if not self.spared_count:
                raise Refusal(self.code, "reading mailboxes: answered 403")
            self.spared_count -= 1
        return getattr(self._ledger, name)


def with_role(simulate: Simulate, **options: Any) -> tuple[Simulation, RoleTaken]:
    """A simulated migration, and the hand on the app's role."""
    hands: list[RoleTaken] = []

    def change(_: World, ports: BoundPorts) -> Ports:
        hands.append(RoleTaken(ports.ledger))
        return replace(ports, ledger=hands[0])

    simulation = simulate(change_ports=change, **options)
    return simulation, hands[0]


@pytest.mark.parametrize("code", [Code.PERMISSION_MISSING, Code.REQUEST_REJECTED])
@pytest.mark.parametrize("spared_count", [0, 1, 2])
def test_no_story_ends_while_the_ledger_is_refused(
    simulate: Simulate, spared_count: int, code: Code
) -> None:
    """Every mailbox that woke meanwhile would stand still until the watchdog missed it, a day later."""
    simulation, hand = with_role(simulate, people_count=2)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    hand.is_taken, hand.code = True, code
    for person in simulation.people:
        hand.spared_count = spared_count
        simulation.ring(person.address)
    simulation.knock()
    simulation.pass_time(hours=1)
    told = status_of(simulation, simulation.story_of(simulation.people[0].address))
    assert "answered 403" in told["waiting_for"]
    hand.is_taken = False
    simulation.pass_time(hours=1)

    stories = [simulation.story_of(person.address) for person in simulation.people]
    for story in (*stories, batch_instance_id(BATCH)):
        assert simulation.engine.control.instance(story).status == "Running"
    assert simulation.stages() == {Stage.SYNCED: 2}
    simulation.ask_cutover()
    simulation.run_until_all(Stage.MIGRATED)


def status_of(simulation: Simulation, instance_id: str) -> dict[str, Any]:
    """The custom status of a story."""
    custom_status = simulation.engine.control.instance(instance_id).custom_status
    told: dict[str, Any] = json.loads(custom_status or "{}")
    return told
