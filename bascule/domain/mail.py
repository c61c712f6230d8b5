"""Folders and messages as the survey and the certificate compare them, on both sides alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bascule.domain.codes import Offence
from bascule.domain.routes import AliasRow


@dataclass(frozen=True)
class Login:
    """How one source mailbox is opened."""

    user_name: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class FolderMark:
    """Where a folder stands; any new message moves `uid_next`. Source: RFC 9051 2.3.1.1."""

    uid_validity: int
    uid_next: int


Marks = Mapping[str, FolderMark]


@dataclass(frozen=True)
class SourceFolder:
    """One folder at the source. `path` has its levels in order; a level may hold any character."""

    name: str
    """As the server spells it, decoded from modified UTF-7."""
    path: tuple[str, ...]
    message_count: int
    size_bytes: int


@dataclass(frozen=True)
class Offender:
    """Something that will not arrive as it is."""

    offence: Offence
    folder: str
    count: int


@dataclass(frozen=True)
class Survey:
    """What stands at the source."""

    folders: tuple[SourceFolder, ...]
    offenders: tuple[Offender, ...]
    bypasses: tuple[AliasRow, ...] = ()
    """Alias rows, other than the address's own, that lead straight to this mailbox."""

    @property
    def message_count(self) -> int:
        """Messages in all folders."""
        return sum(folder.message_count for folder in self.folders)

    @property
    def size_bytes(self) -> int:
        """Size of all folders."""
        return sum(folder.size_bytes for folder in self.folders)


@dataclass(frozen=True)
class MessageFacts:
    """What identifies a message on both sides, without its subject or content."""

    handle: str
    """The UID at the source, the message's id in the cloud."""
    message_id: str
    """The Message-ID header with its angle brackets; empty when the message has none."""
    received_utc: datetime
    """IMAP's INTERNALDATE; the cloud's time of delivery, which the migration is seen, and nowhere said, to keep."""
    size_bytes: int
    """0 where the server does not say."""

    @property
    def arrival_s(self) -> int:
        """The second of its arrival; no server keeps finer ones."""
        return int(self.received_utc.timestamp())

    def is_same_as(self, other: "MessageFacts") -> bool:
        """Whether both have one Message-ID and arrived in the same second; never for a message without an id."""
        return (
            bool(self.message_id)
            and self.message_id == other.message_id
            and self.arrival_s == other.arrival_s
        )


@dataclass(frozen=True)
class CloudFolder:
    """One folder in the cloud. `path` uses the English name of a well-known folder at its first level."""

    folder_id: str
    path: tuple[str, ...]
    message_count: int


@dataclass(frozen=True)
class RawMessage:
    """A message on its way home."""

    content: bytes = field(repr=False)
    flags: tuple[str, ...] = ()
    received_utc: datetime | None = None
