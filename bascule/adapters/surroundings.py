"""Looks at tokens, at the admin gateway's list of cmdlets, at its clock and at Dovecot's greeting.

Source: Microsoft Learn, "Access tokens in the Microsoft identity platform" (claim `roles`); the request with which the
Exchange Online PowerShell module V3 asks which cmdlets to offer.
"""

import base64
import json
import time
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from bascule.adapters.exchange_online.errors import domain_error, read_failure
from bascule.adapters.exchange_online.gateway import BASE_URL, SCOPE
from bascule.adapters.graph.client import SCOPE as GRAPH_SCOPE
from bascule.adapters.imap.connection import ImapSourceMail
from bascule.adapters.tokens import Credential, credential_error
from bascule.domain.errors import Unreachable
from bascule.domain.plan import Plan
from bascule.domain.readiness import SourceEntrance, TokenRoles

# The list is asked for by the version of the module that would use it.
MODULE_VERSION = "3.9.2"
DOING = "list the cmdlets"
TIMEOUT = httpx.Timeout(30.0, connect=10.0)


class MicrosoftSurroundings:
    """Implements `bascule.ports.surroundings.Surroundings`."""

    def __init__(self, credential: Credential, plan: Plan, *, base_url: str = BASE_URL) -> None:
        self._credential = credential
        self._plan = plan
        tenant_id = plan.tenant.tenant_id
        self._url = f"{base_url.rstrip('/')}/adminapi/v1.0/{tenant_id}/EXOModuleFile"

    def token_roles(self) -> TokenRoles:
        """The `roles` of both tokens, decoded; nobody checks a signature here, the services do."""
        return TokenRoles(
            _roles(self._token(GRAPH_SCOPE), "Graph"), _roles(self._token(SCOPE), "Exchange")
        )

    def permitted_cmdlets(self) -> frozenset[str]:
        """GET EXOModuleFile."""
        answer = self._listed()
        try:
            exported = answer.json()["value"][0]["exportedCmdlets"]
        except (ValueError, LookupError, TypeError):
            raise Unreachable(f"{DOING}: an answer in another form") from None
        return frozenset(name.strip().lower() for name in str(exported).split(",") if name.strip())

    def clock_skew_s(self) -> float:
        """The Date of an answer, of a refusal too, against this machine's clock (RFC 9110 6.6.1)."""
        said = self._asked().headers.get("date", "")
        try:
            return time.time() - parsedate_to_datetime(said).timestamp()
        except ValueError:
            raise Unreachable(f"{DOING}: an answer without a date") from None

    def source_entrance(self) -> SourceEntrance:
        """Connect as the survey does, and hang up."""
        return ImapSourceMail(self._plan.source).entrance()

    def _listed(self) -> httpx.Response:
        answer = self._asked()
        if not answer.is_success:
            said = read_failure(answer.status_code, answer.headers, answer.content)
            raise domain_error(DOING, said)
        return answer

    def _asked(self) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._token(SCOPE)}", "CommandName": "*"}
        try:
            with httpx.Client(timeout=TIMEOUT, follow_redirects=False) as client:
                return client.get(self._url, params={"Version": MODULE_VERSION}, headers=headers)
        except httpx.HTTPError as failure:
            raise Unreachable(f"{DOING}: {type(failure).__name__}") from None

    def _token(self, scope: str) -> str:
        try:
            return self._credential.get_token(scope).token
        except Exception as failure:  # noqa: BLE001  credentials raise what their transport raises
            raise credential_error(failure) from None


def _roles(token: str, service: str) -> frozenset[str]:
    """The claim `roles` of a JWT (RFC 7519); a token that is none says nothing."""
    try:
        middle = token.split(".")[1]
        claims: Any = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        return frozenset(str(role) for role in claims.get("roles") or ())
    except (LookupError, ValueError, AttributeError):
        raise Unreachable(f"the token for {service} cannot be read") from None
