"""What a forecast is asked: the operator's own plan and rows, sizes from a survey if there is one, and stated assumptions."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import exp, log
from typing import Any

from bascule.domain.batch_rows import BatchRow
from bascule.domain.plan import Plan

GIB = 1024**3
MIB = 1024**2
# Without a survey: half of the mailboxes are below the median, one in ten is five times larger. A guess, and said so.
MEDIAN_BYTES = 1 * GIB
TENTH_TIMES = 5.0
# The 90th percentile of the normal distribution lies so many deviations above its median.
TENTH_DEVIATIONS = 1.2816
LARGEST_BYTES = 50 * GIB
# An ordinary message with what hangs on it, when only bytes or only counts are known.
MESSAGE_BYTES = 80 * 1024
# Mailboxes are told in these classes; the last is open.
CLASSES_GIB = (1, 5, 20)


@dataclass(frozen=True)
class Assumptions:
    """What no document says or only the operator knows."""

    concurrent_copies: int = 20
    """`MaxConcurrentMigrations` of the endpoint. Source: Microsoft Learn, migration endpoints; the cmdlet's own default is 100."""
    concurrent_deltas: int = 10
    """`MaxConcurrentIncrementalSyncs` of the endpoint."""
    mailbox_mib_per_h: float = 500.0
    """How fast one mailbox is copied. No figure is published for IMAP."""
    source_mib_per_h: float = 0.0
    """What the source gives to all copies that run at an instant, shared alike; 0: more than they take."""
    delta_s: float = 120.0
    """How long one mailbox's delta takes a slot."""
    cutover_after_h: float = 0.0
    """How long after the last mailbox has synced the operator asks for those that name no instant."""


@dataclass(frozen=True)
class Box:
    """One mailbox of the batch."""

    address: str
    licence: str
    size_bytes: int
    message_count: int
    offences: tuple[str, ...] = ()
    """`offence:count`, as a survey names them."""
    cutover_s: float | None = None
    """The instant that its row names, in seconds from the upload."""


@dataclass(frozen=True)
class Question:
    """One batch to be foretold."""

    plan: Plan
    boxes: tuple[Box, ...]
    surveyed_count: int
    assumed: Assumptions = field(default_factory=Assumptions)
    seats: Mapping[str, int] = field(default_factory=dict)
    """Free seats by licence, as far as the operator says."""


@dataclass(frozen=True)
class Surveyed:
    """What a survey found in one mailbox."""

    size_bytes: int
    message_count: int
    offences: tuple[str, ...] = ()


def read_survey(text: str) -> dict[str, Surveyed]:
    """Sizes by address from what `bascule mailboxes list BATCH --json` printed; mailboxes without a survey are left out.

    Raises ValueError with what is wrong.
    """
    rows = json.loads(text)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(
            "a survey is a list of mailboxes, as `bascule mailboxes list --json` prints it"
        )
    return dict(_surveyed(row) for row in rows if row.get("source_size_bytes"))


def _surveyed(row: Mapping[str, Any]) -> tuple[str, Surveyed]:
    try:
        size_bytes = int(row["source_size_bytes"])
        message_count = int(row.get("source_message_count") or size_bytes // MESSAGE_BYTES)
        offences = tuple(str(offence) for offence in row.get("offences") or ())
        return str(row["address"]).lower(), Surveyed(size_bytes, message_count, offences)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"a mailbox without address, source_size_bytes or count: {error}"
        ) from error


def boxes_of(
    rows: Sequence[BatchRow],
    plan: Plan,
    survey: Mapping[str, Surveyed],
    began_utc: datetime | None,
) -> tuple[Box, ...]:
    """The rows with their sizes: the survey's, or drawn by address, so that a mailbox keeps its size in every forecast."""
    return tuple(_box(row, plan, survey.get(row.address), began_utc) for row in rows)


def _box(row: BatchRow, plan: Plan, found: Surveyed | None, began_utc: datetime | None) -> Box:
    known = found or _drawn(row.address)
    at_utc = row.cutover_at_utc
    cutover_s = (at_utc - began_utc).total_seconds() if at_utc and began_utc else None
    licence = plan.cohort(row.cohort).licence
    return Box(
        row.address, licence, known.size_bytes, known.message_count, known.offences, cutover_s
    )


def _drawn(address: str) -> Surveyed:
    luck = random.Random(f"size of {address}")
    spread = log(TENTH_TIMES) / TENTH_DEVIATIONS
    size_bytes = min(int(MEDIAN_BYTES * exp(luck.gauss(0.0, spread))), LARGEST_BYTES)
    return Surveyed(size_bytes, size_bytes // MESSAGE_BYTES)


def class_of(box: Box) -> int:
    """The number of the size class of a mailbox, from 0."""
    return sum(box.size_bytes > limit * GIB for limit in CLASSES_GIB)


def class_name(number: int) -> str:
    """How a size class is told."""
    if number == len(CLASSES_GIB):
        return f"over {CLASSES_GIB[-1]} GiB"
    return f"up to {CLASSES_GIB[number]} GiB"
