"""The registration through which people sign in to the API: three roles, no secret, nobody admitted who is not assigned.

Source: "application resource type" and "servicePrincipal resource type", Microsoft Graph v1.0 reference, Microsoft Learn.
"""

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from infra.grants.browser_sign_in import BrowserEntrance, browser_lacks, let_browsers_in
from infra.grants.graph import GrantRefused, Graph

# The Azure CLI's own registration: `az account get-access-token` asks in a person's name.
AZURE_CLI_APP_ID = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
ROLES = {
    "Reader": "See batches, mailboxes and reports.",
    "Operator": "Upload batches, prepare, retry, abandon and synchronise.",
    "Approver": "Cut over, roll back, accept a changed upload, apply directory files, finish, and set passwords.",
}
SCOPE = "access"


def find_sign_in(graph: Graph, name: str) -> dict[str, Any] | None:
    """The registration of that name; None when there is none.

    Raises:
        GrantRefused: the name, which the directory lets anybody use again, is somebody else's too.
    """
    quoted = name.replace("'", "''")
    found = list(graph.all("/applications", **{"$filter": f"displayName eq '{quoted}'"}))
    if len(found) > 1 or any(not _is_ours(app, name) for app in found):
        raise GrantRefused(f"another registration is called {name!r}: choose another --name")
    return next(iter(found), None)


def _is_ours(app: dict[str, Any], name: str) -> bool:
    ours = {_id_of(name, role) for role in ROLES}
    return not ours.isdisjoint(each["id"] for each in app.get("appRoles", ()))


def lacks(
    graph: Graph, app: dict[str, Any] | None, entrance: BrowserEntrance | None = None
) -> list[str]:
    """What is not as it has to be, for browsers too when an app is named; nothing when all is well."""
    if app is None:
        return ["the registration"]
    roles = {each["value"] for each in app.get("appRoles", ()) if each["isEnabled"]}
    missing = [f"the role {name}" for name in ROLES if name not in roles]
    if f"api://{app['appId']}" not in app.get("identifierUris", ()):
        missing.append("its address api://...")
    principal = _principal(graph, app["appId"])
    if principal is None or not principal["appRoleAssignmentRequired"]:
        missing.append("that only assigned people are admitted")
    if entrance is not None and principal is not None:
        missing += browser_lacks(graph, app, principal["appOwnerOrganizationId"], entrance)
    return missing


def make_sign_in(graph: Graph, name: str) -> str:
    """Make the registration, or complete it; its application id. Repeating it changes nothing."""
    app = find_sign_in(graph, name)
    if app is None:
        # With the roles at once: by them it is known again, even after an interruption.
        new = {"displayName": name, "signInAudience": "AzureADMyOrg", "appRoles": _roles(name)}
        app = graph.post("/applications", new)
    scope_id = _id_of(name, SCOPE)
    api = {"requestedAccessTokenVersion": 2, "oauth2PermissionScopes": [_scope(scope_id)]}
    address = {"identifierUris": [f"api://{app['appId']}"], "appRoles": _roles(name), "api": api}
    graph.patch(f"/applications/{app['id']}", address)
    # A second write: Graph knows a scope only after it was written, and not before.
    trusted = {"appId": AZURE_CLI_APP_ID, "delegatedPermissionIds": [scope_id]}
    graph.patch(
        f"/applications/{app['id']}", {"api": api | {"preAuthorizedApplications": [trusted]}}
    )
    principal = _principal(graph, app["appId"])
    if principal is None:
        body = {"appId": app["appId"], "appRoleAssignmentRequired": True}
        graph.post("/servicePrincipals", body)
    elif not principal["appRoleAssignmentRequired"]:
        graph.patch(f"/servicePrincipals/{principal['id']}", {"appRoleAssignmentRequired": True})
    return str(app["appId"])


def open_to_browsers(graph: Graph, name: str, entrance: BrowserEntrance) -> None:
    """Let browsers sign in to this app by the registration, which is there already. Repeating it changes nothing."""
    app = find_sign_in(graph, name)
    principal = None if app is None else _principal(graph, app["appId"])
    if app is None or principal is None:
        raise GrantRefused(f"there is no registration {name!r}")
    let_browsers_in(graph, app, principal["appOwnerOrganizationId"], entrance)


def remove_sign_in(graph: Graph, name: str) -> bool:
    """Remove the registration, and with it every assignment; whether there was one."""
    app = find_sign_in(graph, name)
    if app is not None:
        graph.delete(f"/applications/{app['id']}")
    return app is not None


def _principal(graph: Graph, app_id: str) -> dict[str, Any] | None:
    found = graph.all("/servicePrincipals", **{"$filter": f"appId eq '{app_id}'"})
    return next(iter(found), None)


def _id_of(name: str, part: str) -> str:
    # The same at every run, so that a repeated write is the same write.
    return str(uuid5(NAMESPACE_URL, f"bascule/{name}/{part}"))


def _roles(name: str) -> list[dict[str, Any]]:
    return [
        {
            "id": _id_of(name, role),
            "value": role,
            "displayName": role,
            "description": text,
            "allowedMemberTypes": ["User", "Application"],
            "isEnabled": True,
        }
        for role, text in ROLES.items()
    ]


def _scope(scope_id: str) -> dict[str, Any]:
    return {
        "id": scope_id,
        "value": SCOPE,
        "type": "User",
        "isEnabled": True,
        "adminConsentDisplayName": "Call Bascule",
        "adminConsentDescription": "Call the API of Bascule in the name of the person who signed in.",
    }
