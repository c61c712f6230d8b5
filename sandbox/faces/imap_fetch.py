"""What FETCH answers about one message. Source: RFC 3501 sections 6.4.5 and 7.4.2."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.faces import imap_wire as wire
from sandbox.faces.imap_envelope import envelope, fields, split
from sandbox.faces.imap_grammar import Atom, BadCommand, Token
from sandbox.faces.imap_structure import part_of, structure
from sandbox.world.mail import StoredMessage

MACROS = {
    "ALL": ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"],
    "FAST": ["FLAGS", "INTERNALDATE", "RFC822.SIZE"],
    "FULL": ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"],
}

_BODY = re.compile(
    r"BODY(?P<peek>\.PEEK)?\[(?P<section>[^\]]*)\](?:<(?P<start>\d+)\.(?P<size>[1-9]\d*)>)?\Z",
    re.IGNORECASE,
)
_FIELDS = re.compile(r"HEADER\.FIELDS(?P<without>\.NOT)? \((?P<names>[^)]+)\)\Z", re.IGNORECASE)
_PART = re.compile(r"(?P<path>\d+(?:\.\d+)*)(?:\.(?P<of>MIME|HEADER|TEXT))?\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Item:
    """One thing that a client asked to know about each message."""

    answer: Callable[[StoredMessage], bytes]
    sets_seen: bool = False


def items_of(asked: Token, *, with_uid: bool = False) -> list[Item]:
    """The items of a FETCH, macros opened out; UID FETCH answers the UID, asked for or not.

    Raises:
        BadCommand: one of them is unknown.
    """
    words = asked if isinstance(asked, list) else [asked]
    names: list[str] = []
    for word in words:
        if not isinstance(word, Atom):
            raise BadCommand("Invalid FETCH item")
        macro = MACROS.get(word.upper()) if not isinstance(asked, list) else None
        names += macro or [word]
    if with_uid and "UID" not in {found.upper() for found in names}:
        names.insert(0, "UID")
    return [_item(found) for found in names]


def _item(name: str) -> Item:
    simple = _SIMPLE.get(name.upper())
    if simple is not None:
        return simple
    found = _BODY.match(name)
    if found is None:
        raise BadCommand(f"Unknown parameter: {name[:40]}")
    section = found["section"]
    label = b"BODY[" + section.upper().encode() + b"]"
    # An unknown section must fail before the first answer goes out.
    _section(section, b"")
    if found["start"] is None:
        return Item(_body(label, section), sets_seen=not found["peek"])
    start, size = int(found["start"]), int(found["size"])
    answer = _body(label + b"<%d>" % start, section, slice(start, start + size))
    return Item(answer, sets_seen=not found["peek"])


def _body(
    label: bytes, section: str, window: slice | None = None
) -> Callable[[StoredMessage], bytes]:
    def answer(message: StoredMessage) -> bytes:
        content = _section(section, wire.crlf(message.raw))
        return label + b" " + wire.literal(content if window is None else content[window])

    return answer


def _section(section: str, raw: bytes) -> bytes:
    head, body = split(raw)
    match section.upper():
        case "":
            return raw
        case "HEADER":
            return head
        case "TEXT":
            return body
    fields = _FIELDS.match(section)
    if fields is not None:
        wanted = {name.strip('"').lower().encode() for name in fields["names"].split()}
        return _chosen(head, wanted, without=fields["without"] is not None)
    part = _PART.match(section)
    if part is None:
        raise BadCommand(f"Unknown body section {section[:40]}")
    return part_of(raw, [int(n) for n in part["path"].split(".")], (part["of"] or "").upper())


def _chosen(head: bytes, wanted: set[bytes], *, without: bool) -> bytes:
    return b"".join(line for name, line in fields(head) if (name in wanted) != without) + b"\r\n"


def _flags(message: StoredMessage) -> bytes:
    return b"FLAGS " + wire.flag_list(message.flags)


def _rfc822(message: StoredMessage) -> bytes:
    return b"RFC822 " + wire.literal(wire.crlf(message.raw))


_SIMPLE: dict[str, Item] = {
    "FLAGS": Item(_flags),
    "UID": Item(lambda message: b"UID %d" % message.uid),
    "INTERNALDATE": Item(lambda m: b"INTERNALDATE " + wire.internal_date(m.internal_utc)),
    "RFC822.SIZE": Item(lambda message: b"RFC822.SIZE %d" % len(wire.crlf(message.raw))),
    "ENVELOPE": Item(lambda message: b"ENVELOPE " + envelope(wire.crlf(message.raw))),
    "BODYSTRUCTURE": Item(lambda m: b"BODYSTRUCTURE " + structure(wire.crlf(m.raw), extended=True)),
    "BODY": Item(lambda message: b"BODY " + structure(wire.crlf(message.raw), extended=False)),
    "RFC822": Item(_rfc822, sets_seen=True),
    "RFC822.HEADER": Item(lambda m: b"RFC822.HEADER " + wire.literal(split(wire.crlf(m.raw))[0])),
    "RFC822.TEXT": Item(
        lambda m: b"RFC822.TEXT " + wire.literal(split(wire.crlf(m.raw))[1]), sets_seen=True
    ),
}
