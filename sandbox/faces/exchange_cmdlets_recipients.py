"""The cmdlets of mailboxes, their statistics and permissions.

Source: Microsoft Learn, "Get-Mailbox", "New-Mailbox", "Set-Mailbox", "Get-MailboxStatistics",
"Get-MailboxFolderStatistics", "Add-MailboxPermission", "Add-RecipientPermission".
"""

import uuid
from collections.abc import Iterable
from dataclasses import replace

from sandbox.faces.exchange_cmdlet import (
    RESULT_SIZE,
    Arguments,
    Cmdlet,
    Parameter,
    Row,
    Session,
    cmdlet,
    lists,
    switches,
    wanted,
)
from sandbox.faces.exchange_encoding import Kind, Size
from sandbox.world.cloud import WELL_KNOWN_FOLDERS, CloudMailbox
from sandbox.world.exchange_refusals import InvalidArgument, NotFound
from sandbox.world.groups import as_recipient
from sandbox.world.mail import Folder
from sandbox.world.mailbox_addresses import change_addresses
from sandbox.world.management_roles import (
    MAIL_RECIPIENT_CREATION,
    MAIL_RECIPIENTS,
    VIEW_ONLY_RECIPIENTS,
)
from sandbox.world.recipients import (
    MAX_RECEIVE_CEILING_BYTES,
    Permission,
    Recipient,
    RecipientKind,
)

READ_ROLES = {MAIL_RECIPIENTS, VIEW_ONLY_RECIPIENTS}
WRITE_ROLES = {MAIL_RECIPIENTS}
CREATE_ROLES = {MAIL_RECIPIENT_CREATION}
SEND_AS = "SendAs"
FULL_ACCESS = "FullAccess"
SELF = "NT AUTHORITY\\SELF"

_FOLDER_TYPES = {name: key for key, name in WELL_KNOWN_FOLDERS.items()}
_FOLDER_TYPE_WORDS = {
    "inbox": "Inbox",
    "sentitems": "SentItems",
    "drafts": "Drafts",
    "deleteditems": "DeletedItems",
    "junkemail": "JunkEmail",
    "archive": "Archive",
}
_NOT_MAILBOXES = {
    RecipientKind.MAIL_CONTACT,
    RecipientKind.DISTRIBUTION_GROUP,
    RecipientKind.SECURITY_GROUP,
}


def recipient_row(recipient: Recipient) -> Row:
    """A recipient as the cmdlets show it, whatever its kind."""
    others = sorted(recipient.addresses - {recipient.primary_address})
    return {
        "Identity": recipient.name,
        "Guid": recipient.guid,
        "ExternalDirectoryObjectId": recipient.external_directory_id,
        "Name": recipient.name,
        "DisplayName": recipient.display_name,
        "Alias": recipient.alias,
        "PrimarySmtpAddress": recipient.primary_address,
        "EmailAddresses": (
            f"SMTP:{recipient.primary_address}",
            *(f"smtp:{address}" for address in others),
        ),
        "RecipientType": "UserMailbox" if recipient.kind not in _NOT_MAILBOXES else recipient.kind,
        "RecipientTypeDetails": recipient.kind,
    }


def _get_mailboxes(session: Session, call: Arguments) -> list[Row]:
    everyone = session.world.tenant.recipients.all()
    types = {name.lower() for name in call.texts("RecipientTypeDetails")}
    mailboxes = [
        r
        for r in everyone
        if r.kind not in _NOT_MAILBOXES and (not types or r.kind.lower() in types)
    ]
    found = wanted(call, mailboxes, Recipient.answers_to)
    if found is None:
        raise NotFound.object_named(call.text("Identity"))
    return [_mailbox_row(session, recipient) for recipient in found]


