"""A mailbox that holds messages twice is migrated, and everybody who should know is told."""

from bascule.domain.stages import Stage
from sandbox.in_process.simulation import BATCH, Simulation
from sandbox.world.mail import MailStore
from tests.stories.conftest import Simulate
from triggers.dashboard_facts import dashboard_facts
from triggers.dashboard_page import to_do
from triggers.dashboard_words import ENGLISH
from triggers.views import batch_view, mailbox_view


def copied_again(store: MailStore) -> int:
    """Every message of one folder a second time, as after a renumbering of the source; how many."""
    folder = next(each for each, _ in store.walk())
    messages = list(folder.messages.values())
    for each in messages:
        folder.add(each.raw, each.flags, each.internal_utc)
    return len(messages)


def alerts(simulation: Simulation) -> list[tuple[str, str]]:
    """What the operator was told of it."""
    return [each for each in simulation.ports.notifier.alerts if "twice" in each[0]]


def test_messages_twice_are_told_and_hold_nothing_up(simulate: Simulate) -> None:
    """The owner would be the first to find out, and ask a help desk that knows of nothing."""
    simulation = simulate(people_count=2)
    anna = simulation.people[0]
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    mailbox = simulation.world.tenant.mailboxes.at_address(anna.address)
    assert mailbox is not None
    count = copied_again(mailbox.store)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.MIGRATED)
    simulation.pass_time(days=3)

    row, batch = simulation.record_of(anna.address), simulation.batch()
    assert batch is not None
    assert mailbox_view(row)["doubled_count"] == count > 0
    assert batch_view(simulation.ports, batch)["doubled"] == {anna.address: count}
    [(_, text)] = alerts(simulation)
    assert f"{anna.address}: {count}" in text
    [facts] = dashboard_facts(simulation.ports).batches
    assert ENGLISH.do_doubled.format(count=1) in list(to_do(facts, ENGLISH))
    simulation.run_until_closed()
    last = {
        each["address"]: each for each in simulation.report(f"{BATCH}/report.json")["mailboxes"]
    }
    assert last[anna.address]["doubled_messages"] == count
    assert len(alerts(simulation)) == 1
