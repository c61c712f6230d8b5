"""What browsers need besides: the address they come back to, and an identity that vouches for the app instead of a secret.

Sources: "Configure your App Service or Azure Functions app to use Microsoft Entra sign-in" and "Configure an application to
trust a managed identity", Microsoft Learn; "federatedIdentityCredential resource type", Microsoft Graph v1.0 reference.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from infra.grants.graph import Graph

CREDENTIAL = "bascule-app"
LOGIN_URL = "https://login.microsoftonline.com"
AUDIENCE = "api://AzureADTokenExchange"
CALLBACK_PATH = "/.auth/login/aad/callback"


@dataclass(frozen=True)
class BrowserEntrance:
    """One deployed app: its address, and the object id of its identity."""

    app_url: str
    principal_id: str

    @property
    def callback(self) -> str:
        """Where the platform's authentication takes a browser back."""
        return f"https://{urlsplit(self.app_url).netloc}{CALLBACK_PATH}"


def browser_lacks(
    graph: Graph, app: dict[str, Any], tenant_id: str, entrance: BrowserEntrance
) -> list[str]:
    """What a browser would miss; nothing when all is well."""
    web = app.get("web") or {}
    missing = []
    if entrance.callback not in web.get("redirectUris", ()):
        missing.append(f"the way back to {entrance.callback}")
    if not (web.get("implicitGrantSettings") or {}).get("enableIdTokenIssuance"):
        missing.append("that a browser is given an ID token")
    held = _credential(graph, app)
    wanted = _wanted(tenant_id, entrance)
    if held is None or any(held.get(name) != value for name, value in wanted.items()):
        missing.append("the trust in the app's identity")
    return missing


def let_browsers_in(
    graph: Graph, app: dict[str, Any], tenant_id: str, entrance: BrowserEntrance
) -> None:
    """Complete the registration for browsers. Repeating it changes nothing."""
    web = {
        "redirectUris": [entrance.callback],
        # The platform asks for a code and an ID token in one answer.
        "implicitGrantSettings": {"enableIdTokenIssuance": True},
    }
    graph.patch(f"/applications/{app['id']}", {"web": web})
    path = f"/applications/{app['id']}/federatedIdentityCredentials"
    held = _credential(graph, app)
    wanted = _wanted(tenant_id, entrance)
    if held is None:
        graph.post(path, {"name": CREDENTIAL} | wanted)
    elif any(held.get(name) != value for name, value in wanted.items()):
        graph.patch(f"{path}/{held['id']}", wanted)


def _wanted(tenant_id: str, entrance: BrowserEntrance) -> dict[str, Any]:
    return {
        "issuer": f"{LOGIN_URL}/{tenant_id}/v2.0",
        "subject": entrance.principal_id,
        "audiences": [AUDIENCE],
    }


def _credential(graph: Graph, app: dict[str, Any]) -> dict[str, Any] | None:
    found = graph.all(f"/applications/{app['id']}/federatedIdentityCredentials")
    return next((each for each in found if each["name"] == CREDENTIAL), None)