def _mailbox_row(session: Session, recipient: Recipient) -> Row:
    recipients = session.world.tenant.recipients
    settings = recipients.settings(recipient.guid)
    on_behalf = (recipients.resolve(guid) for guid in settings.on_behalf)
    return {
        **recipient_row(recipient),
        "ExchangeGuid": recipient.guid,
        "UserPrincipalName": recipient.primary_address,
        "MaxReceiveSize": Size(settings.max_receive_bytes),
        "HiddenFromAddressListsEnabled": settings.is_hidden,
        "RetentionHoldEnabled": settings.retention_hold,
        "RetentionPolicy": settings.retention_policy or None,
        "ElcProcessingDisabled": settings.is_retention_off,
        **_archive(recipient, has_archive=settings.has_archive),
        # Shown by name, whatever they were called when they were set.
        "GrantSendOnBehalfTo": tuple(holder.name for holder in on_behalf if holder),
        "IsShared": settings.kind is RecipientKind.SHARED_MAILBOX,
    }


def _archive(recipient: Recipient, *, has_archive: bool) -> Row:
    if not has_archive:
        return {"ArchiveStatus": "None", "ArchiveGuid": str(uuid.UUID(int=0)), "ArchiveName": ()}
    return {
        "ArchiveStatus": "Active",
        "ArchiveGuid": str(uuid.uuid5(uuid.NAMESPACE_OID, recipient.guid)),
        "ArchiveName": (f"In-Place Archive - {recipient.display_name}",),
    }


def _get_recipients(session: Session, call: Arguments) -> list[Row]:
    tenant = session.world.tenant
    everyone = tenant.recipients.all() + [as_recipient(group) for group in tenant.groups.seen()]
    found = wanted(call, everyone, Recipient.answers_to)
    if found is None:
        raise NotFound.object_named(call.text("Identity"))
    return [recipient_row(recipient) for recipient in found]


def _new_mailbox(session: Session, call: Arguments) -> list[Row]:
    kinds = {
        "Shared": RecipientKind.SHARED_MAILBOX,
        "Room": RecipientKind.ROOM_MAILBOX,
        "Equipment": RecipientKind.EQUIPMENT_MAILBOX,
    }
    kind = next((kind for name, kind in kinds.items() if call.flag(name)), None)
    if kind is None:
        raise InvalidArgument("Specify one of the switches Shared, Room or Equipment.")
    tenant, name = session.world.tenant, call.text("Name")
    alias = call.text("Alias", name.replace(" ", ""))
    address = call.text("PrimarySmtpAddress", f"{alias}@{tenant.initial_domain}")
    made = tenant.recipients.open_shared_mailbox(address, call.text("DisplayName", name), kind)
    return [_mailbox_row(session, made)]


def _set_mailbox(session: Session, call: Arguments) -> list[Row]:
    recipients = session.world.tenant.recipients
    mailbox = recipients.mailbox(call.text("Identity"))
    before = recipients.settings(mailbox.exchange_guid)
    size_bytes = call.number("MaxReceiveSize", before.max_receive_bytes)
    if size_bytes > MAX_RECEIVE_CEILING_BYTES:
        raise InvalidArgument("MaxReceiveSize can't be larger than 150 MB.")
    if call.has("EmailAddresses") or call.has("WindowsEmailAddress"):
        _change_addresses(session, call, mailbox)
    recipients.change_settings(
        mailbox.exchange_guid,
        replace(
            before,
            max_receive_bytes=size_bytes,
            display_name=call.text("DisplayName", before.display_name or "") or None,
            is_hidden=call.flag("HiddenFromAddressListsEnabled", default=before.is_hidden),
            retention_hold=call.flag("RetentionHoldEnabled", default=before.retention_hold),
            on_behalf=_senders(session, call, before.on_behalf),
        ),
    )
    return []


def _change_addresses(session: Session, call: Arguments, mailbox: CloudMailbox) -> None:
    """Addresses are written with their kind in front; capitals there mark the primary one of a whole list."""
    first = mailbox.primary_address
    before = (f"SMTP:{first}", *(f"smtp:{a}" for a in sorted(mailbox.addresses - {first})))
    after = [proxy.rpartition(":") for proxy in call.texts("EmailAddresses", before)]
    marked = [address for kind, _, address in after if kind == "SMTP" and address != first]
    primary = call.text("WindowsEmailAddress", marked[0] if marked else "")
    change_addresses(session.world.tenant, mailbox, [address for *_, address in after], primary)


