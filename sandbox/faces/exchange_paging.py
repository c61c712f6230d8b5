"""Answers in pages: a continuation link leads to what is left, for a few minutes.

Source: Microsoft Learn, "Exchange Online Admin API", on pagination (links live five to ten minutes).
"""

import hashlib
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.faces.exchange_encoding import Json
from sandbox.faces.exchange_errors import page_expired

PAGE_SIZE_MAX = 1000
LINK_LIFETIME_S = 600.0
# Links kept at a time; a caller that leaves more than these undrained loses the oldest.
LINKS_COUNT_MAX = 1_000

_PAGE_SIZE = re.compile(r"odata\.maxpagesize\s*=\s*(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class _Rest:
    """What a link leads to, and for whom."""

    rows: tuple[Json, ...]
    origin: str
    call_digest: str
    issued_s: float


class Pages:
    """The continuation links that are alive."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        """`clock_s` is a wall clock even when the world runs faster: clients follow links in real time."""
        self._clock_s = clock_s
        self._rests: dict[str, _Rest] = {}

    def first(
        self, rows: list[Json], size: int, origin: str, call: Json
    ) -> tuple[list[Json], str | None]:
        """The first page of an answer, and the token of the rest if there is one."""
        return self._cut(_Rest(tuple(rows), origin, _digest(call), self._clock_s()), size)

    def next(self, token: str, size: int, origin: str, call: Json) -> tuple[list[Json], str | None]:
        """The page behind a token, and the token of what is left.

        Raises:
            GatewayError: the token is unknown, too old, came to another origin or with another call.
        """
        rest = self._rests.get(token)
        if rest is None or self._clock_s() - rest.issued_s > LINK_LIFETIME_S:
            raise page_expired()
        if rest.origin != origin or rest.call_digest != _digest(call):
            raise page_expired()
        return self._cut(rest, size)

    def _cut(self, rest: _Rest, size: int) -> tuple[list[Json], str | None]:
        page, left = list(rest.rows[:size]), rest.rows[size:]
        if not left:
            return page, None
        token = secrets.token_urlsafe(24)
        self._rests[token] = _Rest(left, rest.origin, rest.call_digest, self._clock_s())
        while len(self._rests) > LINKS_COUNT_MAX:
            del self._rests[next(iter(self._rests))]
        return page, token


def page_size(prefer: str) -> int:
    """The page size a `Prefer` header asks for, within what the service gives."""
    match = _PAGE_SIZE.search(prefer)
    return max(1, min(PAGE_SIZE_MAX, int(match[1]))) if match else PAGE_SIZE_MAX


def _digest(call: Json) -> str:
    return hashlib.sha256(json.dumps(call, sort_keys=True).encode()).hexdigest()
