"""Messages, folders and mail stores: the same shapes on the source and in the tenant."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

# Servers on the way add these; the message is still the one that was sent.
TRACE_HEADERS = frozenset(
    {
        b"received",
        b"return-path",
        b"delivered-to",
        b"x-original-to",
        b"message-id",
        b"x-bascule-routed",
    }
)


@dataclass(frozen=True)
class StoredMessage:
    """One message in one folder, as IMAP sees it."""

    uid: int
    raw: bytes = field(repr=False)
    flags: frozenset[str]
    internal_utc: datetime


@dataclass
class Folder:
    """One folder: its messages by UID, in UID order."""

    name: str
    uid_validity: int
    uid_next: int = 1
    messages: dict[int, StoredMessage] = field(default_factory=dict)

    def add(self, raw: bytes, flags: frozenset[str], internal_utc: datetime) -> StoredMessage:
        """Append a message under the next UID."""
        message = StoredMessage(self.uid_next, raw, flags, internal_utc)
        self.messages[message.uid] = message
        self.uid_next += 1
        return message


@dataclass
class MailStore:
    """All folders of one mailbox, by name; `/` separates levels."""

    folders: dict[str, Folder] = field(default_factory=dict)
    next_uid_validity: int = 1_700_000_000

    def folder(self, name: str) -> Folder:
        """The folder of that name, created when it is not there."""
        if name not in self.folders:
            self.folders[name] = Folder(name, self.next_uid_validity)
            self.next_uid_validity += 1
        return self.folders[name]

    def walk(self) -> Iterator[tuple[Folder, StoredMessage]]:
        """Every message with its folder."""
        for folder in self.folders.values():
            for message in folder.messages.values():
                yield folder, message


def fingerprint(raw: bytes) -> str:
    """The identity of a message's content, the same before and after servers added their trace headers.

    Message-ID is left out because the tenant gives one to a message that has none. Hex SHA-256, 64 characters.
    """
    return _digest_without(raw, TRACE_HEADERS)


def timeless_fingerprint(raw: bytes) -> str:
    """As `fingerprint`, and the same for a message that another run sent at another time."""
    return _digest_without(raw, TRACE_HEADERS | {b"date"})


def _digest_without(raw: bytes, left_out: frozenset[bytes]) -> str:
    head, separator, body = _split(raw)
    kept = b"\n".join(line for line in _unfolded(head) if _header_name(line) not in left_out)
    return hashlib.sha256(kept + separator + body.replace(b"\r\n", b"\n")).hexdigest()


def header(raw: bytes, name: str) -> str | None:
    """The first value of a header, unfolded, decoded as UTF-8 with replacement; None when it is not there."""
    wanted = name.lower().encode("ascii")
    for line in _unfolded(_split(raw)[0]):
        if _header_name(line) == wanted:
            return line.split(b":", 1)[1].strip().decode("utf-8", "replace")
    return None


def with_header(raw: bytes, name: str, value: str) -> bytes:
    """The message with one more header on top, as a server on the way adds it."""
    return f"{name}: {value}\r\n".encode() + raw


def header_count(raw: bytes, name: str) -> int:
    """How often a header stands in the message; `Received` counts the hops."""
    wanted = name.lower().encode("ascii")
    return sum(_header_name(line) == wanted for line in _unfolded(_split(raw)[0]))


def _split(raw: bytes) -> tuple[bytes, bytes, bytes]:
    normal = raw.replace(b"\r\n", b"\n")
    if normal.startswith(b"\n"):
        return b"", b"\n\n", normal[1:]
    head, _, body = normal.partition(b"\n\n")
    return head.rstrip(b"\n"), b"\n\n", body


def _unfolded(head: bytes) -> list[bytes]:
    lines: list[bytes] = []
    for line in head.split(b"\n"):
        if line[:1] in (b" ", b"\t") and lines:
            lines[-1] += b" " + line.strip()
        elif line:
            lines.append(line)
    return lines


def _header_name(line: bytes) -> bytes:
    return line.split(b":", 1)[0].strip().lower()
