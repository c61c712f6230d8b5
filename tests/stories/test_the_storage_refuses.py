"""The app's own storage refuses, or is away, for a while: no story ends, and everything goes on when it is granted again."""

import json
from dataclasses import replace
from typing import Any

import pytest

from bascule.domain.codec import encode
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.records import batch_instance_id
from bascule.domain.requests import BatchRef
from bascule.domain.stages import Stage
from bascule.ports.blob_store import Upload
from bascule.ports.bundle import Ports
from sandbox.bound.ports import BoundPorts
from sandbox.in_process.simulation import BATCH, Simulation
from sandbox.world.world import World
from tests.stories.conftest import Simulate
from tests.stories.endings import judge_life
from triggers.views import batch_view, refused_view


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
        return replace(ports, ledger=hands[0])  # type: ignore[arg-type]

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


class RefusedUpload:
    """Blobs whose folder of uploads the app may not read, for as long as `is_refused`."""

    def __init__(self, blobs: Any) -> None:
        self._blobs = blobs
        self.is_refused = False

    def find_upload(self, name: str) -> Upload | None:
        """Refused, or as it is."""
        if self.is_refused:
            raise Refusal(
                Code.REQUEST_REJECTED, f"reading the upload of batch {name}: answered 409"
            )
        found: Upload | None = self._blobs.find_upload(name)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)


def hand_on_uploads(simulation: Simulation) -> RefusedUpload:
    """The folder of uploads, to be refused."""
    hand = RefusedUpload(simulation.ports.blobs)
    object.__setattr__(simulation.ports, "blobs", hand)
    return hand


def test_an_upload_that_cannot_be_read_holds_up_nothing_else_and_is_told_daily(
    simulate: Simulate,
) -> None:
    """One file in the way, and a whole batch stood still with nobody told."""
    simulation = simulate(people_count=2)
    simulation.upload()
    simulation.run_until(lambda: Stage.PROVISIONED in simulation.stages())
    hand = hand_on_uploads(simulation)
    hand.is_refused = True
    began_count = len(simulation.ports.notifier.alerts)
    simulation.run_until_all(Stage.SYNCED)
    simulation.pass_time(days=2)
    batch = simulation.batch()
    assert batch is not None
    told = [subject for subject, _ in simulation.ports.notifier.alerts[began_count:]]
    assert 2 <= told.count(f"Batch {BATCH} is held up") <= 4
    shown = batch_view(simulation.ports, batch)
    assert "answered 409" in shown["held_up"]["detail"]
    assert status_of(simulation, batch_instance_id(BATCH))["state"] == "held up"

    hand.is_refused = False
    simulation.ask_cutover()
    simulation.run_until_closed()
    assert "held_up" not in batch_view(simulation.ports, batch)
    judge_life(simulation)


def test_a_first_upload_that_cannot_be_read_is_shown_and_taken_in_later(
    simulate: Simulate,
) -> None:
    """The API said that there was no such batch, and the story that everything was well."""
    simulation = simulate(people_count=1)
    hand = hand_on_uploads(simulation)
    hand.is_refused = True
    simulation.upload()
    view = refused_view(simulation.ports, BATCH)
    assert view is not None
    assert view["state"] == "held up"

    hand.is_refused = False
    simulation.run_until_all(Stage.SYNCED)


def test_a_look_that_an_older_version_began_ends_as_it_would_have(simulate: Simulate) -> None:
    """Its history has no step behind the refusal; one more would break the story at its replay."""
    simulation = simulate(people_count=1)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    hand_on_uploads(simulation).is_refused = True
    simulation.lose_story(batch_instance_id(BATCH))
    before = simulation.witness.runs.copy()
    simulation.engine.start("batch", encode(BatchRef(BATCH)), batch_instance_id(BATCH))
    simulation.settle()
    assert +(simulation.witness.runs - before) == {"validate_upload": 1}

    simulation.pass_time(hours=1)
    assert (simulation.witness.runs - before)["serve_deltas"] > 0
    assert simulation.witness.broken == []


def status_of(simulation: Simulation, instance_id: str) -> dict[str, Any]:
    """The custom status of a story."""
    custom_status = simulation.engine.control.instance(instance_id).custom_status
    told: dict[str, Any] = json.loads(custom_status or "{}")
    return told
