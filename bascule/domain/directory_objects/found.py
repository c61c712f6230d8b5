"""What the tenant has, as Exchange shows it, and who is meant by a name that Exchange shows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bascule.domain.directory_objects.values import Right


class Kind(StrEnum):
    """What kind of recipient stands behind an address, as far as these files tell kinds apart."""

    MAILBOX = "mailbox"
    SHARED_MAILBOX = "shared mailbox"
    MAIL_USER = "mail user"
    CONTACT = "contact"
    GROUP = "distribution group"
    OTHER = "recipient of another kind"


# Source: Microsoft Learn, Get-Recipient, parameter RecipientTypeDetails.
KINDS = {
    "UserMailbox": Kind.MAILBOX,
    "RoomMailbox": Kind.MAILBOX,
    "EquipmentMailbox": Kind.MAILBOX,
    "SharedMailbox": Kind.SHARED_MAILBOX,
    "MailUser": Kind.MAIL_USER,
    "GuestMailUser": Kind.MAIL_USER,
    "MailContact": Kind.CONTACT,
    "MailUniversalDistributionGroup": Kind.GROUP,
    "MailUniversalSecurityGroup": Kind.GROUP,
}
MAILBOXES = frozenset({Kind.MAILBOX, Kind.SHARED_MAILBOX})
# Microsoft Learn, Add-DistributionGroupMember: everything but Microsoft 365 groups.
MEMBERS = frozenset({*MAILBOXES, Kind.MAIL_USER, Kind.CONTACT, Kind.GROUP})


@dataclass(frozen=True)
class Recipient:
    """Anybody who can receive mail in the tenant."""

    guid: str
    directory_id: str
    """Its identifier in the directory behind Exchange, lower case; empty when Exchange shows none."""
    name: str
    alias: str
    addresses: tuple[str, ...]
    """Lower case, the primary one first."""
    kind: Kind

    @property
    def address(self) -> str:
        """The primary address."""
        return self.addresses[0]


@dataclass(frozen=True)
class FoundGroup:
    """A distribution group with everything but its members."""

    guid: str
    directory_id: str
    addresses: tuple[str, ...]
    display_name: str
    owners: tuple[str, ...]
    """As Exchange shows them: names, identifiers or addresses."""
    join_restriction: str
    depart_restriction: str
    is_hidden: bool
    requires_sender_authentication: bool


@dataclass(frozen=True)
class FoundMailbox:
    """A shared mailbox."""

    guid: str
    addresses: tuple[str, ...]
    display_name: str
    is_hidden: bool
    on_behalf: tuple[str, ...]
    """Who may send on its behalf, as Exchange shows them."""


@dataclass(frozen=True)
class FoundContact:
    """A mail contact."""

    guid: str
    address: str
    """The external address, lower case."""
    display_name: str


@dataclass(frozen=True)
class HeldRight:
    """FullAccess or SendAs, given to somebody directly."""

    trustee: str
    """As Exchange shows it."""
    right: Right


class Roll:
    """All recipients of the tenant, found by any form under which Exchange may name them."""

    def __init__(self, recipients: Iterable[Recipient]) -> None:
        self._by_address: dict[str, Recipient] = {}
        self._by_form: dict[str, Recipient | None] = {}
        for recipient in recipients:
            self._by_address.update(dict.fromkeys(recipient.addresses, recipient))
            for form in {recipient.guid, recipient.directory_id, recipient.name, recipient.alias}:
                known = self._by_form.setdefault(form.lower(), recipient)
                if known is not recipient:
                    self._by_form[form.lower()] = None  # of two namesakes neither is meant
        self._by_form.pop("", None)

    def at(self, address: str) -> Recipient | None:
        """Whoever has this address."""
        return self._by_address.get(address)

    def named(self, shown: str) -> Recipient | None:
        """Whoever Exchange means: an address, an identifier, a name, or a path that ends in a name."""
        wanted = shown.strip().lower()
        found = self._by_address.get(wanted) or self._by_form.get(wanted)
        return found or self._by_form.get(wanted.rpartition("/")[2])

    def addresses_of(self, shown: Iterable[str]) -> frozenset[str]:
        """Primary addresses of those that Exchange shows; whoever is unknown stays as shown."""
        found = ((each, self.named(each)) for each in shown)
        return frozenset(who.address if who else each.strip().lower() for each, who in found)

    def is_taken(self, form: str) -> bool:
        """Whether some recipient bears this name or alias."""
        return form.lower() in self._by_form


@dataclass(frozen=True)
class FoundDirectory:
    """Everything of the tenant that a comparison needs."""

    roll: Roll
    groups: tuple[FoundGroup, ...] = ()
    members: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """{GUID of a group: primary addresses of its members}, for every group that is wanted and there."""
    mailboxes: tuple[FoundMailbox, ...] = ()
    rights: Mapping[str, tuple[HeldRight, ...]] = field(default_factory=dict)
    """{GUID of a shared mailbox: FullAccess and SendAs on it}, for every mailbox that is wanted and there."""
    contacts: tuple[FoundContact, ...] = ()
