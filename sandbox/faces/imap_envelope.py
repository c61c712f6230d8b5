"""The header of a message as IMAP shows it: its fields, and the ENVELOPE. Source: RFC 3501 section 7.4.2."""

import re
from collections.abc import Iterator
from email.utils import getaddresses

from sandbox.faces import imap_wire as wire

ENVELOPE_ADDRESSES = (b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc")


def split(raw: bytes) -> tuple[bytes, bytes]:
    """Headers with the empty line that ends them, and what follows."""
    if raw.startswith(b"\r\n"):
        return b"\r\n", raw[2:]
    head, separator, body = raw.partition(b"\r\n\r\n")
    return (head + separator, body) if separator else (raw, b"")


def fields(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each header line, folded lines included: (name in lower case, octets with CRLF)."""
    for line in re.split(rb"\r\n(?![ \t])", head):
        if line:
            yield line.split(b":", 1)[0].strip().lower(), line + b"\r\n"


def field(raw: bytes, wanted: bytes) -> bytes | None:
    """The first value of a header (its name in lower case), unfolded; None when it is not there."""
    for name, line in fields(split(raw)[0]):
        if name == wanted and b":" in line:
            return re.sub(rb"\r\n(?=[ \t])", b"", line).split(b":", 1)[1].strip()
    return None


def envelope(raw: bytes) -> bytes:
    """The ENVELOPE of a message: date, subject, the six address lists, in-reply-to, message-id."""
    from_list = _addresses(field(raw, b"from"))
    lists = {header: _addresses(field(raw, header)) for header in ENVELOPE_ADDRESSES}
    # RFC 3501 7.4.2: an absent Sender or Reply-To is answered as From.
    for header in (b"sender", b"reply-to"):
        if lists[header] == b"NIL":
            lists[header] = from_list
    parts = [wire.nstring(field(raw, b"date")), wire.nstring(field(raw, b"subject"))]
    parts += [lists[header] for header in ENVELOPE_ADDRESSES]
    parts += [wire.nstring(field(raw, b"in-reply-to")), wire.nstring(field(raw, b"message-id"))]
    return b"(" + b" ".join(parts) + b")"


def _addresses(value: bytes | None) -> bytes:
    if value is None:
        return b"NIL"
    found = [pair for pair in getaddresses([value.decode("utf-8", "surrogateescape")]) if pair[1]]
    return b"(" + b"".join(_address(*pair) for pair in found) + b")" if found else b"NIL"


def _address(display: str, address: str) -> bytes:
    local, _, host = address.rpartition("@")
    pieces = (display, None, local or host, host)
    octets = [
        None if p in {None, ""} else str(p).encode("utf-8", "surrogateescape") for p in pieces
    ]
    return b"(" + b" ".join(wire.nstring(piece) for piece in octets) + b")"
