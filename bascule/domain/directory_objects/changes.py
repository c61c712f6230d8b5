"""What there is to do, one effect each; travels in chunks and is kept as JSON."""

from dataclasses import dataclass
from enum import StrEnum

from bascule.domain.directory_objects.values import WantedContact, WantedGroup, WantedMailbox


class Deed(StrEnum):
    """One kind of effect on the tenant."""

    CREATE_CONTACT = "create contact"
    CREATE_MAILBOX = "create shared mailbox"
    CREATE_GROUP = "create group"
    CORRECT_CONTACT = "correct contact"
    CORRECT_MAILBOX = "correct shared mailbox"
    CORRECT_GROUP = "correct group"
    ADD_OWNER = "add owner"
    ADD_MEMBER = "add member"
    GRANT = "grant right"
    REMOVE_OWNER = "remove owner"
    REMOVE_MEMBER = "remove member"
    REVOKE = "revoke right"


REMOVALS = frozenset({Deed.REMOVE_OWNER, Deed.REMOVE_MEMBER, Deed.REVOKE})


@dataclass(frozen=True)
class Change:
    """One effect: on which object, with whom, from what to what."""

    deed: Deed
    address: str
    """Of the group, shared mailbox or contact that changes."""
    whom: str = ""
    """Member, owner or trustee."""
    right: str = ""
    is_mapped: bool = True
    """Of FullAccess: whether Outlook opens the mailbox by itself."""
    name: str = ""
    """Of an object to create: its unique name and alias in Exchange."""
    before: str = ""
    after: str = ""
    wanted: WantedGroup | WantedMailbox | WantedContact | None = None
    """The whole object, to create or correct it; a group with those owners and members only who are there now."""

    @property
    def is_removal(self) -> bool:
        """Whether it takes something from somebody, and so needs the operator's word."""
        return self.deed in REMOVALS


@dataclass(frozen=True)
class Waiting:
    """Somebody who is wanted and not there yet."""

    address: str
    """Whose mailbox, contact or group is awaited."""
    place: str
    """The group or shared mailbox that waits."""


@dataclass(frozen=True)
class Blocked:
    """An object that cannot be made or corrected as it is; a person decides."""

    address: str
    why: str


@dataclass(frozen=True)
class Difference:
    """What separates the tenant from the files."""

    changes: tuple[Change, ...] = ()
    """Creations first, then corrections, then additions; no removals."""
    removals: tuple[Change, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    blocked: tuple[Blocked, ...] = ()
