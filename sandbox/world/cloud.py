"""Mailboxes in the tenant: what provisioning opens, transport fills, migration copies into and Graph shows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sandbox.world.mail import MailStore

# The folders every new mailbox has, by Graph's well-known name; the English names are what the migration fills.
WELL_KNOWN_FOLDERS = {
    "inbox": "Inbox",
    "sentitems": "Sent Items",
    "drafts": "Drafts",
    "deleteditems": "Deleted Items",
    "junkemail": "Junk Email",
    "archive": "Archive",
}


@dataclass
class CloudMailbox:
    """One open mailbox of the tenant."""

    user_id: str
    exchange_guid: str
    primary_address: str
    addresses: set[str]
    opened_utc: datetime
    store: MailStore = field(default_factory=MailStore)
    # What was deleted from the folders and can still be recovered; no folder of it is ever listed.
    # Its validities are its own, so that no message of it is taken for one of `store`.
    recoverable: MailStore = field(
        default_factory=lambda: MailStore(next_uid_validity=1_800_000_000)
    )

    def __post_init__(self) -> None:
        for name in WELL_KNOWN_FOLDERS.values():
            self.store.folder(name)


class CloudMailboxes:
    """All open mailboxes, found by user or by any of their addresses."""

    def __init__(self) -> None:
        self._by_user: dict[str, CloudMailbox] = {}
        # Where an address was last found; checked before it is believed, because addresses change hands.
        self._last_seen: dict[str, CloudMailbox] = {}
        # Told of every mailbox that opens; the directory knows an account behind each.
        self.on_opened: list[Callable[[CloudMailbox], None]] = []

    def open(self, mailbox: CloudMailbox) -> None:
        """Add a mailbox; the user must have none yet."""
        if mailbox.user_id in self._by_user:
            raise ValueError(f"user {mailbox.user_id} has a mailbox already")
        self._by_user[mailbox.user_id] = mailbox
        for tell in self.on_opened:
            tell(mailbox)

    def close(self, user_id: str) -> CloudMailbox:
        """Take a mailbox out of service; it receives nothing any more. The caller keeps it."""
        return self._by_user.pop(user_id)

    def of_user(self, user_id: str) -> CloudMailbox | None:
        """The mailbox of a user; None while it is not provisioned."""
        return self._by_user.get(user_id)

    def at_address(self, address: str) -> CloudMailbox | None:
        """The mailbox that any of whose addresses this is, upper and lower case alike."""
        wanted = address.lower()
        known = self._last_seen.get(wanted)
        if known and wanted in known.addresses and self._by_user.get(known.user_id) is known:
            return known
        found = next((m for m in self._by_user.values() if wanted in m.addresses), None)
        if found:
            self._last_seen[wanted] = found
        return found

    def all(self) -> list[CloudMailbox]:
        """Every open mailbox."""
        return list(self._by_user.values())
