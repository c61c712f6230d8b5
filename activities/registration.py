"""Turning plain step functions into activities: decoding, encoding and the translation of errors stand here once."""

import logging
import traceback
from collections.abc import Callable
from typing import Any

from bascule.domain.codec import Json, decode, encode
from bascule.domain.errors import Conflict, NotYet, Refusal, Throttled, Unreachable
from bascule.domain.replies import Done, Later, Refused
from bascule.ports.bundle import Ports

logger = logging.getLogger("bascule.steps")

# A server that does not answer is asked again after this; the story's wait grows by itself.
UNREACHABLE_WAIT_S = 30.0
# Whoever changed the row first is done by then.
CONFLICT_WAIT_S = 2.0

Activity = Callable[[Any], Json]


class StepBroken(Exception):
    """A step met an error that nobody foresaw; says where, never what: the text may hold anything."""


def as_activity(
    name: str, work: Callable[[Ports, Any], object], takes: type, ports: Callable[[], Ports]
) -> Activity:
    """An activity that decodes its input, does the work, and encodes a Reply."""

    def activity(request: Any) -> Json:
        return reply_of(name, lambda: work(ports(), decode(takes, request)))

    activity.__name__ = activity.__qualname__ = name
    return activity


def reply_of(name: str, work: Callable[[], object]) -> Json:
    """Do the work and say how it went.

    Raises:
        StepBroken: for an error that is not of this product; its own text goes nowhere, because the engine would
            keep it in the history of the story.
    """
    try:
        return encode(Done(work()))
    except NotYet as early:
        return encode(Later(early.wait_s, str(early)))
    except Throttled as busy:
        return encode(Later(busy.wait_s, str(busy), is_unanswered=True))
    except Unreachable as away:
        return encode(Later(UNREACHABLE_WAIT_S, str(away), is_unanswered=True))
    except Conflict as overtaken:
        return encode(Later(CONFLICT_WAIT_S, str(overtaken)))
    except Refusal as refusal:
        return encode(Refused(refusal.code, refusal.detail))
    except Exception as unforeseen:  # noqa: BLE001  the one place where every step's unforeseen error ends
        place = traceback.extract_tb(unforeseen.__traceback__)[-1]
        what = f"{name}: {type(unforeseen).__name__} at {place.name}:{place.lineno}"
    logger.error("step broken: %s", what)
    raise StepBroken(what)
