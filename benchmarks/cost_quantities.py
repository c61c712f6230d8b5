"""How often stories and steps run for a migration: what is billed, counted by living two small ones.

The real stories and steps run on the simulated tenant, without waiting: one migration of few mailboxes and one of more.
What grows with the mailboxes is told from what does not, and both are carried over to a batch of a thousand. What that
costs, azure_bill.py reckons. `python benchmarks/cost_quantities.py [--mailboxes N] [--days N]`
"""

import argparse
import logging
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bascule.domain.stages import Stage
from benchmarks.azure_bill import INSTANCE_GB, THOUSAND, Migration, sums_table
from sandbox.in_process.simulation import Options, Simulation

FEW_COUNT, MORE_COUNT = 4, 12
# A month of daily syncs before the cutover.
SYNCED_DAYS = 30


@dataclass(frozen=True)
class Runs:
    """What ran up to one moment."""

    steps: int
    turns: int

    def since(self, before: "Runs") -> "Runs":
        """What ran between the two."""
        return Runs(self.steps - before.steps, self.turns - before.turns)


def seen(simulation: Simulation) -> Runs:
    """What has run until now."""
    witness = simulation.witness
    return Runs(sum(witness.runs.values()), sum(witness.turns.values()))


def lived(people_count: int, synced_days: int) -> dict[str, Runs]:
    """The runs of each part of a migration of so many mailboxes."""
    with Simulation(Options(people_count=people_count)) as simulation:
        moments = [seen(simulation)]
        simulation.upload()
        simulation.run_until_all(Stage.SYNCED)
        moments.append(seen(simulation))
        simulation.pass_time(days=synced_days)
        moments.append(seen(simulation))
        simulation.ask_cutover()
        simulation.run_until_closed()
        moments.append(seen(simulation))
    names = ("upload to SYNCED", f"{synced_days} days of daily syncs", "cutover to the close")
    return {
        name: after.since(before)
        for name, before, after in zip(names, moments, moments[1:], strict=False)
    }


def carried_over(few: int, more: int, mailbox_count: int) -> int:
    """What would run for `mailbox_count`, when it grows evenly."""
    each = (more - few) / (MORE_COUNT - FEW_COUNT)
    return round(few + each * (mailbox_count - FEW_COUNT))


def counted(mailbox_count: int, synced_days: int) -> dict[str, Runs]:
    """The runs of each part of a migration of `mailbox_count`."""
    few, more = lived(FEW_COUNT, synced_days), lived(MORE_COUNT, synced_days)
    return {
        name: Runs(
            carried_over(few[name].steps, more[name].steps, mailbox_count),
            carried_over(few[name].turns, more[name].turns, mailbox_count),
        )
        for name in few
    }


def executions_of(parts: dict[str, Runs]) -> int:
    """Every run of a step, and every turn of a story, is an execution."""
    return sum(runs.steps + runs.turns for runs in parts.values())


def main() -> None:
    """Live, count and print."""
    parser = argparse.ArgumentParser(prog="cost_quantities", description=__doc__)
    parser.add_argument("--mailboxes", type=int, default=THOUSAND.mailbox_count)
    parser.add_argument("--days", type=int, default=SYNCED_DAYS, help="of waiting in SYNCED")
    asked = parser.parse_args()
    # The local host warns of habits of the SDK that do not matter to a count.
    logging.disable(logging.WARNING)
    parts = counted(asked.mailboxes, asked.days)
    print(f"for {asked.mailboxes} mailboxes{'steps':>20}{'story turns':>16}")
    for name, runs in parts.items():
        print(f"{name:28}{runs.steps:>12}{runs.turns:>16}")
    executions = executions_of(parts)
    print(f"executions, and actions of the scheduler at least {executions:>12}")
    print(f"GB-seconds, each one a second alone on its instance {executions * INSTANCE_GB:>10}")
    # To the thousand, as the page says it.
    print(f"\n{sums_table(Migration(asked.mailboxes, round(executions, -3)))}")


if __name__ == "__main__":
    main()
