"""Application permissions of a managed identity: what it lacks, what it has to spare, granted and revoked.

Source: "Grant an appRoleAssignment to a service principal", Microsoft Graph v1.0 reference, Microsoft Learn.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from infra.grants.graph import GrantRefused, Graph
from infra.grants.wanted import app_roles


@dataclass(frozen=True)
class Grant:
    """One application permission of one service; `assignment` is empty while it is not granted."""

    resource_id: str
    role_id: str
    name: str
    is_wanted: bool
    assignment: str = ""


def grants_of(
    graph: Graph, principal_id: str, powers: Iterable[str] = (), *, is_mail_confined: bool = False
) -> list[Grant]:
    """Every permission of the two services that is wanted, those of further powers with them, or granted.

    Confined, the permissions to mail are not wanted here: Exchange grants them, and here they would reach every mailbox.

    Raises:
        GrantRefused: a service or one of its permissions is not in this tenant.
    """
    assignments = {
        (each["resourceId"], each["appRoleId"]): str(each["id"])
        for each in graph.all(f"/servicePrincipals/{principal_id}/appRoleAssignments")
    }
    return [
        grant
        for app_id, rights in app_roles(powers, is_mail_confined=is_mail_confined).items()
        for grant in _of_service(graph, app_id, {each.name for each in rights}, assignments)
    ]


def _of_service(
    graph: Graph, app_id: str, wanted: set[str], assignments: dict[tuple[str, str], str]
) -> list[Grant]:
    service = graph.get(f"/servicePrincipals(appId='{app_id}')?$select=id,displayName,appRoles")
    roles = {each["value"]: str(each["id"]) for each in service["appRoles"] if each["value"]}
    if missing := wanted - roles.keys():
        raise GrantRefused(f"{service['displayName']} knows no {', '.join(sorted(missing))}")
    known = (
        Grant(
            service["id"],
            number,
            name,
            name in wanted,
            assignments.get((service["id"], number), ""),
        )
        for name, number in sorted(roles.items())
    )
    return [each for each in known if each.is_wanted or each.assignment]


def grant_missing(graph: Graph, principal_id: str, grants: list[Grant]) -> list[str]:
    """Grant what is wanted and lacking; the names of what was granted now."""
    lacking = [each for each in grants if each.is_wanted and not each.assignment]
    for each in lacking:
        body = {
            "principalId": principal_id,
            "resourceId": each.resource_id,
            "appRoleId": each.role_id,
        }
        graph.post(f"/servicePrincipals/{principal_id}/appRoleAssignments", body)
    return [each.name for each in lacking]


def revoke(graph: Graph, principal_id: str, grants: Iterable[Grant]) -> list[str]:
    """Take away what of these is granted; the names of what was taken."""
    held = [each for each in grants if each.assignment]
    for each in held:
        graph.delete(f"/servicePrincipals/{principal_id}/appRoleAssignments/{each.assignment}")
    return [each.name for each in held]
