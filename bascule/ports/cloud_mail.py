"""The content of cloud mailboxes, and mail sent from inside the tenant."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Protocol

from bascule.domain.mail import CloudFolder, MessageFacts, RawMessage


class CloudMail(Protocol):
    """Mailboxes of the tenant, by account id.

    Every method may raise Unreachable, Throttled, NotYet (the mailbox does not answer yet) and
    Refusal(PERMISSION_MISSING).
    """

    def folders(self, account_id: str) -> tuple[CloudFolder, ...]:
        """Every folder with mail in it or below it, search folders left out."""
        ...

    def messages(
        self,
        account_id: str,
        folders: Iterable[CloudFolder],
        since_utc: datetime | None = None,
    ) -> Iterator[tuple[CloudFolder, MessageFacts]]:
        """Every message of these folders, folder by folder and page by page; `handle` is the message's id.

        Each comes once, oldest first, whatever arrives or leaves meanwhile. With `since_utc` only those delivered in
        that second or later. Small folders share a call.
        """
        ...

    def read(self, account_id: str, message_handle: str) -> RawMessage | None:
        """One message as MIME with its flags and time of delivery; None when it is gone."""
        ...

    def remove(self, account_id: str, message_handle: str) -> None:
        """Delete one message for good, not into the bin; gone already is success."""
        ...

    def find_by_subject(self, account_id: str, subject: str) -> tuple[str, ...]:
        """Handles of all messages with exactly this subject, in any folder. For probes only."""
        ...

    def send(self, sender: str, recipient: str, subject: str, text: str) -> None:
        """Send a plain text message from a mailbox of the tenant; no copy is kept in its sent items."""
        ...
