"""`bascule forecast`: the operator's own batch on the simulator, before anything is uploaded."""

import argparse
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bascule.domain.batch_file import read_batch_file
from bascule.domain.batch_mistakes import BatchFileInvalid
from bascule.domain.batch_rows import BatchRow
from bascule.domain.plan import Plan
from bascule.domain.plan_file import PlanInvalid, read_plan
from cli.errors import WrongUse
from cli.output import show
from cli.verbs import Nouns, add_verb

SEED_COUNT = 20
# A seed costs half a second; more seeds than this change no digit that a plan rests on.
SEED_COUNT_MAX = 500
SURVEY_SIZE_MAX_BYTES = 200 * 1024 * 1024


def add_to(commands: Nouns) -> None:
    """Add the command."""
    verb = add_verb(
        commands, "forecast", _foretell, "when a batch is likely to be where, and what will bind"
    )
    verb.add_argument("--plan", type=Path, required=True, help="plan.toml")
    verb.add_argument("--csv", type=Path, required=True, help="the batch file")
    verb.add_argument(
        "--survey", type=Path, help="what `bascule mailboxes list BATCH --json` printed"
    )
    verb.add_argument("--seeds", type=_count, default=SEED_COUNT, help=f"how many ({SEED_COUNT})")
    verb.add_argument("--start", type=_instant, help="when the file will be uploaded, ISO 8601")
    verb.add_argument(
        "--seats",
        action="append",
        default=[],
        type=_seats,
        metavar="LICENCE=FREE",
        help="free seats",
    )
    _add_assumptions(verb)


def _add_assumptions(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--copies", type=_count, help="copies at once, as the endpoint says (20)")
    verb.add_argument("--deltas", type=_count, help="deltas at once, as the endpoint says (10)")
    verb.add_argument("--mailbox-mib-per-h", type=_amount, help="pace of one copy (500)")
    verb.add_argument(
        "--source-mib-per-h", type=_amount, help="what the source gives to all copies"
    )
    verb.add_argument("--delta-s", type=_amount, help="how long one delta takes (120)")
    verb.add_argument(
        "--cutover-after-h", type=_amount, help="hours from the last sync to the cutover (0)"
    )


def _foretell(asked: argparse.Namespace) -> int:
    # Imported here: the simulator is large, and the other commands do without.
    from sandbox.forecast.question import Assumptions, Question, boxes_of  # noqa: PLC0415
    from sandbox.forecast.report import foretell  # noqa: PLC0415
    from sandbox.forecast.words import said  # noqa: PLC0415

    plan = _plan(asked.plan)
    rows = _rows(asked.csv, plan)
    if asked.start is None and any(row.cutover_at_utc for row in rows):
        raise WrongUse("the file has CutoverAtUtc: tell by --start when it will be uploaded")
    survey = _survey(asked.survey)
    boxes = boxes_of(rows, plan, survey, asked.start)
    surveyed_count = sum(box.address in survey for box in boxes)
    assumed = Assumptions(**_given(asked))
    # Steps say on the log what they refuse; here that is counted.
    logging.disable(logging.CRITICAL)
    try:
        question = Question(plan, boxes, surveyed_count, assumed, dict(asked.seats))
        forecast = foretell(question, asked.seeds)
    finally:
        logging.disable(logging.NOTSET)
    show(asked, forecast, said(forecast))
    return 0


def _given(asked: argparse.Namespace) -> dict[str, Any]:
    names = {
        "concurrent_copies": asked.copies,
        "concurrent_deltas": asked.deltas,
        "mailbox_mib_per_h": asked.mailbox_mib_per_h,
        "source_mib_per_h": asked.source_mib_per_h,
        "delta_s": asked.delta_s,
        "cutover_after_h": asked.cutover_after_h,
    }
    return {name: value for name, value in names.items() if value is not None}


def _plan(path: Path) -> Plan:
    try:
        return read_plan(_read(path).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise WrongUse(f"{path} is not UTF-8") from error
    except PlanInvalid as invalid:
        raise WrongUse(f"{path}: {invalid}") from invalid


def _rows(path: Path, plan: Plan) -> tuple[BatchRow, ...]:
    try:
        return read_batch_file(_read(path), plan).rows
    except BatchFileInvalid as invalid:
        raise WrongUse(f"{path}: {invalid}") from invalid


def _survey(path: Path | None) -> dict[str, Any]:
    from sandbox.forecast.question import read_survey  # noqa: PLC0415  as above

    if path is None:
        return {}
    try:
        return dict(read_survey(_read(path).decode("utf-8-sig")))
    except ValueError as error:
        raise WrongUse(f"{path}: {error}") from error


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > SURVEY_SIZE_MAX_BYTES:
        raise WrongUse(f"{path} is larger than {SURVEY_SIZE_MAX_BYTES} bytes")
    return content


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= SEED_COUNT_MAX:
        raise argparse.ArgumentTypeError(f"give a number from 1 to {SEED_COUNT_MAX}")
    return int(text)


def _amount(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not 0 < amount < 1e9:
        raise argparse.ArgumentTypeError("give a number above 0")
    return amount


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("write ISO 8601, such as 2026-11-28T20:00:00Z") from error
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _seats(text: str) -> tuple[str, int]:
    licence, _, free = text.rpartition("=")
    if not licence or not free.isdecimal():
        raise argparse.ArgumentTypeError("write LICENCE=FREE, such as STANDARDWOFFPACK_STUDENT=249")
    return licence, int(free)