def _senders(session: Session, call: Arguments, before: tuple[str, ...]) -> tuple[str, ...]:
    """Who may send on behalf after a call, by identifier; whoever is named has to exist."""
    if not call.has("GrantSendOnBehalfTo"):
        return before
    recipients = session.world.tenant.recipients
    shown = [holder.primary_address for guid in before if (holder := recipients.resolve(guid))]
    found: list[str] = []
    for name in call.texts("GrantSendOnBehalfTo", tuple(shown)):
        holder = recipients.resolve(name)
        if holder is None:
            raise NotFound.object_named(name)
        found.append(holder.guid)
    return tuple(found)


# -- statistics -----------------------------------------------------------------------------------


def _mailbox_statistics(session: Session, call: Arguments) -> list[Row]:
    mailbox = session.world.tenant.recipients.mailbox(call.text("Identity"))
    sizes = [len(message.raw) for _, message in mailbox.store.walk()]
    return [
        {
            "Identity": mailbox.exchange_guid,
            "DisplayName": session.world.tenant.recipients.describe(mailbox).display_name,
            "ItemCount": len(sizes),
            "TotalItemSize": Size(sum(sizes)),
            "DeletedItemCount": 0,
            "LastLogonTime": None,
        }
    ]


def _folder_statistics(session: Session, call: Arguments) -> list[Row]:
    recipients = session.world.tenant.recipients
    identity = call.text("Identity").strip()
    mailboxes = [recipients.mailbox(identity)] if identity else recipients.mailboxes.all()
    with_dates = call.flag("IncludeOldestAndNewestItems")
    rows = [
        _folder_row(mailbox, folder, with_dates=with_dates)
        for mailbox in mailboxes
        for folder in mailbox.store.folders.values()
    ]
    scope = call.text("FolderScope")
    return [row for row in rows if scope in {"", "All", row["FolderType"]}]


def _folder_row(mailbox: CloudMailbox, folder: Folder, *, with_dates: bool) -> Row:
    below = [
        other
        for name, other in mailbox.store.folders.items()
        if name == folder.name or name.startswith(f"{folder.name}/")
    ]
    row: Row = {
        "Identity": f"{mailbox.primary_address}\\{folder.name}".replace("/", "\\"),
        "Name": folder.name.rpartition("/")[2],
        "FolderPath": f"/{folder.name}",
        "FolderId": f"{mailbox.exchange_guid}-{folder.uid_validity}",
        "FolderType": _FOLDER_TYPE_WORDS.get(_FOLDER_TYPES.get(folder.name, ""), "User Created"),
        "ContainerClass": "IPF.Note",
        "ItemsInFolder": len(folder.messages),
        "VisibleItemsInFolder": len(folder.messages),
        "ItemsInFolderAndSubfolders": sum(len(other.messages) for other in below),
        "FolderSize": Size(_bytes_in([folder])),
        "FolderAndSubfolderSize": Size(_bytes_in(below)),
    }
    if with_dates:
        received = [message.internal_utc for message in folder.messages.values()]
        row["OldestItemReceivedDate"] = min(received, default=None)
        row["NewestItemReceivedDate"] = max(received, default=None)
    return row


def _bytes_in(folders: Iterable[Folder]) -> int:
    return sum(len(m.raw) for folder in folders for m in folder.messages.values())


# -- permissions ----------------------------------------------------------------------------------


def _add_permission(session: Session, call: Arguments) -> list[Row]:
    return _granted(session, call, "User")


def _add_send_as(session: Session, call: Arguments) -> list[Row]:
    return _granted(session, call, "Trustee")


def _granted(session: Session, call: Arguments, trustee: str) -> list[Row]:
    made = _permissions(session, call, trustee)
    for permission in made:
        session.world.tenant.recipients.grant(permission)
    return [_permission_row(permission, trustee) for permission in made]


def _remove_permission(session: Session, call: Arguments) -> list[Row]:
    return _revoked(session, call, "User")


def _remove_send_as(session: Session, call: Arguments) -> list[Row]:
    return _revoked(session, call, "Trustee")


def _revoked(session: Session, call: Arguments, trustee: str) -> list[Row]:
    for permission in _permissions(session, call, trustee):
        session.world.tenant.recipients.revoke(permission)
    return []


