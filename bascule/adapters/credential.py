"""The app's identity: managed in Azure, the developer's elsewhere, a client secret on loopback only."""

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
from azure.core.credentials import AccessToken, TokenCredential

from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Unreachable

TIMEOUT_S = 10.0
# A token this close to its end may be refused on arrival.
RENEW_BEFORE_S = 300


def azure_credential(managed_identity_client_id: str) -> TokenCredential:
    """The user-assigned identity of that client id; without one, whoever this machine is signed in as.

    Source: "DefaultAzureCredential overview", Azure Identity client library for Python, Microsoft Learn.
    """
    from azure.identity import (  # noqa: PLC0415  msal is slow to load, and loopback runs never need it
        DefaultAzureCredential,
        ManagedIdentityCredential,
    )

    if managed_identity_client_id:
        return ManagedIdentityCredential(client_id=managed_identity_client_id)
    return DefaultAzureCredential()


class LoopbackCredential:
    """Client credentials at a token endpoint of this machine, over plain HTTP.

    The identity library talks TLS only, as it should; this never leaves the machine. Source: RFC 6749 4.4.
    """

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: str,
        epoch_s: Callable[[], float] = time.time,
    ) -> None:
        self._token_url = token_url
        self._client_id = client_id
        self._client_secret = client_secret
        self._epoch_s = epoch_s
        self._tokens: dict[str, AccessToken] = {}
        self._lock = threading.Lock()

    def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,  # noqa: ARG002  the identity library's signature
        enable_cae: bool = False,  # noqa: ARG002
        **_options: Any,
    ) -> AccessToken:
        """A token for one scope; a claims challenge means that the kept one is no longer taken.

        Raises:
            Unreachable: the endpoint does not answer.
            Refusal(PERMISSION_MISSING): it refuses the client.
        """
        (scope,) = scopes
        with self._lock:
            kept = self._tokens.get(scope)
            if kept is None or claims or kept.expires_on - RENEW_BEFORE_S < self._epoch_s():
                kept = self._tokens[scope] = self._asked(scope)
            return kept

    def _asked(self, scope: str) -> AccessToken:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            "scope": scope,
        }
        try:
            answer = httpx.post(self._token_url, data=form, timeout=TIMEOUT_S, trust_env=False)
        except httpx.HTTPError as error:
            raise Unreachable(
                f"the token endpoint does not answer ({type(error).__name__})"
            ) from error
        if answer.status_code >= 500:
            raise Unreachable(f"the token endpoint answered {answer.status_code}")
        if answer.status_code != 200:
            raise Refusal(
                Code.PERMISSION_MISSING, f"the token endpoint answered {answer.status_code}"
            )
        said = answer.json()
        return AccessToken(said["access_token"], int(self._epoch_s()) + int(said["expires_in"]))
