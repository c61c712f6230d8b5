"""Groups, shared mailboxes, rights and contacts of the tenant, beside the coexistence group."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from bascule.domain.directory_objects.found import (
    FoundContact,
    FoundGroup,
    FoundMailbox,
    HeldRight,
    Recipient,
)
from bascule.domain.directory_objects.values import (
    Right,
    WantedContact,
    WantedGroup,
    WantedMailbox,
)


class Recipients(Protocol):
    """The tenant's recipients.

    Every method may raise Unreachable, Throttled and Refusal(PERMISSION_MISSING | REQUEST_REJECTED). Lists are whole
    or an error. Writes may be repeated: done already is success. After Unreachable on a write it may have happened.
    A write to an object that another call has just made may raise NotYet, while the servers tell each other.
    """

    def everyone(self) -> tuple[Recipient, ...]:
        """Every recipient of the tenant; one call for each thousand."""
        ...

    def groups(self) -> tuple[FoundGroup, ...]:
        """Every distribution group, members left out; one call for each thousand."""
        ...

    def listed_members(self) -> Mapping[str, frozenset[str]]:
        """{directory id of a group: directory ids of its members} for every mail-enabled group, from the directory
        behind Exchange: a few calls for all of them, and it may lag.
        """
        ...

    def members_of(self, group_guids: Iterable[str]) -> Mapping[str, frozenset[str]]:
        """{GUID: primary addresses of its members} from Exchange itself; ten groups a call.

        Raises:
            NotYet: one of the groups is not known to the server that was asked.
        """
        ...

    def shared_mailboxes(self) -> tuple[FoundMailbox, ...]:
        """Every shared mailbox; one call for each thousand."""
        ...

    def rights_on(self, mailbox_guids: Iterable[str]) -> Mapping[str, tuple[HeldRight, ...]]:
        """{GUID: FullAccess and SendAs given directly}; five mailboxes a call. Raises NotYet as `members_of`."""
        ...

    def contacts(self) -> tuple[FoundContact, ...]:
        """Every mail contact; one call for each thousand."""
        ...

    def create_group(self, wanted: WantedGroup, name: str) -> None:
        """Create a group with its owners and members, all of whom are there; one of that address is success.

        Raises:
            Refusal(REQUEST_REJECTED): somebody else has its address or name.
        """
        ...

    def correct_group(self, wanted: WantedGroup) -> None:
        """Set name, restrictions and visibility; owners and members are left alone."""
        ...

    def add_owner(self, group: str, owner: str) -> None:
        """Add an owner; the others stay."""
        ...

    def remove_owner(self, group: str, owner: str) -> None:
        """Remove an owner; the last one cannot go."""
        ...

    def add_member(self, group: str, member: str) -> None:
        """Make somebody a member."""
        ...

    def remove_member(self, group: str, member: str) -> None:
        """Take somebody out."""
        ...

    def create_shared_mailbox(self, wanted: WantedMailbox, name: str) -> None:
        """Create a shared mailbox; a mailbox of that address is success.

        Raises:
            Refusal(REQUEST_REJECTED): somebody else has its address or name.
        """
        ...

    def correct_shared_mailbox(self, wanted: WantedMailbox) -> None:
        """Set its name and visibility."""
        ...

    def grant(self, mailbox: str, trustee: str, right: Right, *, is_mapped: bool) -> None:
        """Give a right on a shared mailbox; `is_mapped` counts for FullAccess only."""
        ...

    def revoke(self, mailbox: str, trustee: str, right: Right) -> None:
        """Take a right back."""
        ...

    def create_contact(self, wanted: WantedContact, name: str) -> None:
        """Create a mail contact; one of that address is success.

        Raises:
            Refusal(REQUEST_REJECTED): somebody else has its address or name.
        """
        ...

    def correct_contact(self, wanted: WantedContact) -> None:
        """Set the name it shows."""
        ...
