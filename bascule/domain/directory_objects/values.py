"""What the files want of the tenant, in values that travel and are kept as JSON. Addresses are in normal form."""

from dataclasses import dataclass
from enum import StrEnum


class Right(StrEnum):
    """What somebody may do with another mailbox, in Exchange's own words."""

    FULL_ACCESS = "FullAccess"
    SEND_AS = "SendAs"
    SEND_ON_BEHALF = "SendOnBehalf"


@dataclass(frozen=True)
class WantedGroup:
    """One distribution group with its owners and members."""

    address: str
    display_name: str
    owners: tuple[str, ...]
    members: tuple[str, ...] = ()
    join_restriction: str = "Closed"
    depart_restriction: str = "Closed"
    is_hidden: bool = False
    requires_sender_authentication: bool = True


@dataclass(frozen=True)
class WantedMailbox:
    """One shared mailbox."""

    address: str
    display_name: str
    is_hidden: bool = False


@dataclass(frozen=True)
class Delegation:
    """One right of one person on one shared mailbox."""

    mailbox: str
    trustee: str
    right: Right
    is_mapped: bool = True
    """Whether Outlook opens the mailbox by itself; of FullAccess only, and Exchange does not show it again."""


@dataclass(frozen=True)
class WantedContact:
    """One mail contact; the address lies outside the tenant."""

    address: str
    display_name: str


@dataclass(frozen=True)
class WantedDirectory:
    """All five files together, each kind by address."""

    groups: tuple[WantedGroup, ...] = ()
    mailboxes: tuple[WantedMailbox, ...] = ()
    delegations: tuple[Delegation, ...] = ()
    contacts: tuple[WantedContact, ...] = ()
