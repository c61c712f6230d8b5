"""Mailboxes at the source, over IMAP."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from bascule.domain.mail import Login, Marks, MessageFacts, RawMessage, SourceFolder


class SourceMailbox(Protocol):
    """One opened mailbox. Reading never changes a flag (EXAMINE, BODY.PEEK).

    Every method may raise Unreachable, and Refusal(SOURCE_FOLDER_UNREADABLE) for a folder the server lists but does
    not open.
    """

    def folders(self) -> tuple[SourceFolder, ...]:
        """Every selectable folder with its count and size."""
        ...

    def large_message_count(self, folder: str, limit_bytes: int) -> int:
        """How many messages of a folder are larger than `limit_bytes`."""
        ...

    def marks(self) -> Marks:
        """UIDVALIDITY and UIDNEXT of every selectable folder, by name."""
        ...

    def messages(self, folder: str) -> Iterator[MessageFacts]:
        """Every message of a folder in UID order, in chunks; `handle` is the UID."""
        ...

    def holds(self, folder: str, message: MessageFacts) -> bool:
        """Whether the folder has a message with this Message-ID that arrived in the same second.

        The id alone is not enough: there are messages with one id and other content. A folder that is not there has
        none, and a message without an id is never found.
        """
        ...

    def append(self, folder: str, message: RawMessage) -> bool:
        """Put a message into a folder, which is created when it is not there; whether the folder shows it then.

        Idempotent: a message with this content that arrived in the same second is there already. So it needs no
        Message-ID, and the one that it has need not be the one that the cloud shows of it.
        """
        ...

    def remove_by_subject(self, subject: str) -> int:
        """Delete the messages of INBOX with exactly this subject; how many there were. For probes only."""
        ...


class SourceMail(Protocol):
    """The IMAP server of the plan."""

    def open(self, login: Login) -> AbstractContextManager[SourceMailbox]:
        """Log in; log out at the end.

        Raises:
            Refusal(SOURCE_LOGIN_REFUSED): the server does not take this user name and password.
            Unreachable: no connection, or a certificate that does not verify.
        """
        ...
