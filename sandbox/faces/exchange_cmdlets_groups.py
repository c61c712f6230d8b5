"""The cmdlets of distribution groups and their members.

Writing to a group that exists needs its owner, or the parameter that goes around the owners; an app can own no group.

Source: Microsoft Learn, "New-DistributionGroup", "Set-DistributionGroup", "Add-DistributionGroupMember",
"Remove-DistributionGroupMember", "Update-DistributionGroupMember", "Get-DistributionGroupMember".
"""

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
from sandbox.faces.exchange_cmdlets_recipients import recipient_row
from sandbox.faces.exchange_encoding import Kind
from sandbox.world.exchange_refusals import GroupManagerRequired, InvalidArgument, NotFound
from sandbox.world.groups import DistributionGroup, Groups, as_recipient
from sandbox.world.management_roles import (
    DISTRIBUTION_GROUPS,
    SECURITY_GROUP_CREATION,
    VIEW_ONLY_RECIPIENTS,
)
from sandbox.world.recipients import Recipient, RecipientKind

ROLES = {DISTRIBUTION_GROUPS}
READ_ROLES = {DISTRIBUTION_GROUPS, VIEW_ONLY_RECIPIENTS}


def _new(session: Session, call: Arguments) -> list[Row]:
    tenant = session.world.tenant
    name = call.text("Name")
    alias = call.text("Alias", name.replace(" ", ""))
    security = call.text("Type") == "Security"
    # Everybody named is looked up before anything is made.
    members = [_recipient_named(session, member) for member in call.texts("Members")]
    group = DistributionGroup(
        guid=tenant.groups.new_guid(),
        name=name,
        display_name=call.text("DisplayName", name),
        alias=alias,
        primary_address=call.text("PrimarySmtpAddress", f"{alias}@{tenant.initial_domain}").lower(),
        kind=RecipientKind.SECURITY_GROUP if security else RecipientKind.DISTRIBUTION_GROUP,
        managed_by=_owners(session, call, ()),
        join_restriction=call.text("MemberJoinRestriction", "Closed"),
        depart_restriction=call.text("MemberDepartRestriction", "Open"),
        requires_sender_authentication=call.flag(
            "RequireSenderAuthenticationEnabled", default=True
        ),
    )
    made = tenant.groups.create(group)
    for member in members:
        tenant.groups.add_member(made.guid, member.guid)
    return [_row(session, made)]


def _get(session: Session, call: Arguments) -> list[Row]:
    found = wanted(call, session.world.tenant.groups.seen(), DistributionGroup.answers_to)
    if found is None:
        raise NotFound.object_named(call.text("Identity"))
    return [_row(session, group) for group in found]


def _set(session: Session, call: Arguments) -> list[Row]:
    groups = session.world.tenant.groups
    before = _managed(groups, call)
    hidden = call.flag("HiddenFromAddressListsEnabled", default=before.is_hidden)
    groups.change(
        replace(
            before,
            display_name=call.text("DisplayName", before.display_name),
            managed_by=_owners(session, call, before.managed_by),
            is_hidden=hidden,
            join_restriction=call.text("MemberJoinRestriction", before.join_restriction),
            depart_restriction=call.text("MemberDepartRestriction", before.depart_restriction),
            requires_sender_authentication=call.flag(
                "RequireSenderAuthenticationEnabled",
                default=before.requires_sender_authentication,
            ),
        )
    )
    return []


def _remove(session: Session, call: Arguments) -> list[Row]:
    groups = session.world.tenant.groups
    groups.remove(_managed(groups, call).guid)
    return []


def _get_members(session: Session, call: Arguments) -> list[Row]:
    groups = session.world.tenant.groups
    identity = call.text("Identity").strip()
    # An empty identity is no identity: the members of all groups come back.
    names = [identity] if identity else [group.guid for group in groups.seen()]
    return [recipient_row(member) for name in names for member in groups.members_seen(name)]


def _add_member(session: Session, call: Arguments) -> list[Row]:
    groups = session.world.tenant.groups
    groups.add_member(_managed(groups, call).guid, call.text("Member"))
    return []


def _remove_member(session: Session, call: Arguments) -> list[Row]:
    groups = session.world.tenant.groups
    groups.remove_member(_managed(groups, call).guid, call.text("Member"))
    return []


