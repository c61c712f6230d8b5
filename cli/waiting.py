"""Waiting for what becomes of a request; whoever stops waiting goes on with `--request`."""

import argparse
import threading
from typing import Any

from cli.errors import Refused, WrongUse
from cli.service import Service

# Half an hour: a few thousand accounts take minutes; a notice hours ahead or a throttled directory takes longer.
LOOK_PAUSE_S = 1.0
LOOK_COUNT_MAX = 1_800
ENDED_BADLY = frozenset({"Failed", "Terminated", "Canceled"})
# What a verb may have beside `--request`.
BESIDE = frozenset({"request", "json", "run"})


def add_request(verb: argparse.ArgumentParser) -> None:
    """Add `--request` to a verb that waits."""
    verb.add_argument(
        "--request", metavar="ID", help="ask for nothing new: wait for this request, asked before"
    )


def resumed(asked: argparse.Namespace) -> dict[str, str]:
    """The request to go on waiting for, as the app names one; empty when none is named.

    Raises WrongUse: something else was given with it.
    """
    if not asked.request:
        return {}
    others = sorted(name for name, value in vars(asked).items() if value and name not in BESIDE)
    if others:
        named = ", ".join(others).replace("_", "-")
        raise WrongUse(f"--request waits for what was asked before; leave out: {named}")
    return {"request": asked.request}


def result_of(
    service: Service, request: str, later: str = "", look_count_max: int | None = None
) -> dict[str, Any]:
    """What became of a request.

    Raises Refused: it ended badly, or goes on for longer than anybody waits; `later` says how to hear of it then.
    """
    for _ in range(look_count_max or LOOK_COUNT_MAX):
        answer = service.get("requests", request)
        if answer["state"] == "Completed":
            result: dict[str, Any] = answer["result"]
            return result
        if answer["state"] in ENDED_BADLY:
            raise Refused(f"{request} ended as {answer['state']}: {answer['result']}")
        threading.Event().wait(LOOK_PAUSE_S)
    raise Refused(
        f"{request}: {later or f'it goes on; wait for it again with --request {request}'}"
    )
