"""One line of the readiness list: green, red with a page, or unknown with why; never guessed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bascule.domain.codes import Code
from bascule.domain.errors import BasculeError, Refusal

PAGE = "docs/reference/readiness.md"


class Light(StrEnum):
    """What a check came to."""

    GREEN = "green"
    RED = "red"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Check:
    """One check; `told` says what was seen, or why nothing was."""

    name: str
    light: Light
    told: str

    @property
    def page(self) -> str:
        """Where it says what to do."""
        return f"{PAGE}#{self.name}"


@dataclass(frozen=True)
class TokenRoles:
    """Application permissions that the app's tokens carry now."""

    graph: frozenset[str]
    exchange: frozenset[str]


@dataclass(frozen=True)
class SourceEntrance:
    """How Dovecot presents itself before any login."""

    certificate_ends_utc: datetime | None
    """None without TLS, which only a source on this machine may be."""
    capabilities: tuple[str, ...]


def green(name: str, told: str) -> Check:
    """In order."""
    return Check(name, Light.GREEN, told)


def red(name: str, told: str) -> Check:
    """To be put right; the page says how."""
    return Check(name, Light.RED, told)


def unknown(name: str, why: str) -> Check:
    """Nobody could say."""
    return Check(name, Light.UNKNOWN, why)


def judged(name: str, problems: list[str], fine: str) -> Check:
    """Red with every problem, or green."""
    return red(name, "; ".join(problems)) if problems else green(name, fine)


def failed(name: str, error: BasculeError) -> Check:
    """Red when the other side refused, which does not pass by itself; unknown when it did not answer.

    Unknown, too, where we may not look: that is red as a missing right, if the right is one that is needed.
    """
    is_refused = isinstance(error, Refusal) and error.code is not Code.PERMISSION_MISSING
    return red(name, str(error)) if is_refused else unknown(name, str(error))
