"""Requests as the platform's authentication hands them to the app."""

import base64
import json

import azure.functions as func

NAME_CLAIM = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
ROLE_CLAIM = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
ANNA = "anna@example.org"


def principal(*roles: str, name: str = ANNA, role_claim: str = "roles") -> str:
    """The header of a person with these roles."""
    claims = [{"typ": NAME_CLAIM, "val": name}] if name else [{"typ": "appid", "val": "an-app"}]
    claims += [{"typ": role_claim, "val": role} for role in roles]
    return encoded(
        {"auth_typ": "aad", "claims": claims, "name_typ": NAME_CLAIM, "role_typ": ROLE_CLAIM}
    )


def encoded(content: object) -> str:
    """JSON in base64, as the header has it."""
    return base64.b64encode(json.dumps(content).encode()).decode()


def request(method: str = "GET", header: str | None = None, **headers: str) -> func.HttpRequest:
    """A request with the header of authentication, if there is one."""
    said = {"x-ms-client-principal": header} if header is not None else {}
    more = {name.replace("_", "-"): text for name, text in headers.items()}
    return func.HttpRequest(method, "https://app/api/x", headers=said | more, body=b"")
