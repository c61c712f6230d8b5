"""What the rows of recipient cmdlets mean.

Source: Microsoft Learn, Get-Recipient, Get-DistributionGroup, Get-Mailbox, Get-MailboxPermission,
Get-RecipientPermission, Get-MailContact.
"""

from collections.abc import Iterable

from bascule.adapters.exchange_online.encoding import Row, smtp_addresses
from bascule.domain.directory_objects.found import (
    KINDS,
    FoundContact,
    FoundGroup,
    FoundMailbox,
    HeldRight,
    Kind,
    Recipient,
)
from bascule.domain.directory_objects.values import Right


def recipient(row: Row) -> Recipient | None:
    """Anybody; None for a row without an address, which nobody can write to."""
    addresses = smtp_addresses(row)
    outside = external_address(row)
    if outside and outside not in addresses:
        addresses = (*addresses, outside)
    if not addresses:
        return None
    return Recipient(
        guid=_text(row, "Guid").lower(),
        directory_id=_text(row, "ExternalDirectoryObjectId").lower(),
        name=_text(row, "Name"),
        alias=_text(row, "Alias"),
        addresses=addresses,
        kind=KINDS.get(_text(row, "RecipientTypeDetails"), Kind.OTHER),
    )


def group(row: Row) -> FoundGroup:
    """A distribution group."""
    return FoundGroup(
        guid=_text(row, "Guid").lower(),
        directory_id=_text(row, "ExternalDirectoryObjectId").lower(),
        addresses=smtp_addresses(row),
        display_name=_text(row, "DisplayName"),
        owners=texts(row.get("ManagedBy")),
        join_restriction=_text(row, "MemberJoinRestriction"),
        depart_restriction=_text(row, "MemberDepartRestriction"),
        is_hidden=row.get("HiddenFromAddressListsEnabled") is True,
        requires_sender_authentication=row.get("RequireSenderAuthenticationEnabled") is True,
    )


def mailbox(row: Row) -> FoundMailbox:
    """A shared mailbox."""
    return FoundMailbox(
        guid=_text(row, "Guid").lower(),
        addresses=smtp_addresses(row),
        display_name=_text(row, "DisplayName"),
        is_hidden=row.get("HiddenFromAddressListsEnabled") is True,
        on_behalf=texts(row.get("GrantSendOnBehalfTo")),
    )


def contact(row: Row) -> FoundContact:
    """A mail contact."""
    first = next(iter(smtp_addresses(row)), "")
    return FoundContact(
        guid=_text(row, "Guid").lower(),
        address=external_address(row) or first,
        display_name=_text(row, "DisplayName"),
    )


def held_rights(rows: Iterable[Row], trustee: str, right: Right) -> tuple[HeldRight, ...]:
    """Who holds this right directly; `trustee` is the column that says who."""
    return tuple(
        HeldRight(_text(row, trustee), right)
        for row in rows
        if right in texts(row.get("AccessRights"))
        and row.get("IsInherited") is not True
        and row.get("Deny") is not True
        and row.get("AccessControlType") != "Deny"
    )


def external_address(row: Row) -> str:
    """The address outside the tenant, lower case; empty when there is none."""
    written = _text(row, "ExternalEmailAddress").lower()
    return written.removeprefix("smtp:")


def texts(value: object) -> tuple[str, ...]:
    """A list of the gateway, which has been seen to write one entry, or several with commas, as plain text."""
    if isinstance(value, str):
        return tuple(each.strip() for each in value.split(",") if each.strip())
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


def _text(row: Row, name: str) -> str:
    return str(row.get(name) or "").strip()
