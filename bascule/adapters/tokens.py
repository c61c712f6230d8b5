"""What the adapters to Microsoft 365 ask of a credential, and what its failures mean to the product."""

import base64
import re
from typing import Any, Protocol

from bascule.domain.codes import Code
from bascule.domain.errors import BasculeError, Refusal, Unreachable

_AADSTS = re.compile(r"AADSTS\d+")
_CLAIMS = re.compile(r'claims="([A-Za-z0-9+/_=-]+)"')


class BearerToken(Protocol):
    """An access token as the azure-identity credentials return it."""

    @property
    def token(self) -> str:
        """The bearer itself; never logged."""
        ...


class Credential(Protocol):
    """A credential of azure-identity, or anything that looks like one."""

    def get_token(self, *scopes: str, **options: Any) -> BearerToken:
        """A token for one scope; the credential keeps its own cache."""
        ...


def credential_error(failure: Exception) -> BasculeError:
    """What a credential's failure is for the caller; the message carries no more than the AADSTS number.

    Source: azure-identity, "Troubleshooting": CredentialUnavailableError and ClientAuthenticationError.
    """
    # Imported late: most processes never see a credential fail.
    from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415

    if isinstance(failure, BasculeError):
        return failure
    name = type(failure).__name__
    number = _AADSTS.search(str(failure))
    detail = f"{name} {number.group()}" if number else name
    if isinstance(failure, ClientAuthenticationError) and _is_final(failure):
        return Refusal(
            Code.PERMISSION_MISSING,
            f"the identity platform gives no token ({detail}): check the app's identity and its roles",
        )
    return Unreachable(f"no token from the identity platform ({detail})")


def _is_final(failure: Exception) -> bool:
    # An identity endpoint that is not up yet raises a subclass of the refusal; it passes by itself.
    if type(failure).__name__ == "CredentialUnavailableError":
        return False
    status = getattr(getattr(failure, "response", None), "status_code", 400)
    return isinstance(status, int) and status < 500 and status != 429


def decoded_claims(challenge: str) -> str:
    """The claims that a WWW-Authenticate header asks the next token to answer; empty when it asks for none.

    Source: Microsoft Learn, "Claims challenges, claims requests, and client capabilities".
    """
    found = _CLAIMS.search(challenge)
    if not found:
        return ""
    text = found.group(1)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:  # an unreadable challenge asks for nothing we could answer
        return ""
