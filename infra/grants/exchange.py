"""The role group in Exchange Online, as lines for an administrator's PowerShell: no API makes it.

Source: "App-only authentication in Exchange Online PowerShell" and "New-RoleGroup", Microsoft Learn.
"""

from infra.grants.wanted import EXCHANGE_ROLES

GROUP = "Bascule"


def lines_to_grant(client_id: str, principal_id: str) -> list[str]:
    """Make the service principal known to Exchange, the group with exactly the roles, and its one member."""
    roles = ",".join(f'"{each.name}"' for each in EXCHANGE_ROLES)
    return [
        "Connect-ExchangeOnline",
        f'New-ServicePrincipal -AppId {client_id} -ObjectId {principal_id} -DisplayName "{GROUP}"',
        f'New-RoleGroup -Name "{GROUP}" -Roles {roles}',
        f'Add-RoleGroupMember "{GROUP}" -Member {principal_id}',
    ]


def lines_to_check() -> list[str]:
    """Show the roles and the members of the group, to compare with the list."""
    return [
        "Connect-ExchangeOnline",
        f'(Get-ManagementRoleAssignment -RoleAssignee "{GROUP}").Role | Sort-Object',
        f'Get-RoleGroupMember "{GROUP}"',
    ]


def lines_to_revoke(principal_id: str) -> list[str]:
    """Undo it."""
    return [
        "Connect-ExchangeOnline",
        f'Remove-RoleGroup "{GROUP}"',
        f"Remove-ServicePrincipal -Identity {principal_id}",
    ]
