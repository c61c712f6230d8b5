"""Play a whole migration on this machine: `python -m sandbox.demo [--mailboxes N] [--seed N] [--csv FILE] [--mail DIR]`."""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from bascule.domain.batch_mistakes import BatchFileInvalid
from bascule.domain.plan_file import PlanInvalid
from sandbox.demo.cast import (
    MAILBOX_COUNT_MIN,
    Cast,
    cast_from_csv,
    cast_from_mail,
    naming_for,
    scripted_cast,
)
from sandbox.demo.own_input import people_of
from sandbox.demo.play import BatchRefused, Play, stock_licences
from sandbox.demo.progress import Progress
from sandbox.demo.report import outcome, show, write
from sandbox.demo.traffic import Traffic
from sandbox.rig.rig import Rig, RigOptions
from sandbox.world.naming import Naming
from sandbox.world.weather import ORDINARY, Span

REPORT = Path("build/demo/report.json")
# Ordinary weather, but what would only make a person wait is kept to minutes.
WEATHER = replace(
    ORDINARY,
    mailbox_provisioning=Span(60, 900),
    group_cache_age=Span(60, 2400),
    rule_change=Span(60, 300),
    postfix_retry=Span(300, 1500),
    delta_late=Span(0, 1800),
)
SPEED = 600.0
# Real seconds between two messages: about five virtual minutes.
TRAFFIC_INTERVAL_S = 0.5
DAY_S = 24 * 3600


def main() -> int:
    """Exit status 0 only if every promise was kept."""
    asked = _arguments().parse_args()
    with tempfile.TemporaryDirectory(prefix="bascule-demo-") as folder:
        try:
            return _perform(asked, Path(folder))
        except BatchRefused as refused:
            print(f"\nThe batch was refused: {refused}")
            for mistake in refused.refused["mistakes"]:
                where = f"line {mistake['line']}, {mistake['column_name'] or 'row'}"
                print(f"  {where}: {mistake['what']}. {mistake['todo']}")
        except (BatchFileInvalid, PlanInvalid, ValueError) as unusable:
            print(unusable, file=sys.stderr)
    return 2


def _perform(asked: argparse.Namespace, folder: Path) -> int:
    options = RigOptions(
        seed=asked.seed, speed=asked.speed, weather=WEATHER, plan=asked.plan, naming=_naming(asked)
    )
    print(f"Preparing a tenant, a source and their mail; seed {asked.seed} ...", flush=True)
    with Rig(folder, options) as rig:
        cast = _cast(asked, rig)
        stock_licences(rig, cast)
        rig.open()
        start_utc = rig.clock.now_utc()
        progress = Progress(start_utc)
        with Traffic(
            rig.world, cast.addresses, rig.addresses["source_smtp"], TRAFFIC_INTERVAL_S
        ) as traffic:
            play = Play(rig, cast, traffic, progress)
            play.perform()
        play.drain()
        virtual_days = (rig.clock.now_utc() - start_utc).total_seconds() / DAY_S
        found = outcome(rig, cast, play, wall_s=progress.wall_s, virtual_days=virtual_days)
    write(found.content, asked.report)
    show(found, asked.report)
    return 1 if found.broken else 0


def _naming(asked: argparse.Namespace) -> Naming | None:
    if asked.csv is None:
        return None
    people = people_of(asked.csv.read_bytes())
    return naming_for(tuple(person.address for person in people))


def _cast(asked: argparse.Namespace, rig: Rig) -> Cast:
    if asked.csv is not None:
        content = asked.csv.read_bytes()
        return cast_from_csv(rig.world, content, people_of(content))
    if asked.mail is not None:
        return cast_from_mail(rig.world, asked.mail)
    return scripted_cast(rig.world, asked.mailboxes)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sandbox.demo", description=__doc__)
    parser.add_argument("--mailboxes", type=_count, default=15, help="at least 12; default 15")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same people")
    parser.add_argument("--csv", type=Path, help="your own batch file; its people get sample mail")
    parser.add_argument("--plan", type=Path, help="your own plan.toml; its servers are replaced")
    parser.add_argument(
        "--mail", type=Path, help="a folder of Maildirs or .eml files as the source"
    )
    parser.add_argument("--report", type=Path, default=REPORT, help=f"default {REPORT}")
    parser.add_argument("--speed", type=float, default=SPEED, help="virtual seconds in a real one")
    return parser


def _count(text: str) -> int:
    count = int(text)
    if count < MAILBOX_COUNT_MIN:
        raise argparse.ArgumentTypeError(f"at least {MAILBOX_COUNT_MIN}: four of them have a role")
    return count


if __name__ == "__main__":
    sys.exit(main())
