"""Migrate off real Postfix, Dovecot and MariaDB: `python -m sandbox.rehearsal [--mailboxes N] [--messages N] [--seed N]`."""

import argparse
import signal
import sys
from pathlib import Path

from sandbox.demo.progress import Progress
from sandbox.rehearsal import report
from sandbox.rehearsal.late_mail import LateMail, open_at_most_s
from sandbox.rehearsal.stage import Stage, StageOptions, opened_stage
from sandbox.servers.machine import ServersMissing

REPORT = Path("build/rehearsal/report.json")
BEFORE_REDIRECT = ("SYNCED", "DETACHED")
FINAL_STAGES = ("MIGRATED", "SET_ASIDE")
# Real messages a second before and after the redirects, and at most while they are made.
CALM_RATE_PER_S = 4.0
# One mailbox over quota refuses its mail, another defers it.
FULL_COUNT = 2
CUTOVER_RATE_PER_S = 25.0
# What is sent at that rate by a machine that has much else to do.
SURE_RATE_PER_S = CUTOVER_RATE_PER_S / 3


def main() -> int:
    """Exit status 0 only if every promise was kept; 2 when this machine cannot run it."""
    asked = _asked()
    # Ended by somebody else, too, it stops its servers first.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    options = StageOptions(asked.mailboxes, asked.seed, asked.speed)
    print(
        f"Starting MariaDB, Dovecot, two Postfixes, a tenant and the app; seed {asked.seed} ...",
        flush=True,
    )
    try:
        with opened_stage(options) as stage:
            return _perform(stage, asked)
    except ServersMissing as missing:
        print(missing, file=sys.stderr)
        return 2


def _perform(stage: Stage, asked: argparse.Namespace) -> int:
    progress = Progress(stage.rig.clock.now_utc())
    stage.operator.tell = lambda rows: progress.stages(rows, stage.rig.clock.now_utc())
    during_cutover = play(stage, progress, asked.messages)
    judgement = stage.judge()
    found = report.outcome(
        stage, judgement, during_cutover=during_cutover, in_flight_min=asked.messages,
        wall_s=progress.wall_s,
    )  # fmt: skip
    report.write(found.content, asked.report)
    report.show(found, asked.report)
    return 1 if found.broken else 0


def play(stage: Stage, progress: Progress, message_count: int) -> int:
    """From the upload to the last mailbox MIGRATED; how many messages were sent while they were cut over."""
    operator, post = stage.operator, stage.post
    post.rate_per_s = CALM_RATE_PER_S
    with post:
        progress.act("The operator uploads the batch")
        operator.upload(stage.people)
        operator.wait_for(stage.addresses, "SYNCED")
        stage.share_lists()
        progress.act(f"D-day for all {len(stage.people)}, in two waves; mail goes on")
        before_count = post.sent_count
        post.rate_per_s = CUTOVER_RATE_PER_S
        stage.fill_up(*stage.addresses[-FULL_COUNT:])
        _cut_over_in_waves(stage)
        operator.wait_until(lambda: _are_redirected(stage), "every redirect")
        stage.source.make_room(stage.rig.world)
        home = stage.rig.world.naming.source_address(stage.addresses[0])
        late = LateMail(post, home, stage.rig.options.speed)

        def is_enough() -> bool:
            if _is_over(stage) or post.sent_count - before_count >= message_count:
                return True
            late.keep_open()
            return False

        operator.wait_until(is_enough, f"{message_count} messages")
        post.rate_per_s = CALM_RATE_PER_S
        operator.wait_until(lambda: _is_over(stage), "end of every cutover")
        during_cutover = post.sent_count - before_count
    stage.drain()
    operator.look()
    return during_cutover


def _cut_over_in_waves(stage: Stage) -> None:
    """Half of them first, so that for as long as the others' hold lasts there are people on both sides."""
    half = len(stage.addresses) // 2
    operator, first = stage.operator, stage.addresses[:half]
    operator.ask("cutover", list(first))
    operator.wait_until(lambda: _has_begun(stage, first), "the first half's cutover")
    operator.ask("cutover", list(stage.addresses[half:]))


def _has_begun(stage: Stage, addresses: tuple[str, ...]) -> bool:
    stage.operator.look()
    return any(stage.operator.stage(each) != "SYNCED" for each in addresses)


def _are_redirected(stage: Stage) -> bool:
    stage.operator.look()
    return all(stage.operator.stage(each) not in BEFORE_REDIRECT for each in stage.addresses)


def _is_over(stage: Stage) -> bool:
    stage.operator.look()
    return all(stage.operator.stage(each) in FINAL_STAGES for each in stage.addresses)


def _asked() -> argparse.Namespace:
    """What was asked for; a count that no cutover has room for is refused before anything is started."""
    parser = _arguments()
    asked = parser.parse_args()
    room_count = int(open_at_most_s(asked.speed) * SURE_RATE_PER_S)
    if asked.messages > room_count:
        parser.error(f"--messages: at most {room_count} at a speed of {asked.speed:g}")
    return asked


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sandbox.rehearsal", description=__doc__)
    defaults = StageOptions()
    parser.add_argument(
        "--mailboxes", type=_crowd, default=defaults.mailbox_count, help="default 40, at least 2"
    )
    parser.add_argument(
        "--messages",
        type=int,
        default=report.IN_FLIGHT_MIN,
        help="sent during the cutover; default 2000",
    )
    parser.add_argument("--seed", type=int, default=defaults.seed, help="draws people and weather")
    parser.add_argument(
        "--speed", type=float, default=defaults.speed, help="virtual seconds in a real one"
    )
    parser.add_argument("--report", type=Path, default=REPORT, help=f"default {REPORT}")
    return parser


def _crowd(text: str) -> int:
    """A number of mailboxes: two of them are over quota for a while."""
    if int(text) < FULL_COUNT:
        raise argparse.ArgumentTypeError(f"at least {FULL_COUNT}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
