"""How often one mailbox makes the app call somebody else's service, from its upload to MIGRATED, step by step.

The real stories, steps and adapters live two migrations of different size against the simulated tenant's protocols, in
calm weather. What a mailbox pays for itself is told from what a batch pays for all of its mailboxes together; looks that
found nothing yet stand apart, because they depend on how long the services take.
`python benchmarks/remote_calls.py [--few N] [--more N]`
"""

import argparse
import logging
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bascule.domain.stages import Stage
from sandbox.in_process.simulation import Options
from sandbox.in_process.wired import REMOTE, wired

FEW_COUNT, MORE_COUNT = 4, 12

Bill = dict[str, Counter[str]]
"""{step: {service: calls}}; looks that found nothing yet under EARLY."""
EARLY = "(looks that came too early)"


def bill(people_count: int) -> Bill:
    """What a migration of so many mailboxes calls."""
    with wired(Options(people_count=people_count)) as run:
        run.simulation.upload()
        run.simulation.run_until_all(Stage.SYNCED)
        run.simulation.ask_cutover()
        run.simulation.run_until_all(Stage.MIGRATED)
        steps = run.counting.steps
        found = {name: Counter(calls.answered) for name, calls in steps.items()}
        found[EARLY] = Counter()
        for calls in steps.values():
            found[EARLY].update(calls.too_early)
        return found


def each(few: Bill, more: Bill, step: str, service: str, between: int) -> float:
    """What one mailbox more costs."""
    nothing: Counter[str] = Counter()
    return (more.get(step, nothing)[service] - few.get(step, nothing)[service]) / between


def main() -> None:
    """Live both, and print what each mailbox pays at each step."""
    parser = argparse.ArgumentParser(prog="remote_calls", description=__doc__)
    parser.add_argument("--few", type=int, default=FEW_COUNT)
    parser.add_argument("--more", type=int, default=MORE_COUNT)
    asked = parser.parse_args()
    # The local host warns of habits of the SDK that do not matter to a count.
    logging.disable(logging.WARNING)
    few, more = bill(asked.few), bill(asked.more)
    print(f"{'calls for each mailbox':28}" + "".join(f"{name:>15}" for name in REMOTE))
    sums = Counter[str]()
    for step in sorted(more):
        costs = [each(few, more, step, name, asked.more - asked.few) for name in REMOTE]
        if any(costs):
            print(f"{step:28}" + "".join(f"{cost:15.2f}" for cost in costs))
        if step != EARLY:
            sums.update(dict(zip(REMOTE, costs, strict=True)))
    print(f"{'sum without early looks':28}" + "".join(f"{sums[name]:15.2f}" for name in REMOTE))
    print(f"{'together':28}{sum(sums.values()):15.2f}")
    shared = sum(sum(c.values()) for step, c in few.items() if step != EARLY)
    shared -= round(sum(sums.values()) * asked.few)
    print(f"{'shared by a whole batch':28}{shared:15}")


if __name__ == "__main__":
    main()