def _update_members(session: Session, call: Arguments) -> list[Row]:
    groups = session.world.tenant.groups
    group = _managed(groups, call)
    resolved = [session.world.tenant.recipients.resolve(name) for name in call.texts("Members")]
    missing = [n for n, r in zip(call.texts("Members"), resolved, strict=True) if r is None]
    if missing:
        raise NotFound.object_named(missing[0])
    after = {recipient.primary_address for recipient in resolved if recipient}
    before = {member.primary_address for member in groups.members(group.guid)}
    for address in sorted(before - after):
        groups.remove_member(group.guid, address)
    for address in sorted(after - before):
        groups.add_member(group.guid, address)
    return []


def _managed(groups: Groups, call: Arguments) -> DistributionGroup:
    group = groups.require(call.text("Identity"))
    if not call.flag("BypassSecurityGroupManagerCheck"):
        raise GroupManagerRequired(
            "You don't have sufficient permissions. This operation can only be performed by a "
            "manager of the group."
        )
    return group


def _recipient_named(session: Session, name: str) -> Recipient:
    tenant = session.world.tenant
    found = tenant.recipients.resolve(name)
    if found is not None:
        return found
    group = tenant.groups.written(name)
    if group is None:
        raise NotFound.object_named(name)
    return as_recipient(group)


def _owners(session: Session, call: Arguments, before: tuple[str, ...]) -> tuple[str, ...]:
    """The owners after a call, by identifier; whoever is named has to exist."""
    if not call.has("ManagedBy"):
        return before
    shown = {_recipient_named(session, guid).primary_address: guid for guid in before}
    after = call.texts("ManagedBy", tuple(shown))
    if before and not after:
        raise InvalidArgument("The group must have at least one owner.")
    return tuple(_recipient_named(session, name).guid for name in after)


def _row(session: Session, group: DistributionGroup) -> Row:
    owners = (session.world.tenant.recipients.resolve(guid) for guid in group.managed_by)
    return {
        "Identity": group.name,
        "Guid": group.guid,
        "ExchangeObjectId": group.guid,
        "ExternalDirectoryObjectId": group.guid,
        "Name": group.name,
        "DisplayName": group.display_name,
        "Alias": group.alias,
        "PrimarySmtpAddress": group.primary_address,
        "EmailAddresses": (f"SMTP:{group.primary_address}",),
        "RecipientType": group.kind,
        "RecipientTypeDetails": group.kind,
        # Shown by name, whatever they were called when they were set.
        "ManagedBy": tuple(owner.name for owner in owners if owner),
        "MemberJoinRestriction": group.join_restriction,
        "MemberDepartRestriction": group.depart_restriction,
        "RequireSenderAuthenticationEnabled": group.requires_sender_authentication,
        "HiddenFromAddressListsEnabled": group.is_hidden,
        "HiddenGroupMembershipEnabled": False,
    }


_BYPASS = Parameter("BypassSecurityGroupManagerCheck", Kind.SWITCH, role=SECURITY_GROUP_CREATION)
_RESTRICTIONS = ("Open", "Closed", "ApprovalRequired")
_SETTINGS: tuple[Parameter | str, ...] = (
    "DisplayName",
    "PrimarySmtpAddress",
    "Alias",
    *lists("ManagedBy"),
    Parameter("MemberJoinRestriction", values=_RESTRICTIONS),
    Parameter("MemberDepartRestriction", values=("Open", "Closed")),
    *switches("RequireSenderAuthenticationEnabled"),
    _BYPASS,
)

CMDLETS: tuple[Cmdlet, ...] = (
    cmdlet(
        "New-DistributionGroup",
        ROLES,
        _new,
        "!Name",
        Parameter("Type", values=("Distribution", "Security")),
        *lists("Members"),
        *_SETTINGS,
    ),
    cmdlet("Get-DistributionGroup", READ_ROLES, _get, "Identity", RESULT_SIZE),
    cmdlet(
        "Set-DistributionGroup",
        ROLES,
        _set,
        "!Identity",
        *switches("HiddenFromAddressListsEnabled"),
        *_SETTINGS,
    ),
    cmdlet("Remove-DistributionGroup", ROLES, _remove, "!Identity", _BYPASS),
    cmdlet("Get-DistributionGroupMember", READ_ROLES, _get_members, "Identity", RESULT_SIZE),
    cmdlet("Add-DistributionGroupMember", ROLES, _add_member, "!Identity", "!Member", _BYPASS),
    cmdlet(
        "Remove-DistributionGroupMember", ROLES, _remove_member, "!Identity", "!Member", _BYPASS
    ),
    cmdlet(
        "Update-DistributionGroupMember",
        ROLES,
        _update_members,
        "!Identity",
        *lists("Members"),
        _BYPASS,
    ),
)
