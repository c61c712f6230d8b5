"""JSON answers and clear errors of the HTTP API."""

import functools
import json
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import azure.functions as func

from bascule.domain.errors import Conflict, NotYet, Refusal, Throttled, Unreachable
from bascule.domain.plan_file import PlanInvalid
from bascule.settings import SettingsInvalid

logger = logging.getLogger("bascule.api")


# Python refuses to read a number of thousands of digits.
NUMBER = re.compile("[0-9]{1,6}")
# Names and addresses of people are in most answers, and passwords in two; none is for the next user of a machine.
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class BadRequest(Exception):
    """What is wrong with a request; all of it at once."""

    def __init__(self, *mistakes: str, status: int = 400) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes
        self.status = status


def answer(content: object, status: int = 200) -> func.HttpResponse:
    """A JSON answer, which no cache keeps and no browser takes for something else."""
    return func.HttpResponse(
        json.dumps(content, ensure_ascii=False, indent=2),
        status_code=status,
        headers=HEADERS,
        mimetype="application/json",
    )


Handler = Callable[..., Awaitable[func.HttpResponse]]


def answering(handler: Handler) -> Handler:
    """Turn the errors of a handler into answers that say what, where and what to do."""

    @functools.wraps(handler)
    async def safe(*args: Any, **kwargs: Any) -> func.HttpResponse:
        try:
            return await handler(*args, **kwargs)
        except BadRequest as bad:
            return answer({"error": "bad_request", "mistakes": list(bad.mistakes)}, bad.status)
        except Refusal as refusal:
            return answer({"error": refusal.code.value, "detail": refusal.detail}, 409)
        except Conflict as overtaken:
            return answer({"error": "conflict", "detail": f"{overtaken}; ask again"}, 409)
        except (Throttled, NotYet, Unreachable) as busy:
            return answer({"error": "unavailable", "detail": f"{busy}; ask again later"}, 503)
        except (SettingsInvalid, PlanInvalid) as unusable:
            what = "plan" if isinstance(unusable, PlanInvalid) else "settings"
            mistakes = [str(mistake) for mistake in unusable.mistakes]
            return answer({"error": f"{what}_invalid", "mistakes": mistakes}, 500)

    return safe
