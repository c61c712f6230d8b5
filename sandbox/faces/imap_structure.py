"""BODYSTRUCTURE and the parts of a multipart message. Source: RFC 3501 section 7.4.2."""

from email import message_from_bytes
from email.message import Message
from email.policy import compat32

from sandbox.faces import imap_wire as wire
from sandbox.faces.imap_envelope import envelope

# Mail nested deeper than this is an attack on readers, not correspondence.
PART_DEPTH_MAX = 30

# As it was sent: no header is folded anew.
LINE_END = compat32.clone(linesep="\r\n", max_line_length=0)


def structure(raw: bytes, *, extended: bool) -> bytes:
    """The structure of a message; `extended` adds what BODYSTRUCTURE has over BODY."""
    return _structure(message_from_bytes(raw), extended, 0)


def part_of(raw: bytes, path: list[int], of: str) -> bytes:
    """The octets of one part; none when there is no such part. `of` is MIME, HEADER, TEXT or empty."""
    part: Message = message_from_bytes(raw)
    for number in path:
        inner = part.get_payload()
        if isinstance(inner, list):
            if not 1 <= number <= len(inner):
                return b""
            part = inner[number - 1]  # type: ignore[assignment]
        elif number != 1:
            return b""
    head, _, body = part.as_bytes(policy=LINE_END).partition(b"\r\n\r\n")
    return head + b"\r\n\r\n" if of in {"MIME", "HEADER"} else body


def _structure(part: Message, extended: bool, depth: int) -> bytes:
    payload = part.get_payload()
    inner = [each for each in payload if isinstance(each, Message)] if part.is_multipart() else []
    if inner and depth < PART_DEPTH_MAX:
        if part.get_content_maintype() == "multipart":
            return _multipart(part, inner, extended, depth)
        if part.get_content_type() == "message/rfc822":
            return _enclosed(part, inner[0], extended, depth)
    return _single(part, extended)


def _enclosed(part: Message, inner: Message, extended: bool, depth: int) -> bytes:
    raw = inner.as_bytes(policy=LINE_END)
    words = [*_basics(part), b"%d" % len(raw), envelope(raw)]
    words += [_structure(inner, extended, depth + 1), b"%d" % raw.count(b"\n")]
    if extended:
        words += [b"NIL", _disposition(part), b"NIL", b"NIL"]
    return b"(" + b" ".join(words) + b")"


def _multipart(part: Message, inner: list[Message], extended: bool, depth: int) -> bytes:
    parts = b"".join(_structure(each, extended, depth + 1) for each in inner)
    words = [parts, _quoted(part.get_content_subtype())]
    if extended:
        words += [_parameters(part), _disposition(part), b"NIL", b"NIL"]
    return b"(" + b" ".join(words) + b")"


def _single(part: Message, extended: bool) -> bytes:
    body = part.as_bytes(policy=LINE_END).partition(b"\r\n\r\n")[2]
    words = [*_basics(part), b"%d" % len(body)]
    if part.get_content_maintype() == "text":
        words.append(b"%d" % body.count(b"\n"))
    if extended:
        words += [b"NIL", _disposition(part), b"NIL", b"NIL"]
    return b"(" + b" ".join(words) + b")"


def _basics(part: Message) -> list[bytes]:
    words = [_quoted(part.get_content_maintype()), _quoted(part.get_content_subtype())]
    words += [_parameters(part), _header(part, "Content-ID"), _header(part, "Content-Description")]
    return [*words, _quoted(str(part.get("Content-Transfer-Encoding", "7bit")).strip().lower())]


def _parameters(part: Message) -> bytes:
    pairs = (part.get_params(failobj=[]) or [])[1:]
    written = [_quoted(key) + b" " + _quoted(_flat(value)) for key, value in pairs]
    return b"(" + b" ".join(written) + b")" if written else b"NIL"


def _disposition(part: Message) -> bytes:
    kind = part.get_content_disposition()
    if kind is None:
        return b"NIL"
    pairs = (part.get_params(failobj=[], header="Content-Disposition") or [])[1:]
    written = b" ".join(_quoted(key) + b" " + _quoted(_flat(value)) for key, value in pairs)
    return b"(" + _quoted(kind) + b" " + (b"(" + written + b")" if written else b"NIL") + b")"


def _flat(value: str | tuple[str | None, str | None, str]) -> str:
    return value if isinstance(value, str) else value[2]


def _header(part: Message, name: str) -> bytes:
    value = part.get(name)
    return b"NIL" if value is None else _quoted(str(value))


def _quoted(value: str) -> bytes:
    return wire.string(value.encode("utf-8", "surrogateescape"))
