"""Run the faces of a simulated world until SIGTERM or SIGINT: `python -m sandbox.faces --ports-file FILE`."""

import argparse
import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.faces.imap_server import Security
from sandbox.faces.server import Faces
from sandbox.world.coexistence import prepare_coexistence
from sandbox.world.population import populate, populate_from_folder
from sandbox.world.weather import CALM, ORDINARY
from sandbox.world.world import World

WEATHERS = {"calm": CALM, "ordinary": ORDINARY}

# How often the main thread looks whether the world has broken down.
WATCH_S = 0.5


def main() -> None:
    """Serve one world."""
    asked = arguments().parse_args()
    world = World(asked.seed, scaled_clock(asked.speed), WEATHERS[asked.weather])
    if asked.mail is not None:
        populate_from_folder(world, asked.mail)
    else:
        populate(world, asked.people, messages_each=asked.messages)
    prepared = asdict(prepare_coexistence(world)) if asked.prepared else None
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with tempfile.TemporaryDirectory(prefix="bascule-faces-") as folder:
        faces = Faces(
            world,
            imap_security=Security(asked.imap_security),
            alias_path=asked.alias_file or Path(folder) / "aliases.db",
            ca_file=Path(folder) / "ca.pem",
        )
        with faces:
            extra = {} if prepared is None else {"coexistence": prepared}
            write_whole(asked.ports_file, faces.addresses | extra)
            while not stop.is_set() and not faces.wait(WATCH_S):
                pass


def arguments() -> argparse.ArgumentParser:
    """What can be asked for."""
    parser = argparse.ArgumentParser(prog="sandbox.faces", description=__doc__)
    parser.add_argument("--ports-file", type=Path, required=True, help="where addresses go, JSON")
    parser.add_argument("--seed", type=int, default=1, help="the same seed is the same world")
    parser.add_argument("--people", type=int, default=3, help="mailboxes at the source")
    parser.add_argument("--messages", type=int, default=12, help="messages in each mailbox")
    parser.add_argument("--mail", type=Path, help="a folder of Maildirs or .eml files instead")
    parser.add_argument("--alias-file", type=Path, help="the SQLite alias table to share")
    parser.add_argument(
        "--prepared", action="store_true", help="coexistence is set up in the tenant already"
    )
    parser.add_argument("--weather", choices=sorted(WEATHERS), default="calm")
    parser.add_argument("--speed", type=float, default=1.0, help="world seconds in a real second")
    parser.add_argument(
        "--imap-security", choices=[each.value for each in Security], default=Security.NONE.value
    )
    return parser


def scaled_clock(speed: float) -> Callable[[], datetime]:
    """A clock that starts at the machine's time and runs `speed` times as fast, never back."""
    start_utc = datetime.fromtimestamp(time.time(), UTC)
    start_s = time.monotonic()
    return lambda: start_utc + timedelta(seconds=(time.monotonic() - start_s) * speed)


def write_whole(path: Path, addresses: dict[str, Any]) -> None:
    """Write the ports-file so that nobody ever reads half of it; readable to its owner alone, for it holds passwords."""
    waiting = path.with_name(f".{path.name}.{os.getpid()}")
    waiting.touch(mode=0o600)
    waiting.write_text(json.dumps(addresses, indent=2, ensure_ascii=False), encoding="utf-8")
    waiting.replace(path)


if __name__ == "__main__":
    main()
