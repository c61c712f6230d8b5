"""The recipients port: Exchange's own cmdlets, and the directory behind it for the list of all memberships.

An application can own no group, so every write to one goes past its owners.
Source: Microsoft Learn, the reference pages of the cmdlets named below.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from bascule.adapters.exchange_online import recipients_rows as rows
from bascule.adapters.exchange_online.encoding import Row, smtp_addresses
from bascule.adapters.exchange_online.errors import CmdletRefused, Kind
from bascule.domain.codes import Code
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
from bascule.domain.errors import NotYet, Refusal

# What one server has just made is on its way to the others; replication takes seconds to minutes.
REPLICATION_WAIT_S = 60.0
# A new group gets this many members at once; a request stays small, and the next look adds the others.
MEMBERS_AT_CREATION_MAX = 1_000
ALL = {"ResultSize": "Unlimited"}
PAST_OWNERS = {"BypassSecurityGroupManagerCheck": True}
UNASKED = {"Confirm": False}


class Cmdlets(Protocol):
    """What runs cmdlets: the gateway."""

    def run(self, cmdlet: str, parameters: Mapping[str, Any]) -> tuple[Row, ...]:
        """Every row a cmdlet answers. Raises CmdletRefused."""
        ...

    def read_each(
        self, cmdlet: str, parameter_sets: Sequence[Mapping[str, Any]]
    ) -> tuple[tuple[Row, ...] | CmdletRefused, ...]:
        """What one reading cmdlet answers to each set of parameters."""
        ...


class MembershipList(Protocol):
    """The directory behind Exchange, as far as it lists members."""

    def listed_members(self) -> Mapping[str, frozenset[str]]:
        """{directory id of a group: directory ids of its members}."""
        ...


class ExchangeRecipients:
    """Implements `bascule.ports.recipients.Recipients`."""

    def __init__(self, cmdlets: Cmdlets, memberships: MembershipList) -> None:
        self._cmdlets = cmdlets
        self._memberships = memberships

    # -- reading ------------------------------------------------------------------------------

    def everyone(self) -> tuple[Recipient, ...]:
        """Get-Recipient."""
        found = (rows.recipient(row) for row in self._cmdlets.run("Get-Recipient", ALL))
        return tuple(each for each in found if each is not None)

    def groups(self) -> tuple[FoundGroup, ...]:
        """Get-DistributionGroup."""
        return tuple(rows.group(row) for row in self._cmdlets.run("Get-DistributionGroup", ALL))

    def listed_members(self) -> Mapping[str, frozenset[str]]:
        """Not Exchange's: it has no list of all memberships."""
        return self._memberships.listed_members()

    def members_of(self, group_guids: Iterable[str]) -> Mapping[str, frozenset[str]]:
        """Get-DistributionGroupMember, ten groups a call."""
        found = self._each("Get-DistributionGroupMember", tuple(group_guids), ALL)
        return {
            guid: frozenset(address for row in answer for address in smtp_addresses(row)[:1])
            for guid, answer in found.items()
        }

    def shared_mailboxes(self) -> tuple[FoundMailbox, ...]:
        """Get-Mailbox of that type; a row of another type is not believed."""
        found = self._cmdlets.run("Get-Mailbox", {"RecipientTypeDetails": ["SharedMailbox"], **ALL})
        return tuple(
            rows.mailbox(row) for row in found if row.get("RecipientTypeDetails") == "SharedMailbox"
        )

    def rights_on(self, mailbox_guids: Iterable[str]) -> Mapping[str, tuple[HeldRight, ...]]:
        """Get-MailboxPermission and Get-RecipientPermission, ten mailboxes a call each."""
        guids = tuple(mailbox_guids)
        full = self._each("Get-MailboxPermission", guids)
        send = self._each("Get-RecipientPermission", guids)
        return {
            guid: (
                *rows.held_rights(full[guid], "User", Right.FULL_ACCESS),
                *rows.held_rights(send[guid], "Trustee", Right.SEND_AS),
            )
            for guid in guids
        }

    def contacts(self) -> tuple[FoundContact, ...]:
        """Get-MailContact."""
        return tuple(rows.contact(row) for row in self._cmdlets.run("Get-MailContact", ALL))

    # -- groups -------------------------------------------------------------------------------

    def create_group(self, wanted: WantedGroup, name: str) -> None:
        """New-DistributionGroup."""
        parameters: dict[str, Any] = {
            "Name": name,
            "Alias": name,
            "Type": "Distribution",
            "PrimarySmtpAddress": wanted.address,
            "ManagedBy": list(wanted.owners),
            **_group_settings(wanted),
        }
        if wanted.members:
            parameters["Members"] = list(wanted.members[:MEMBERS_AT_CREATION_MAX])
        self._create("New-DistributionGroup", parameters, "Get-DistributionGroup", wanted.address)

    def correct_group(self, wanted: WantedGroup) -> None:
        """Set-DistributionGroup."""
        settings = _group_settings(wanted)
        settings["HiddenFromAddressListsEnabled"] = wanted.is_hidden
        self._set_group(wanted.address, settings)

    def add_owner(self, group: str, owner: str) -> None:
        """Set-DistributionGroup ManagedBy, as an addition."""
        self._set_group(group, {"ManagedBy": _list_change(Add=[owner])})

    def remove_owner(self, group: str, owner: str) -> None:
        """Set-DistributionGroup ManagedBy, as a removal."""
        self._set_group(group, {"ManagedBy": _list_change(Remove=[owner])})

    def add_member(self, group: str, member: str) -> None:
        """Add-DistributionGroupMember."""
        parameters = {"Identity": _named(group), "Member": _named(member), **PAST_OWNERS}
        self._write("Add-DistributionGroupMember", parameters, Kind.ALREADY_MEMBER)

    def remove_member(self, group: str, member: str) -> None:
        """Remove-DistributionGroupMember; a recipient nobody knows is no member either."""
        parameters = {"Identity": _named(group), "Member": _named(member), **PAST_OWNERS, **UNASKED}
        self._write("Remove-DistributionGroupMember", parameters, Kind.NOT_MEMBER, Kind.NOT_FOUND)

    # -- shared mailboxes ---------------------------------------------------------------------

    def create_shared_mailbox(self, wanted: WantedMailbox, name: str) -> None:
        """New-Mailbox Shared: needs neither licence nor password."""
        parameters = {
            "Shared": True,
            "Name": name,
            "Alias": name,
            "DisplayName": wanted.display_name,
            "PrimarySmtpAddress": wanted.address,
        }
        self._create("New-Mailbox", parameters, "Get-Mailbox", wanted.address)

    def correct_shared_mailbox(self, wanted: WantedMailbox) -> None:
        """Set-Mailbox."""
        parameters = {
            "Identity": _named(wanted.address),
            "DisplayName": wanted.display_name,
            "HiddenFromAddressListsEnabled": wanted.is_hidden,
        }
        self._write("Set-Mailbox", parameters)

    def grant(self, mailbox: str, trustee: str, right: Right, *, is_mapped: bool) -> None:
        """Add-MailboxPermission, Add-RecipientPermission, or Set-Mailbox GrantSendOnBehalfTo."""
        match right:
            case Right.FULL_ACCESS:
                parameters = _full_access(mailbox, trustee) | {"AutoMapping": is_mapped}
                self._write("Add-MailboxPermission", parameters)
            case Right.SEND_AS:
                self._write("Add-RecipientPermission", _send_as(mailbox, trustee))
            case Right.SEND_ON_BEHALF:
                change = {"GrantSendOnBehalfTo": _list_change(Add=[_named(trustee)])}
                self._write("Set-Mailbox", {"Identity": _named(mailbox), **change})

    def revoke(self, mailbox: str, trustee: str, right: Right) -> None:
        """Remove-MailboxPermission, Remove-RecipientPermission, or Set-Mailbox GrantSendOnBehalfTo."""
        match right:
            case Right.FULL_ACCESS:
                parameters = _full_access(mailbox, trustee)
                self._write("Remove-MailboxPermission", parameters, Kind.NOT_FOUND)
            case Right.SEND_AS:
                parameters = _send_as(mailbox, trustee)
                self._write("Remove-RecipientPermission", parameters, Kind.NOT_FOUND)
            case Right.SEND_ON_BEHALF:
                change = {"GrantSendOnBehalfTo": _list_change(Remove=[_named(trustee)])}
                self._write("Set-Mailbox", {"Identity": _named(mailbox), **change}, Kind.NOT_FOUND)

    # -- contacts -----------------------------------------------------------------------------

    def create_contact(self, wanted: WantedContact, name: str) -> None:
        """New-MailContact."""
        parameters = {
            "Name": name,
            "Alias": name,
            "DisplayName": wanted.display_name,
            "ExternalEmailAddress": wanted.address,
        }
        self._create("New-MailContact", parameters, "Get-MailContact", wanted.address)

    def correct_contact(self, wanted: WantedContact) -> None:
        """Set-MailContact."""
        parameters = {"Identity": _named(wanted.address), "DisplayName": wanted.display_name}
        self._write("Set-MailContact", parameters)

    # -- how ----------------------------------------------------------------------------------

    def _each(
        self, cmdlet: str, guids: tuple[str, ...], further: Mapping[str, Any] | None = None
    ) -> dict[str, tuple[Row, ...]]:
        wanted = [{"Identity": _named(guid), **(further or {})} for guid in guids]
        found: dict[str, tuple[Row, ...]] = {}
        for guid, answer in zip(guids, self._cmdlets.read_each(cmdlet, wanted), strict=True):
            if isinstance(answer, CmdletRefused):
                raise _not_yet(cmdlet, guid) if answer.kind is Kind.NOT_FOUND else answer
            found[guid] = answer
        return found

    def _create(self, cmdlet: str, parameters: Mapping[str, Any], find: str, address: str) -> None:
        """Create an object; a taken name is success when our own object has it, made by a call that was lost."""
        try:
            self._cmdlets.run(cmdlet, parameters)
        except CmdletRefused as no:
            if no.kind is Kind.NOT_FOUND:
                raise _not_yet(cmdlet, address) from None
            if no.kind is not Kind.NAME_TAKEN:
                raise
            if not self._is_there(find, address):
                detail = (
                    f"{address}: somebody else has this address or the name {parameters['Name']}"
                )
                raise Refusal(Code.REQUEST_REJECTED, detail) from None

    def _is_there(self, find: str, address: str) -> bool:
        try:
            found = self._cmdlets.run(find, {"Identity": _named(address)})
        except CmdletRefused as no:
            if no.kind is Kind.NOT_FOUND:
                return False
            raise
        return any(address in (*smtp_addresses(row), rows.external_address(row)) for row in found)

    def _set_group(self, group: str, settings: Mapping[str, Any]) -> None:
        self._write("Set-DistributionGroup", {"Identity": _named(group), **settings, **PAST_OWNERS})

    def _write(self, cmdlet: str, parameters: Mapping[str, Any], *as_good: Kind) -> None:
        """Run a write; refusals of these kinds mean that it is so already."""
        try:
            self._cmdlets.run(cmdlet, parameters)
        except CmdletRefused as no:
            if no.kind in as_good:
                return
            if no.kind is Kind.NOT_FOUND:
                raise _not_yet(cmdlet, str(parameters["Identity"])) from None
            raise


