"""Many lives, on as many processes as there are cores: `python -m sandbox.simulate --count 2000`."""

import argparse
import logging
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice

from sandbox.bound.ports import bound_ports
from sandbox.simulate.census import Census
from sandbox.simulate.draw import draw_life
from sandbox.simulate.existence import Existence
from sandbox.simulate.hosts import swift_host
from sandbox.simulate.kept import write_down
from sandbox.simulate.life import Life
from sandbox.simulate.living import Outcome, live
from sandbox.simulate.shrink import shrink
from sandbox.simulate.transitions import Pair, illegal, wrongly_taken

PROCESSES = 2
CHUNK = 4
HASH_SHOWN = 16


def main(arguments: list[str] | None = None) -> int:
    """Live and count; exit code 1 when a promise was broken, or when a long run has missed a legal transition."""
    asked = _arguments(arguments)
    # Steps say on the log that they were refused or broke; here that is counted, not read.
    logging.disable(logging.CRITICAL)
    if asked.seed is not None and asked.count is None and asked.minutes is None:
        return _one(draw_life(asked.seed), sdk=asked.sdk)
    started = time.monotonic()
    census, lives_max = Census(), asked.count or 300
    if asked.minutes is not None and asked.count is None:
        lives_max = 10**9
    for outcome in _outcomes(asked.seed or 0, lives_max, asked.minutes):
        census.add(outcome)
        if outcome.broken:
            print(said(outcome), flush=True)
    print(census.report(time.monotonic() - started))
    taken = sorted(f"{before}->{after}" for before, after in _wrong_ones())
    refused_count = len(illegal()) - len(taken)
    print(
        f"illegal transitions: {refused_count} of {len(illegal())} refused; not refused: {', '.join(taken) or 'none'}"
    )
    return 1 if census.broken or taken or not census.has_seen_enough else 0


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.simulate", description=__doc__)
    parser.add_argument(
        "--seed", type=int, help="the first seed; alone: only this one, shrunk when it breaks"
    )
    parser.add_argument("--count", type=int, help="how many lives")
    parser.add_argument("--minutes", type=float, help="for how long")
    parser.add_argument(
        "--sdk", action="store_true", help="with --seed alone: through the engine and the SDK"
    )
    return parser.parse_args(arguments)


def _outcomes(first: int, lives_max: int, minutes: float | None) -> Iterator[Outcome]:
    end_s = time.monotonic() + minutes * 60 if minutes is not None else None
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        for outcome in pool.imap_unordered(of_seed, islice(count(first), lives_max), CHUNK):
            yield outcome
            if end_s is not None and time.monotonic() > end_s:
                pool.terminate()
                return


def of_seed(seed: int) -> Outcome:
    """The outcome of a seed."""
    return live(draw_life(seed))


def _one(life: Life, *, sdk: bool) -> int:
    """Live one life, through the SDK if it says so or is asked to; one that breaks is shrunk on its host and kept."""
    outcome = live(replace(life, through_sdk=True) if sdk else life)
    print(
        f"seed {life.seed} on {_host(outcome)}: {dict(outcome.stages)}, {outcome.days:.1f} days, {_log(outcome)}"
    )
    if not outcome.broken:
        return 0
    print(said(outcome))
    smaller = shrink(outcome.life, lambda candidate: _breaks(candidate, outcome.broken))
    path = write_down(smaller, outcome.broken)
    print(f"shrunk to {len(smaller.faults)} faults and {len(smaller.deeds)} deeds: {path}")
    return 1


def _breaks(life: Life, promise: str) -> bool:
    return live(life).broken == promise


def said(outcome: Outcome) -> str:
    """A broken promise as a person reads it."""
    head = f"seed {outcome.life.seed} on {_host(outcome)} at commit {_commit()} breaks: {outcome.broken}; {_log(outcome)}"
    return "\n".join([head, f"  {outcome.detail}", *(f"    {line}" for line in outcome.tail)])


def _host(outcome: Outcome) -> str:
    return "the SDK" if outcome.life.through_sdk else "the swift host"


def _log(outcome: Outcome) -> str:
    """What is equal when a life is lived again."""
    return f"{outcome.event_count} events, hash {outcome.log_hash[:HASH_SHOWN]}"


def _commit() -> str:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603  no input of anybody
    return found.stdout.strip() or "unknown"


def _wrong_ones() -> set[Pair]:
    life = Existence(Life(seed=0, batches=((0,),)), swift_host)
    try:
        return wrongly_taken(bound_ports(life.world, life.plan))
    finally:
        life.close()


if __name__ == "__main__":
    sys.exit(main())
