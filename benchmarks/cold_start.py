"""How long a fresh worker takes to import the app, against an empty app on the same SDK.

A function app that scaled to zero pays this before its first answer. The ratio is what we can influence: it holds on
any machine, the milliseconds only on this one. `python benchmarks/cold_start.py [--runs N]`
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
# An odd number, so that the median is a run that happened; enough to outvote the machine's other work.
RUN_COUNT = 9
IMPORT_TIMEOUT_S = 60

# What any durable app has: both SDK packages, one function of each kind.
EMPTY_APP = """
import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)


@app.route(route="hello")
def hello(request: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("hello")


@app.orchestration_trigger(context_name="context")
def story(context: df.DurableOrchestrationContext):
    yield context.call_activity("step", None)


@app.activity_trigger(input_name="request")
def step(request: str) -> str:
    return request
"""
MEASURE = """
import sys, time
sys.path.insert(0, sys.argv[1])
began_s = time.perf_counter()
import function_app
function_app.app.get_functions()
print((time.perf_counter() - began_s) * 1000)
"""


def import_ms(folder: Path) -> float:
    """Milliseconds to import the app in `folder` and index its functions, in a new interpreter."""
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, str(folder)],
        check=True,
        capture_output=True,
        text=True,
        timeout=IMPORT_TIMEOUT_S,
    )
    return float(measured.stdout)


def medians_ms(run_count: int) -> tuple[float, float]:
    """Medians for the empty app and for ours, measured in turns so that a busy moment meets both."""
    with tempfile.TemporaryDirectory(prefix="bascule-empty-app-") as folder:
        empty = Path(folder)
        (empty / "function_app.py").write_text(EMPTY_APP, encoding="utf-8")
        # Once before the count: bytecode is written, files are in memory, as in a warmed deployment package.
        for app in (empty, ROOT):
            import_ms(app)
        pairs = [(import_ms(empty), import_ms(ROOT)) for _ in range(run_count)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(
        pair[1] for pair in pairs
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="cold_start", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUN_COUNT, help="fresh interpreters for each")
    empty_ms, ours_ms = medians_ms(parser.parse_args().runs)
    print(f"empty app   {empty_ms:7.0f} ms")
    print(f"bascule     {ours_ms:7.0f} ms")
    print(f"ratio       {ours_ms / empty_ms:7.2f}")


if __name__ == "__main__":
    main()
