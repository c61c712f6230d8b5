"""The rights in Exchange Online, as lines for an administrator's PowerShell: no API makes them.

Source: "App-only authentication in Exchange Online PowerShell", "New-RoleGroup" and "Role Based Access Control for Applications
in Exchange Online", Microsoft Learn.
"""

from collections.abc import Iterable

from infra.grants.wanted import EXCHANGE_ROLES, MAIL_ROLES, POWERS, Right

GROUP = "Bascule"
SCOPE = "Bascule mail"


def role_groups(powers: Iterable[str] = ()) -> dict[str, tuple[Right, ...]]:
    """A group of its own for each power that Exchange knows of, so that each can be taken away alone."""
    further = {f"{GROUP} {name}": POWERS[name].exchange for name in powers}
    return {GROUP: EXCHANGE_ROLES, **{name: rights for name, rights in further.items() if rights}}


def lines_to_grant(
    client_id: str, principal_id: str, powers: Iterable[str] = (), mail_filter: str = ""
) -> list[str]:
    """Make the service principal known to Exchange, and the groups with exactly the roles and their one member.

    With a filter also the permissions to mail, for the recipients that fit it and no others.
    """
    lines = [
        "Connect-ExchangeOnline",
        f'New-ServicePrincipal -AppId {client_id} -ObjectId {principal_id} -DisplayName "{GROUP}"',
    ]
    for group, rights in role_groups(powers).items():
        roles = ",".join(f'"{each.name}"' for each in rights)
        lines.append(f'New-RoleGroup -Name "{group}" -Roles {roles}')
        lines.append(f'Add-RoleGroupMember "{group}" -Member {principal_id}')
    return [*lines, *_lines_to_confine(principal_id, mail_filter)] if mail_filter else lines


def _lines_to_confine(principal_id: str, mail_filter: str) -> list[str]:
    filter_ = _quoted(mail_filter)
    return [
        f'New-ManagementScope -Name "{SCOPE}" -RecipientRestrictionFilter {filter_}',
        *(
            f'New-ManagementRoleAssignment -Name "{_assignment(each)}" -App {principal_id} '
            f'-Role "Application {each.name}" -CustomResourceScope "{SCOPE}"'
            for each in MAIL_ROLES
        ),
    ]


def _assignment(right: Right) -> str:
    return f"{GROUP} {right.name}"


def _quoted(text: str) -> str:
    """Text as PowerShell takes it literally. Source: "about_Quoting_Rules", Microsoft Learn."""
    return "'" + text.replace("'", "''") + "'"


def lines_to_check(
    principal_id: str, powers: Iterable[str] = (), mail_filter: str = ""
) -> list[str]:
    """Show the roles and the members of the groups, and what is granted of mail, each with what to compare it with."""
    lines = ["Connect-ExchangeOnline"]
    for group, rights in role_groups(powers).items():
        wanted = ", ".join(sorted(each.name for each in rights))
        shown = f'(Get-ManagementRoleAssignment -RoleAssignee "{group}").Role | Sort-Object'
        lines.append(f"{shown}   # {wanted}")
        lines.append(f'Get-RoleGroupMember "{group}"')
    # Without the option too: what is granted here as well as in the directory is one to spare.
    mail = (
        ", ".join(f"Application {each.name}" for each in MAIL_ROLES) if mail_filter else "nothing"
    )
    lines.append(
        f"Test-ServicePrincipalAuthorization {principal_id} | Format-Table RoleName, AllowedResourceScope   # {mail}"
    )
    if mail_filter:
        lines.append(f'(Get-ManagementScope "{SCOPE}").RecipientFilter   # {mail_filter}')
    return lines


def lines_to_revoke(powers: Iterable[str]) -> list[str]:
    """Take the groups of these powers away."""
    groups = [group for group in role_groups(powers) if group != GROUP]
    return ["Connect-ExchangeOnline", *(f'Remove-RoleGroup "{group}"' for group in groups)]


def lines_to_revoke_all(principal_id: str) -> list[str]:
    """Undo everything; what a power never had is not there to remove."""
    groups = "|".join(sorted(role_groups(POWERS)))
    assignments = "|".join(_assignment(each) for each in MAIL_ROLES)
    return [
        "Connect-ExchangeOnline",
        f"Get-ManagementRoleAssignment | Where-Object Name -match '^({assignments})$' | Remove-ManagementRoleAssignment",
        f"Get-ManagementScope | Where-Object Name -eq '{SCOPE}' | Remove-ManagementScope",
        f"Get-RoleGroup | Where-Object Name -match '^({groups})$' | Remove-RoleGroup",
        f"Remove-ServicePrincipal -Identity {principal_id}",
    ]