def _permissions(session: Session, call: Arguments, trustee: str) -> list[Permission]:
    recipients = session.world.tenant.recipients
    mailbox = recipients.mailbox(call.text("Identity"))
    holder = recipients.resolve(call.text(trustee))
    if holder is None:
        raise NotFound.object_named(call.text(trustee))
    mapped = call.flag("AutoMapping", default=True)
    return [
        Permission(mailbox.exchange_guid, holder.primary_address, right, mapped)
        for right in call.texts("AccessRights")
    ]


def _get_permissions(session: Session, call: Arguments) -> list[Row]:
    return _held(session, call, "User")


def _get_send_as(session: Session, call: Arguments) -> list[Row]:
    return _held(session, call, "Trustee")


def _held(session: Session, call: Arguments, trustee: str) -> list[Row]:
    recipients = session.world.tenant.recipients
    guid = recipients.mailbox(call.text("Identity")).exchange_guid
    # Every mailbox has rights on itself.
    own = Permission(guid, SELF, SEND_AS if trustee == "Trustee" else FULL_ACCESS)
    given = [
        permission
        for permission in recipients.permissions
        if permission.mailbox_guid == guid
        and (permission.right == SEND_AS) is (trustee == "Trustee")
    ]
    return [_permission_row(permission, trustee) for permission in (own, *given)]


def _permission_row(permission: Permission, trustee: str) -> Row:
    return {
        "Identity": permission.mailbox_guid,
        trustee: permission.trustee,
        "AccessRights": (permission.right,),
        "IsInherited": False,
        "Deny": False,
    }


_FULL_ACCESS: tuple[Parameter | str, ...] = (
    "!Identity",
    "!User",
    *lists("AccessRights"),
    Parameter(
        "InheritanceType", values=("None", "All", "Descendents", "SelfAndChildren", "Children")
    ),
    *switches("AutoMapping"),
)
_SEND_AS: tuple[Parameter | str, ...] = ("!Identity", "!Trustee", *lists("AccessRights"))
_SCOPES = ("All", "Inbox", "SentItems", "DeletedItems", "Drafts", "JunkEmail", "Archive")

CMDLETS: tuple[Cmdlet, ...] = (
    cmdlet(
        "Get-Mailbox",
        READ_ROLES,
        _get_mailboxes,
        "Identity",
        *lists("RecipientTypeDetails"),
        RESULT_SIZE,
    ),
    cmdlet(
        "Set-Mailbox",
        WRITE_ROLES,
        _set_mailbox,
        "!Identity",
        "DisplayName",
        Parameter("MaxReceiveSize", Kind.SIZE),
        "WindowsEmailAddress",
        *lists("GrantSendOnBehalfTo", "EmailAddresses"),
        *switches("HiddenFromAddressListsEnabled", "RetentionHoldEnabled"),
    ),
    cmdlet(
        "New-Mailbox",
        CREATE_ROLES,
        _new_mailbox,
        "!Name",
        "DisplayName",
        "Alias",
        "PrimarySmtpAddress",
        *switches("Shared", "Room", "Equipment"),
    ),
    cmdlet("Get-Recipient", READ_ROLES, _get_recipients, "Identity", RESULT_SIZE),
    cmdlet("Get-MailboxStatistics", READ_ROLES, _mailbox_statistics, "!Identity"),
    cmdlet(
        "Get-MailboxFolderStatistics",
        READ_ROLES,
        _folder_statistics,
        "Identity",
        Parameter("FolderScope", values=_SCOPES),
        *switches("IncludeOldestAndNewestItems"),
        RESULT_SIZE,
    ),
    cmdlet("Add-MailboxPermission", WRITE_ROLES, _add_permission, *_FULL_ACCESS),
    cmdlet("Get-MailboxPermission", READ_ROLES, _get_permissions, "!Identity"),
    cmdlet("Remove-MailboxPermission", WRITE_ROLES, _remove_permission, *_FULL_ACCESS),
    cmdlet("Add-RecipientPermission", WRITE_ROLES, _add_send_as, *_SEND_AS),
    cmdlet("Get-RecipientPermission", READ_ROLES, _get_send_as, "!Identity"),
    cmdlet("Remove-RecipientPermission", WRITE_ROLES, _remove_send_as, *_SEND_AS),
)
