"""What every simulated life is judged by at its end: the promises of the design, one by one."""

from bascule.domain.stages import Stage
from sandbox.in_process.simulation import BATCH, Simulation

# The design's promise for one generation of a story.
HISTORY_EVENTS_MAX = 200


def judge_life(simulation: Simulation) -> None:
    """Every invariant that must hold at the end, whatever happened on the way."""
    nothing_is_lost_or_doubled(simulation)
    assert simulation.violations == [], "both redirects at once"
    assert simulation.probes_left() == [], "a user meets a probe"
    assert simulation.witness.broken == [], "a step or a story broke"
    assert simulation.witness.leaks == set(), "a password passed through the engine"
    assert kept_in_clear(simulation) == [], "a password stands somewhere"
    longest = simulation.witness.longest.most_common(1)
    assert longest[0][1] <= HISTORY_EVENTS_MAX, longest
    seats_are_enough(simulation)


def nothing_is_lost_or_doubled(simulation: Simulation) -> None:
    """Invariants 1 and 2, as the mail itself shows them."""
    verdict = simulation.verdict()
    assert verdict.lost == ()
    assert verdict.doubled == ()
    assert verdict.nowhere == ()
    assert verdict.loop_count == 0
    assert verdict.in_flight_count == 0


def kept_in_clear(simulation: Simulation) -> list[str]:
    """Where a password can be read outside the sealed store: rows, journal, reports, archive, alerts."""
    ports = simulation.ports
    places = {
        "batches": repr(list(ports.ledger.batches())),
        "alerts": repr(ports.notifier.alerts),
        **{f"reports/{path}": content.decode() for path, content in ports.blobs.reports.items()},
        **{f"archive/{path}": content.decode() for path, content in ports.blobs.archive.items()},
    }
    for batch in ports.ledger.batches():
        places[f"mailboxes/{batch.name}"] = repr(list(ports.ledger.mailboxes(batch.name)))
        places[f"journal/{batch.name}"] = repr(list(ports.journal.entries(batch.name)))
    words = simulation.witness.forbidden
    return [place for place, text in places.items() if any(word in text for word in words)]


def seats_are_enough(simulation: Simulation) -> None:
    """Invariant 5: never more licences than seats."""
    directory = simulation.world.tenant.directory
    for sku_id in directory.shelf.products:
        assert directory.consumed(sku_id) <= directory.shelf.seats[sku_id].assignable()


def batch_has_let_go(simulation: Simulation, batch: str = BATCH) -> None:
    """A closed batch holds nothing: no password, no sync batch, no address."""
    assert simulation.is_closed(batch)
    assert simulation.ports.secrets.kept_count(batch) == 0
    assert batch not in simulation.ports.ledger.claimed().values()
    simulation.pass_time(hours=1)
    names = [each.name for each in simulation.world.tenant.migration.batches()]
    assert [name for name in names if name == batch or name.startswith(f"{batch}-")] == []


def all_migrated(simulation: Simulation, batch: str = BATCH) -> None:
    """Carry a batch that waits for its cutover to its end."""
    simulation.run_until_all(Stage.SYNCED, batch=batch)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.MIGRATED, batch=batch)
