"""Who can receive mail in the tenant, as Exchange sees them: mailboxes, contacts, accepted domains, permissions."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from sandbox.world.cloud import CloudMailbox, CloudMailboxes
from sandbox.world.exchange_refusals import AddressTaken, DomainNotAccepted, NotFound
from sandbox.world.kernel import Kernel
from sandbox.world.replication import Replicated, new_guid
from sandbox.world.weather import Weather

# What a new mailbox accepts, and what the service can be told to accept at most.
# Source: Microsoft Learn, "Exchange Online limits".
MAX_RECEIVE_DEFAULT_BYTES = 36 * 1024 * 1024
MAX_RECEIVE_CEILING_BYTES = 150 * 1024 * 1024


class DomainType(StrEnum):
    """What the tenant does with mail for an address it does not know."""

    AUTHORITATIVE = "Authoritative"
    INTERNAL_RELAY = "InternalRelay"
    EXTERNAL_RELAY = "ExternalRelay"


class RecipientKind(StrEnum):
    """The recipient type, in the words of `RecipientTypeDetails`."""

    USER_MAILBOX = "UserMailbox"
    SHARED_MAILBOX = "SharedMailbox"
    ROOM_MAILBOX = "RoomMailbox"
    EQUIPMENT_MAILBOX = "EquipmentMailbox"
    MAIL_CONTACT = "MailContact"
    DISTRIBUTION_GROUP = "MailUniversalDistributionGroup"
    SECURITY_GROUP = "MailUniversalSecurityGroup"


@dataclass(frozen=True)
class AcceptedDomain:
    """A domain the tenant takes mail for."""

    name: str
    type: DomainType
    is_default: bool = False


@dataclass(frozen=True)
class Recipient:
    """One recipient; addresses in lower case."""

    guid: str
    kind: RecipientKind
    name: str
    display_name: str
    alias: str
    primary_address: str
    addresses: frozenset[str]
    external_directory_id: str = ""
    external_address: str | None = None

    def answers_to(self, identity: str) -> bool:
        """Whether any of the forms an identity may have names this recipient."""
        wanted = identity.lower()
        return wanted in self.addresses or wanted in {
            self.guid,
            self.external_directory_id.lower(),
            self.alias.lower(),
            self.name.lower(),
        }


@dataclass(frozen=True)
class MailboxSettings:
    """What an administrator can set on a mailbox."""

    kind: RecipientKind = RecipientKind.USER_MAILBOX
    display_name: str | None = None
    max_receive_bytes: int = MAX_RECEIVE_DEFAULT_BYTES
    is_hidden: bool = False
    retention_hold: bool = False
    retention_policy: str = "Default MRM Policy"
    """What every new mailbox gets."""
    is_retention_off: bool = False
    has_archive: bool = False
    on_behalf: tuple[str, ...] = ()
    """Identifiers of those who may send on its behalf."""


@dataclass(frozen=True)
class Permission:
    """A right on a mailbox."""

    mailbox_guid: str
    trustee: str
    right: str
    auto_mapping: bool = True


@dataclass
class Recipients:
    """The tenant's recipients. Groups are elsewhere; their addresses are claimed here."""

    kernel: Kernel
    weather: Weather
    mailboxes: CloudMailboxes
    accepted_domains: dict[str, DomainType]
    permissions: list[Permission] = field(default_factory=list)
    _settings: dict[str, MailboxSettings] = field(default_factory=dict)
    _contacts: dict[str, Recipient] = field(default_factory=dict)
    _domains_seen: dict[str, Replicated[DomainType]] = field(default_factory=dict)
    _claimed: dict[str, str] = field(default_factory=dict)

    # -- accepted domains ---------------------------------------------------------------------

    def accept_domain(self, name: str, kind: DomainType = DomainType.AUTHORITATIVE) -> None:
        """Take mail for a domain, or change how; readers see it after the replication delay."""
        with self.kernel.look():
            before = self.accepted_domains.get(name.lower(), kind)
            self.accepted_domains[name.lower()] = kind
            if name.lower() not in self._domains_seen:
                self._domains_seen[name.lower()] = Replicated(
                    self.kernel, self.weather.exchange_replication, "exchange-replication", before
                )
            self._domains_seen[name.lower()].write(kind)

    def accept_new_domain(self, name: str) -> None:
        """Take mail for a domain that the directory has just set up for it; one that is known stays as it is."""
        if name.lower() not in self.accepted_domains:
            self.accept_domain(name)

    def set_domain_type(self, name: str, kind: DomainType) -> None:
        """Change what happens to unknown recipients of an accepted domain.

        Raises:
            NotFound: the domain is not accepted.
        """
        with self.kernel.look():
            if name.lower() not in self.accepted_domains:
                raise NotFound.object_named(name)
            self.accept_domain(name, kind)

    def domains(self) -> list[AcceptedDomain]:
        """The accepted domains as a reader sees them, by name; the first one accepted is the default."""
        with self.kernel.look():
            default = next(iter(self.accepted_domains), None)
            return [
                AcceptedDomain(name, self._domain_type_seen(name), name == default)
                for name in sorted(self.accepted_domains)
            ]

    def _domain_type_seen(self, name: str) -> DomainType:
        seen = self._domains_seen.get(name)
        return seen.seen() if seen else self.accepted_domains[name]

    # -- finding ------------------------------------------------------------------------------

    def resolve(self, identity: str) -> Recipient | None:
        """The mailbox or contact of that address, GUID, directory id, alias or name."""
        with self.kernel.look():
            mailbox = self.mailboxes.at_address(identity)
            if mailbox is not None:
                return self.describe(mailbox)
            by_guid = self.having(frozenset({identity}))
            return next(iter(by_guid or (r for r in self.all() if r.answers_to(identity))), None)

    def having(self, guids: frozenset[str]) -> list[Recipient]:
        """Those mailboxes and contacts that have these identifiers; quick, because large groups ask for it."""
        with self.kernel.look():
            mailboxes = [m for m in self.mailboxes.all() if m.exchange_guid in guids]
            contacts = [self._contacts[guid] for guid in guids if guid in self._contacts]
            return [self.describe(mailbox) for mailbox in mailboxes] + contacts

    def all(self) -> list[Recipient]:
        """Every mailbox and contact, by primary address."""
        with self.kernel.look():
            mailboxes = [self.describe(mailbox) for mailbox in self.mailboxes.all()]
            found = mailboxes + list(self._contacts.values())
            return sorted(found, key=lambda recipient: recipient.primary_address)

    def describe(self, mailbox: CloudMailbox) -> Recipient:
        """A mailbox as a recipient."""
        settings = self.settings(mailbox.exchange_guid)
        alias = mailbox.primary_address.partition("@")[0]
        return Recipient(
            guid=mailbox.exchange_guid,
            kind=settings.kind,
            name=mailbox.user_id,
            display_name=settings.display_name or alias,
            alias=alias,
            primary_address=mailbox.primary_address.lower(),
            addresses=frozenset(address.lower() for address in mailbox.addresses),
            external_directory_id=mailbox.user_id,
        )

    def mailbox(self, identity: str) -> CloudMailbox:
        """The open mailbox of that identity.

        Raises:
            NotFound: nobody has it, or it is no mailbox.
        """
        with self.kernel.look():
            recipient = self.resolve(identity)
            for mailbox in self.mailboxes.all() if recipient else []:
                if recipient and mailbox.exchange_guid == recipient.guid:
                    return mailbox
        raise NotFound.object_named(identity)

    # -- settings and permissions -------------------------------------------------------------

    def settings(self, exchange_guid: str) -> MailboxSettings:
        """What was set on a mailbox; the defaults when nothing was."""
        return self._settings.get(exchange_guid, MailboxSettings())

    def change_settings(self, exchange_guid: str, settings: MailboxSettings) -> None:
        """Set a mailbox's settings."""
        with self.kernel.look():
            self._settings[exchange_guid] = settings

    def grant(self, permission: Permission) -> None:
        """Give a right; giving it again changes nothing."""
        with self.kernel.look():
            self.revoke(permission)
            self.permissions.append(permission)

    def revoke(self, permission: Permission) -> None:
        """Take a right back; taking what was not given changes nothing."""
        with self.kernel.look():
            gone = (permission.mailbox_guid, permission.trustee, permission.right)
            self.permissions = [
                held
                for held in self.permissions
                if (held.mailbox_guid, held.trustee, held.right) != gone
            ]

    # -- creating -----------------------------------------------------------------------------

    def claim(self, address: str, guid: str) -> None:
        """Reserve an address for one recipient.

        Raises:
            AddressTaken: another recipient has it.
            DomainNotAccepted: its domain is not the tenant's.
        """
        with self.kernel.look():
            wanted = address.lower()
            domain = wanted.rpartition("@")[2]
            if domain not in self.accepted_domains:
                raise DomainNotAccepted(
                    f"You can't use the domain because it's not an accepted domain for your organization. Domain: \"{domain}\"."
                )
            holder = self.mailboxes.at_address(wanted)
            if self._claimed.get(wanted, guid) != guid or holder is not None:
                raise AddressTaken(
                    f'The proxy address "SMTP:{address}" is already being used by the proxy '
                    "addresses or LegacyExchangeDN. Please choose another proxy address."
                )
            self._claimed[wanted] = guid

    def release(self, guid: str) -> None:
        """Give back the addresses a removed recipient had."""
        with self.kernel.look():
            self._claimed = {a: g for a, g in self._claimed.items() if g != guid}

    def open_shared_mailbox(
        self, address: str, display_name: str, kind: RecipientKind
    ) -> Recipient:
        """Create a mailbox that needs no licence.

        Raises:
            AddressTaken, DomainNotAccepted: as `claim`.
        """
        with self.kernel.look():
            guid = new_guid(self.kernel)
            self.claim(address, guid)
            mailbox = CloudMailbox(
                user_id=new_guid(self.kernel),
                exchange_guid=guid,
                primary_address=address.lower(),
                addresses={address.lower()},
                opened_utc=self.kernel.now_utc(),
            )
            self.mailboxes.open(mailbox)
            self._settings[guid] = MailboxSettings(kind=kind, display_name=display_name)
            return self.describe(mailbox)

    def add_contact(self, name: str, alias: str, external_address: str) -> Recipient:
        """Create a recipient outside the tenant.

        Raises:
            AddressTaken: another contact stands for that address.
        """
        with self.kernel.look():
            address, guid = external_address.lower(), new_guid(self.kernel)
            if any(address in contact.addresses for contact in self._contacts.values()):
                raise AddressTaken(
                    f'The proxy address "SMTP:{external_address}" is already being used.'
                )
            contact = Recipient(
                guid=guid,
                kind=RecipientKind.MAIL_CONTACT,
                name=name,
                display_name=name,
                alias=alias,
                primary_address=address,
                addresses=frozenset({address}),
                external_directory_id=guid,
                external_address=address,
            )
            self._contacts[contact.guid] = contact
            return contact

    def remove_contact(self, identity: str) -> None:
        """Delete a contact.

        Raises:
            NotFound: nobody has that identity, or it is no contact.
        """
        with self.kernel.look():
            contact = self.resolve(identity)
            if contact is None or contact.guid not in self._contacts:
                raise NotFound.object_named(identity)
            del self._contacts[contact.guid]

    def rename_contact(self, identity: str, display_name: str) -> None:
        """Change the name a contact shows.

        Raises:
            NotFound: nobody has that identity, or it is no contact.
        """
        with self.kernel.look():
            contact = self.resolve(identity)
            if contact is None or contact.guid not in self._contacts:
                raise NotFound.object_named(identity)
            self._contacts[contact.guid] = replace(contact, display_name=display_name)
