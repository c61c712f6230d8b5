"""SEARCH: which messages a client means. Source: RFC 3501 section 6.4.4."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime

from sandbox.faces import imap_wire as wire
from sandbox.faces.imap_envelope import field, split
from sandbox.faces.imap_grammar import Atom, BadCommand, Token, text
from sandbox.world.mail import StoredMessage

CHARSETS = frozenset({"US-ASCII", "UTF-8"})

FLAG_KEYS = {
    "ANSWERED": "\\Answered",
    "DELETED": "\\Deleted",
    "DRAFT": "\\Draft",
    "FLAGGED": "\\Flagged",
    "SEEN": "\\Seen",
}
HEADER_KEYS = {"SUBJECT", "FROM", "TO", "CC", "BCC"}
DATE_KEYS = {"BEFORE", "ON", "SINCE", "SENTBEFORE", "SENTON", "SENTSINCE"}

ONE_DAY = timedelta(days=1)


class BadCharset(Exception):
    """A charset other than US-ASCII and UTF-8; the answer is NO [BADCHARSET]."""


@dataclass(frozen=True)
class Candidate:
    """One message with its sequence number."""

    sequence: int
    message: StoredMessage


Test = Callable[[Candidate], bool]


@dataclass(frozen=True)
class Numbers:
    """What stands in the folder, for sets: sequence numbers and UIDs, ascending."""

    sequences: list[int]
    uids: list[int]


def search_test(words: list[Token], numbers: Numbers) -> Test:
    """The test that all keys together make.

    Raises:
        BadCommand: a key is unknown or its argument is missing.
        BadCharset: the client's charset is not one of ours.
    """
    if words and isinstance(words[0], Atom) and words[0].upper() == "CHARSET":
        if len(words) < 2 or text(words[1]).upper() not in CHARSETS:
            raise BadCharset
        words = words[2:]
    if not words:
        raise BadCommand("Missing search parameters")
    return _Keys(list(words), numbers).all()


class _Keys:
    def __init__(self, words: list[Token], numbers: Numbers) -> None:
        self._words = words
        self._numbers = numbers

    def all(self) -> Test:
        tests: list[Test] = []
        while self._words:
            tests.append(self._next())
        return lambda candidate: all(test(candidate) for test in tests)

    def _argument(self) -> Token:
        if not self._words:
            raise BadCommand("Missing argument to search key")
        return self._words.pop(0)

    def _next(self) -> Test:
        word = self._argument()
        if isinstance(word, list):
            return _Keys(list(word), self._numbers).all()
        key = text(word).upper()
        if key == "NOT":
            inner = self._next()
            return lambda candidate: not inner(candidate)
        if key == "OR":
            left, right = self._next(), self._next()
            return lambda candidate: left(candidate) or right(candidate)
        if wire.is_number_set(key):
            wanted = set(wire.numbers_in(key, self._numbers.sequences))
            return lambda candidate: candidate.sequence in wanted
        return self._flag(key) or self._content(key)

    def _flag(self, key: str) -> Test | None:
        if key in {"ALL", "OLD"}:
            return lambda _: True
        if key in {"NEW", "RECENT"}:
            return lambda _: False
        if key in FLAG_KEYS:
            return _has_flag(FLAG_KEYS[key], wanted=True)
        if key.startswith("UN") and key[2:] in FLAG_KEYS:
            return _has_flag(FLAG_KEYS[key[2:]], wanted=False)
        if key in {"KEYWORD", "UNKEYWORD"}:
            return _has_flag(text(self._argument()), wanted=key == "KEYWORD")
        return None

    def _content(self, key: str) -> Test:
        if key == "UID":
            wanted = set(wire.numbers_in(text(self._argument()), self._numbers.uids))
            return lambda candidate: candidate.message.uid in wanted
        if key in HEADER_KEYS:
            return _header_holds(key, text(self._argument()))
        if key == "HEADER":
            return _header_holds(text(self._argument()), text(self._argument()))
        if key in {"BODY", "TEXT"}:
            return _octets_hold(text(self._argument()), whole=key == "TEXT")
        if key in DATE_KEYS:
            return _dated(key, wire.read_date(text(self._argument())))
        if key in {"LARGER", "SMALLER"}:
            return _sized(text(self._argument()), larger=key == "LARGER")
        raise BadCommand(f"Unknown argument {key[:40]}")


def _has_flag(flag: str, *, wanted: bool) -> Test:
    return lambda c: (flag.lower() in {held.lower() for held in c.message.flags}) == wanted


def _header_holds(name: str, part: str) -> Test:
    def test(candidate: Candidate) -> bool:
        value = field(wire.crlf(candidate.message.raw), name.lower().encode())
        return value is not None and part.lower() in _readable(value).lower()

    return test


def _readable(value: bytes) -> str:
    written = value.decode("utf-8", "replace")
    try:
        return str(make_header(decode_header(written)))
    except (LookupError, ValueError):
        return written  # an encoded word in a charset nobody knows is searched as it stands


def _octets_hold(part: str, *, whole: bool) -> Test:
    wanted = part.lower().encode()

    def test(candidate: Candidate) -> bool:
        raw = wire.crlf(candidate.message.raw)
        return wanted in (raw if whole else split(raw)[1]).lower()

    return test


def _dated(key: str, day: datetime) -> Test:
    def test(candidate: Candidate) -> bool:
        message = candidate.message
        when = _sent(message) if key.startswith("SENT") else message.internal_utc
        if when is None:
            return False
        match key.removeprefix("SENT"):
            case "BEFORE":
                return when < day
            case "ON":
                return day <= when < day + ONE_DAY
        return when >= day

    return test


def _sent(message: StoredMessage) -> datetime | None:
    value = field(wire.crlf(message.raw), b"date")
    if value is None:
        return None
    try:
        sent = parsedate_to_datetime(value.decode("ascii", "replace"))
    except ValueError:
        return None  # a date nobody can read matches no date
    # RFC 3501: dates are compared disregarding time and zone.
    return sent.replace(tzinfo=UTC)


def _sized(written: str, *, larger: bool) -> Test:
    if not written.isdecimal():
        raise BadCommand("Invalid search size parameter")
    limit = int(written)

    def test(candidate: Candidate) -> bool:
        size = len(wire.crlf(candidate.message.raw))
        return size > limit if larger else size < limit

    return test
