"""`python -m sandbox.local_host --app DIR`: runs a function app on this machine."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path

from sandbox.local_host.clock import factor_from_text
from sandbox.local_host.host import Host, HostOptions
from sandbox.local_host.loader import AppInvalidError
from sandbox.local_host.settings import SettingMissingError

DEFAULT_STATE = Path(".local_host/state.sqlite")


def parse_arguments(arguments: list[str]) -> HostOptions:
    """The options of a command line; leaves the process with a message when they are wrong."""
    parser = argparse.ArgumentParser(prog="local_host", description=__doc__)
    parser.add_argument("--app", type=Path, required=True, help="folder of function_app.py")
    parser.add_argument("--port", type=int, default=7071, help="0 means any free port")
    parser.add_argument("--rpc-port", type=int, default=0, help="0 means any free port")
    parser.add_argument(
        "--storage", help="connection string or app setting; without it no blob triggers"
    )
    parser.add_argument("--state", type=Path, help="SQLite file, by default inside the app folder")
    parser.add_argument("--clock", type=factor_from_text, default=1.0, help="real | scaled:FACTOR")
    given = parser.parse_args(arguments)
    folder = given.app.resolve()
    state = given.state.resolve() if given.state else folder / DEFAULT_STATE
    return HostOptions(folder, given.port, given.rpc_port, given.storage, state, given.clock)


async def run(options: HostOptions) -> None:
    """Serve until SIGINT or SIGTERM."""
    serving = asyncio.create_task(Host(options).serve())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await serving


def main() -> None:
    """Read the command line and serve."""
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    # These libraries log every request; the host's own lines are what a person wants to see.
    for noisy in ("azure", "aiohttp.access", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    options = parse_arguments(sys.argv[1:])
    try:
        asyncio.run(run(options))
    except (AppInvalidError, SettingMissingError) as fault:
        sys.exit(f"local_host: {fault}")


if __name__ == "__main__":
    main()