def _group_settings(wanted: WantedGroup) -> dict[str, Any]:
    return {
        "DisplayName": wanted.display_name,
        "MemberJoinRestriction": wanted.join_restriction,
        "MemberDepartRestriction": wanted.depart_restriction,
        "RequireSenderAuthenticationEnabled": wanted.requires_sender_authentication,
    }


def _full_access(mailbox: str, trustee: str) -> dict[str, Any]:
    return {
        "Identity": _named(mailbox),
        "User": _named(trustee),
        "AccessRights": [Right.FULL_ACCESS.value],
        "InheritanceType": "All",
        **UNASKED,
    }


def _send_as(mailbox: str, trustee: str) -> dict[str, Any]:
    return {
        "Identity": _named(mailbox),
        "Trustee": _named(trustee),
        "AccessRights": [Right.SEND_AS.value],
        **UNASKED,
    }


def _list_change(**change: list[str]) -> Row:
    """An addition to a list, or a removal from it; a plain array would replace it."""
    return {"@odata.type": "#Exchange.GenericHashTable", **change}


def _named(identity: str) -> str:
    """Refuse an empty identity, which Get- cmdlets take for "all"."""
    if not identity.strip():
        raise ValueError("an empty identity would mean every object of the tenant")
    return identity


def _not_yet(cmdlet: str, what: str) -> NotYet:
    return NotYet(
        REPLICATION_WAIT_S, f"{cmdlet}: {what}, or somebody it names, is not known to this server"
    )
