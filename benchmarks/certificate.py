"""How much memory and time the certificate of a mailbox of 500 000 messages takes, beside a plain set of their identities.

    python benchmarks/certificate.py [--messages N]

Each measure runs in a process of its own, so that one does not pay for the other's memory. Promised: at most 100 MB for
500 000 messages, on top of the interpreter.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bascule.domain.certificate import Comparison
from bascule.domain.mail import MessageFacts

MESSAGE_COUNT = 500_000
FOLDER_COUNT = 50
MEMORY_PROMISED_MB = 100.0
FIRST_UTC = datetime(2010, 1, 1, tzinfo=UTC)
SIZE_MAX_BYTES = 35 * 1024 * 1024
# As long as mail programs make them.
MESSAGE_ID = "<{number:012}.CAHk1b2c3d4e5f6a7b8c9d0e1f@mail.gmail.example.com>"


def messages(folder: int, count: int) -> Iterator[MessageFacts]:
    """One side of a folder, made as it is asked for: every hundredth message has no id."""
    for number in range(folder * count, (folder + 1) * count):
        message_id = MESSAGE_ID.format(number=number) if number % 100 else ""
        arrived_utc = FIRST_UTC + timedelta(seconds=number * 700)
        yield MessageFacts(str(number), message_id, arrived_utc, 20_000)


def certificate(count: int) -> int:
    """Both sides through the comparison; how many messages are missing."""
    comparison = Comparison(SIZE_MAX_BYTES)
    each = count // FOLDER_COUNT
    for folder in range(FOLDER_COUNT):
        comparison.add_cloud((f"F{folder}",), messages(folder, each))
    for folder in range(FOLDER_COUNT):
        source = messages(folder, each)
        comparison.add_source(f"F{folder}", (f"F{folder}",), source, is_migrated=True)
    return comparison.certificate().missing_count


def identities(count: int) -> int:
    """The least that a comparison could keep: the identity of each message of one side."""
    each = count // FOLDER_COUNT
    kept = {
        (folder, message.message_id or message.arrival_s)
        for folder in range(FOLDER_COUNT)
        for message in messages(folder, each)
    }
    return count - len(kept)


MEASURES = {"certificate": certificate, "set of identities": identities}


def measured(name: str, count: int) -> None:
    """Run one measure in this process, and print its figures as JSON."""
    # ru_maxrss is in kilobytes on Linux.
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began_s = time.perf_counter()
    missing = MEASURES[name](count)
    took_s = time.perf_counter() - began_s
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    print(json.dumps({"took_s": took_s, "grown_mb": grown_kb / 1024, "missing": missing}))


def figures(name: str, count: int) -> dict[str, float]:
    """One measure in a process of its own."""
    command = [sys.executable, __file__, "--measure", name, "--messages", str(count)]
    found: dict[str, float] = json.loads(subprocess.check_output(command, text=True))
    return found


def main() -> None:
    """Measure both and print the ratio."""
    parser = argparse.ArgumentParser(prog="certificate", description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGE_COUNT)
    parser.add_argument("--measure", choices=MEASURES, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        measured(asked.measure, asked.messages)
        return
    found = {name: figures(name, asked.messages) for name in MEASURES}
    for name, each in found.items():
        print(f"{name:20}{each['took_s']:8.2f} s{each['grown_mb']:9.1f} MB")
    proof, least = found["certificate"], found["set of identities"]
    print(
        f"{'ratio':20}{proof['took_s'] / least['took_s']:8.2f}  {proof['grown_mb'] / least['grown_mb']:9.2f}"
    )
    print(f"promised for {MESSAGE_COUNT} messages: at most {MEMORY_PROMISED_MB:.0f} MB")


if __name__ == "__main__":
    main()
