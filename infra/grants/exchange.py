"""The role groups in Exchange Online, as lines for an administrator's PowerShell: no API makes them.

Source: "App-only authentication in Exchange Online PowerShell" and "New-RoleGroup", Microsoft Learn.
"""

from collections.abc import Iterable

from infra.grants.wanted import EXCHANGE_ROLES, POWERS, Right

GROUP = "Bascule"


def role_groups(powers: Iterable[str] = ()) -> dict[str, tuple[Right, ...]]:
    """A group of its own for each power that Exchange knows of, so that each can be taken away alone."""
    further = {f"{GROUP} {name}": POWERS[name].exchange for name in powers}
    return {GROUP: EXCHANGE_ROLES, **{name: rights for name, rights in further.items() if rights}}


def lines_to_grant(client_id: str, principal_id: str, powers: Iterable[str] = ()) -> list[str]:
    """Make the service principal known to Exchange, and the groups with exactly the roles and their one member."""
    lines = [
        "Connect-ExchangeOnline",
        f'New-ServicePrincipal -AppId {client_id} -ObjectId {principal_id} -DisplayName "{GROUP}"',
    ]
    for group, rights in role_groups(powers).items():
        roles = ",".join(f'"{each.name}"' for each in rights)
        lines.append(f'New-RoleGroup -Name "{group}" -Roles {roles}')
        lines.append(f'Add-RoleGroupMember "{group}" -Member {principal_id}')
    return lines


def lines_to_check(powers: Iterable[str] = ()) -> list[str]:
    """Show the roles and the members of the groups, each with the list to compare it with."""
    lines = ["Connect-ExchangeOnline"]
    for group, rights in role_groups(powers).items():
        wanted = ", ".join(sorted(each.name for each in rights))
        shown = f'(Get-ManagementRoleAssignment -RoleAssignee "{group}").Role | Sort-Object'
        lines.append(f"{shown}   # {wanted}")
        lines.append(f'Get-RoleGroupMember "{group}"')
    return lines


def lines_to_revoke(powers: Iterable[str]) -> list[str]:
    """Take the groups of these powers away."""
    groups = [group for group in role_groups(powers) if group != GROUP]
    return ["Connect-ExchangeOnline", *(f'Remove-RoleGroup "{group}"' for group in groups)]


def lines_to_revoke_all(principal_id: str) -> list[str]:
    """Undo everything; what a power never had is not there to remove."""
    groups = "|".join(sorted(role_groups(POWERS)))
    return [
        "Connect-ExchangeOnline",
        f"Get-RoleGroup | Where-Object Name -match '^({groups})$' | Remove-RoleGroup",
        f"Remove-ServicePrincipal -Identity {principal_id}",
    ]
