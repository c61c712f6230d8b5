"""The old server: Dovecot mailboxes with their logins."""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field

from sandbox.world.mail import MailStore
from sandbox.world.naming import Naming, local_part

INBOX = "INBOX"

# Dovecot's usual `auth_master_user_separator`: `anna*master` opens anna's mailbox with the master's password.
MASTER_SEPARATOR = "*"


@dataclass
class SourceMailbox:
    """One mailbox of the source; folder names stand as IMAP shows them, decoded, levels parted by `separator`."""

    address: str
    user_name: str
    password: str = field(repr=False)
    separator: str = "/"
    store: MailStore = field(default_factory=MailStore)
    subscribed: set[str] = field(default_factory=set)
    unreadable: set[str] = field(default_factory=set)
    """Folders that are listed but do not open, as after a wrong chmod."""

    def __post_init__(self) -> None:
        self.store.folder(INBOX)

    def levels(self, folder_name: str) -> list[str]:
        """The parts of a folder's name; a part may hold `/` when the separator is `.`."""
        return folder_name.split(self.separator)


class Source:
    """All mailboxes of the source, by address and by login."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._by_address: dict[str, SourceMailbox] = {}
        self._by_user_name: dict[str, SourceMailbox] = {}
        self.master_user = "bascule"
        self.master_password = "master of all mailboxes"

    def add(
        self, address: str, password: str, user_name: str | None = None, separator: str = "/"
    ) -> SourceMailbox:
        """Open a mailbox; its user name is the local part unless told otherwise."""
        mailbox = SourceMailbox(
            address.lower(), user_name or local_part(address), password, separator
        )
        if mailbox.address in self._by_address or mailbox.user_name in self._by_user_name:
            raise ValueError(f"{address} is there already, or its user name is taken")
        self._by_address[mailbox.address] = mailbox
        self._by_user_name[mailbox.user_name] = mailbox
        return mailbox

    def at_address(self, address: str) -> SourceMailbox | None:
        """The mailbox of a person, by public or by internal address."""
        return self._by_address.get(self._naming.public_address(address))

    def of_user(self, user_name: str) -> SourceMailbox | None:
        """The mailbox that a user name opens."""
        return self._by_user_name.get(user_name)

    def login(self, user_name: str, password: str) -> SourceMailbox | None:
        """The mailbox that these credentials open; `user*master` opens any with the master's password."""
        owner, separator, master = user_name.partition(MASTER_SEPARATOR)
        mailbox = self._by_user_name.get(owner)
        if mailbox is None or (separator and master != self.master_user):
            return None
        wanted = self.master_password if separator else mailbox.password
        return mailbox if hmac.compare_digest(wanted.encode(), password.encode()) else None

    def all(self) -> Iterator[SourceMailbox]:
        """Every mailbox, by address."""
        return (self._by_address[address] for address in sorted(self._by_address))
