"""Values as the server writes them: strings, dates, sets of numbers. Source: RFC 3501 section 9."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone

from sandbox.faces.imap_grammar import BadCommand
from sandbox.faces.imap_names import encode_name

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_DATE_TIME = re.compile(
    r" ?(\d{1,2})-(\w{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\Z", re.ASCII
)
_DATE = re.compile(r"(\d{1,2})-(\w{3})-(\d{4})\Z", re.ASCII)
_RANGE = re.compile(r"(\d{1,10}|\*)(?::(\d{1,10}|\*))?\Z", re.ASCII)
_PLAIN = re.compile(rb"[\x20\x21\x23-\x5b\x5d-\x7e]*\Z")


def string(value: bytes) -> bytes:
    """Quoted when plain, else a literal."""
    return b'"' + value + b'"' if _PLAIN.match(value) else literal(value)


def literal(value: bytes) -> bytes:
    """A literal: length, then octets."""
    return b"{%d}\r\n%s" % (len(value), value)


def nstring(value: bytes | None) -> bytes:
    """A string, or NIL for None."""
    return b"NIL" if value is None else string(value)


def name(folder_name: str) -> bytes:
    """A folder's name."""
    wire = encode_name(folder_name).encode("ascii")
    plain = re.match(rb"[A-Za-z0-9_./&,+-]+\Z", wire)
    return wire if plain else b'"' + re.sub(rb'(["\\])', rb"\\\1", wire) + b'"'


def flag_list(flags: Iterable[str]) -> bytes:
    """Flags in brackets, in a fixed order."""
    return b"(" + " ".join(sorted(flags)).encode() + b")"


def crlf(raw: bytes) -> bytes:
    """A message with the line ends of the wire."""
    return re.sub(rb"(?<!\r)\n", b"\r\n", raw)


def internal_date(when_utc: datetime) -> bytes:
    """INTERNALDATE's form, in UTC."""
    when_utc = when_utc.astimezone(UTC)
    day = f"{when_utc.day:2}-{MONTHS[when_utc.month - 1]}-{when_utc.year}"
    return f'"{day} {when_utc:%H:%M:%S} +0000"'.encode()


def read_date_time(written: str) -> datetime:
    """The instant that APPEND names, in UTC."""
    found = _DATE_TIME.match(written)
    if found is None:
        raise BadCommand("Invalid internal date")
    day, month, year, hour, minute, second, sign, off_h, off_min = found.groups()
    offset = timedelta(hours=int(off_h), minutes=int(off_min)) * (-1 if sign == "-" else 1)
    try:
        zone = timezone(offset)
        local = datetime(
            int(year), _month(month), int(day), int(hour), int(minute), int(second), tzinfo=zone
        )
    except ValueError as problem:
        raise BadCommand("Invalid internal date") from problem
    return local.astimezone(UTC)


def read_date(written: str) -> datetime:
    """The midnight, in UTC, that a search date names."""
    found = _DATE.match(written)
    if found is None:
        raise BadCommand("Invalid search date parameter")
    try:
        return datetime(int(found[3]), _month(found[2]), int(found[1]), tzinfo=UTC)
    except ValueError as problem:
        raise BadCommand("Invalid search date parameter") from problem


def numbers_in(written: str, known: list[int]) -> list[int]:
    """Those of the known numbers (ascending) that a set such as `1:4,7,9:*` names.

    `*` is the largest known number; `7:*` names it even when it is below 7.
    """
    wanted: set[int] = set()
    largest = known[-1] if known else 0
    for part in written.split(","):
        found = _RANGE.match(part)
        if found is None or "0" in found.groups():
            raise BadCommand("Invalid messageset")
        ends = [largest if end == "*" else int(end) for end in found.groups() if end]
        low, high = min(ends), max(ends)
        wanted.update(number for number in known if low <= number <= high)
    return sorted(wanted)


def is_number_set(written: str) -> bool:
    """Whether a search word is a set of sequence numbers."""
    return all(_RANGE.match(part) for part in written.split(","))


def _month(written: str) -> int:
    return MONTHS.index(written.capitalize()) + 1
