"""How long and how much memory a batch of 50 000 rows takes to be validated, beside `csv.reader` alone.

    python benchmarks/batch_file.py

Each measure runs in a process of its own, so that one does not pay for the other's memory. Promised: under 2 s, 200 MB.
"""

import csv
import io
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bascule.domain.batch_file import BatchFileInvalid, read_batch_file
from bascule.domain.batch_header import COLUMNS
from bascule.domain.batch_records import ROW_COUNT_MAX
from bascule.domain.plan import AliasMapPlan, CohortPlan, Plan, SourcePlan, TenantPlan

TIME_PROMISED_S = 2.0
MEMORY_PROMISED_MB = 200.0
# The first run warms the processor's caches; the best of the others is the code's own time.
REPEAT_COUNT = 3


def plan() -> Plan:
    """A plan that checks all a plan can check."""
    return Plan(
        tenant=TenantPlan(
            tenant_id="11111111-2222-3333-4444-555555555555",
            domains=("example.org",),
            routing_domain="contoso.onmicrosoft.com",
            coexistence_group="not.moved@contoso.onmicrosoft.com",
            migration_endpoint="dovecot",
            probe_sender="probe@contoso.onmicrosoft.com",
        ),
        source=SourcePlan(host="imap.example.org", user_name_form="local"),
        alias_map=AliasMapPlan(driver="sqlite", path="aliases.db"),
        cohorts={"default": CohortPlan("A1"), "teachers": CohortPlan("A3")},
    )


def sample(*, sound: bool) -> bytes:
    """A file of as many rows as are allowed, every column filled; unsound ones have a mistake in each row."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow(COLUMNS)
    for number in range(ROW_COUNT_MAX):
        user = f"firstname.lastname{number}"
        when = "2026-12-01T06:00:00Z" if sound else "tomorrow"
        cohort = "teachers" if number % 10 == 0 else ""
        row = [f"{user}@example.org", user, f"p,{number}", "", f"Prénom Nom {number}", cohort]
        writer.writerow([*row, when, "FR", f"first-{number}"])
    return written.getvalue().encode()


def read_alone(raw: bytes) -> None:
    """What nobody can do without: the fields of every row, held in memory."""
    list(csv.reader(io.StringIO(raw.decode(), newline="")))


def validate(raw: bytes) -> None:
    """What the product does; a file of mistakes ends in the list of them."""
    try:
        read_batch_file(raw, plan())
    except BatchFileInvalid as invalid:
        print(f"{len(invalid.mistakes)} mistakes", file=sys.stderr)


MEASURES = {
    "csv.reader alone": (True, read_alone),
    "validated, sound": (True, validate),
    "validated, a mistake in each row": (False, validate),
}


def measure(name: str) -> dict[str, float]:
    """Best time and peak memory of one measure, in this process."""
    sound, work = MEASURES[name]
    raw = sample(sound=sound)
    times_s = []
    for _ in range(REPEAT_COUNT):
        begun_s = time.perf_counter()
        work(raw)
        times_s.append(time.perf_counter() - begun_s)
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"time_s": min(times_s), "memory_mb": peak_kb / 1024, "size_mb": len(raw) / 1024**2}


def measured_apart(name: str) -> dict[str, float]:
    """The same in a process of its own."""
    command = [sys.executable, __file__, name]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(answer.stdout)
    return found


def main() -> int:
    """Print every measure and its ratio to the first; 1 when a promise does not hold."""
    base_s, kept = 0.0, True
    for name in MEASURES:
        found = measured_apart(name)
        base_s = base_s or found["time_s"]
        print(
            f"{name:34} {ROW_COUNT_MAX} rows, {found['size_mb']:.1f} MB: {found['time_s']:.2f} s, "
            f"ratio {found['time_s'] / base_s:.1f}, peak {found['memory_mb']:.0f} MB"
        )
        kept &= found["time_s"] < TIME_PROMISED_S and found["memory_mb"] < MEMORY_PROMISED_MB
    print(
        f"promised: under {TIME_PROMISED_S:.0f} s and {MEMORY_PROMISED_MB:.0f} MB: {'kept' if kept else 'BROKEN'}"
    )
    return 0 if kept else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
        sys.exit(0)
    sys.exit(main())
