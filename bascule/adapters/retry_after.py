"""How long a server asked us to stay away. Source: RFC 9110 10.2.3 (Retry-After), 5.6.7 (dates)."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

# A hint longer than a day is a mistake of the server; the next look tells.
WAIT_MAX_S = 86_400.0


def retry_after_s(headers: Mapping[str, str], default_s: float) -> float:
    """Seconds named by Retry-After, given as a number or as a date; `default_s` when it says nothing usable.

    A date is measured against the answer's own Date header, so that our clock does not matter.
    """
    named = {name.lower(): value for name, value in headers.items()}
    hint = named.get("retry-after", "").strip()
    wait_s = _number_s(hint)
    if wait_s is None:
        wait_s = _distance_s(named.get("date", ""), hint)
    if wait_s is None or wait_s <= 0:
        return default_s
    return min(wait_s, WAIT_MAX_S)


def _number_s(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None


def _distance_s(start: str, end: str) -> float | None:
    first, last = _instant(start), _instant(end)
    if first is None or last is None:
        return None
    return (last - first).total_seconds()


def _instant(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:  # the header is free text of a stranger: unreadable means it says nothing
        return None
