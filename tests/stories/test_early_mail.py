"""Mail of colleagues that reaches a cloud mailbox before the coexistence group is in force."""

from dataclasses import replace

from bascule.domain.records import Wish
from bascule.domain.stages import Stage
from sandbox.in_process.simulation import Simulation
from sandbox.world.weather import CALM, Span
from tests.stories.conftest import Simulate
from tests.stories.endings import judge_life

SLOW_GROUPS = replace(CALM, group_cache_age=Span(3 * 3600, 3 * 3600))


def with_early_mail(simulate: Simulate) -> Simulation:
    """Two mailboxes, open in the cloud and not yet known to the rule, that colleagues have written to."""
    simulation = simulate(people_count=2, weather=SLOW_GROUPS, seed=11)
    simulation.upload()
    simulation.run_until_all(Stage.PROVISIONED)
    for person in simulation.people:
        simulation.mail_to(person.address, from_inside=True)
    simulation.pass_time(hours=1)
    for person in simulation.people:
        simulation.mail_to(person.address, from_inside=True)
    assert set(in_cloud(simulation).values()) != {0}, (
        "nothing came too early: the test shows nothing"
    )
    return simulation


def in_cloud(simulation: Simulation) -> dict[str, int]:
    """How many messages each cloud mailbox holds."""
    boxes = simulation.world.tenant.mailboxes
    counts = {}
    for person in simulation.people:
        box = boxes.at_address(person.address)
        counts[person.address] = 0 if box is None else len(list(box.store.walk()))
    return counts


def test_early_mail_is_home_before_the_first_copy(simulate: Simulate) -> None:
    """A user who reads at the source would miss a colleague's mail until the day of the cutover."""
    simulation = with_early_mail(simulate)

    simulation.run_until_all(Stage.COEXISTING)

    assert set(in_cloud(simulation).values()) == {0}
    judge_life(simulation)


def test_early_mail_survives_a_way_there_and_back(simulate: Simulate) -> None:
    """It would be in the cloud alone, and a rollback would leave it there."""
    simulation = with_early_mail(simulate)
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.MIGRATED)

    simulation.ask(Wish.ROLLBACK)
    simulation.run_until_all(Stage.ROLLED_BACK)
    simulation.pass_time(hours=12)

    judge_life(simulation)


def test_a_mailbox_given_up_early_takes_its_mail_home_and_goes_on_receiving_there(
    simulate: Simulate,
) -> None:
    """Abandoned between account and group, it would swallow its colleagues' mail for ever."""
    simulation = with_early_mail(simulate)

    assert simulation.ask(Wish.ABANDON)["granted"] == 2
    simulation.run_until_all(Stage.ABANDONED)
    for person in simulation.people:
        simulation.mail_to(person.address, from_inside=True)
    simulation.pass_time(hours=2)

    assert set(in_cloud(simulation).values()) == {0}
    judge_life(simulation)


def test_what_cannot_come_home_is_told_when_a_mailbox_is_given_up(simulate: Simulate) -> None:
    """The password was changed: the operator has to know that mail waits in the cloud mailbox."""
    simulation = with_early_mail(simulate)
    anna = simulation.people[0]
    source = simulation.world.source.at_address(anna.address)
    assert source is not None
    source.password = "another one"

    simulation.ask(Wish.ABANDON, [anna.address])
    simulation.run_until(lambda: simulation.record_of(anna.address).stage is Stage.ABANDONED)

    assert "was not brought home" in simulation.record_of(anna.address).detail
