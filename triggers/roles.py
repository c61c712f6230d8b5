"""Who may ask for what: the least role of each route, and who it is that asks.

The platform's authentication verifies the token, hands the app the claims in one header, and takes that header away
from whoever sends it from outside. So the header means something only behind it: with function keys alone nobody looks
at it, and when sign-in is required but the platform does not stand in front, nobody is let in.

Source: "Work with user identities in Azure App Service authentication", Microsoft Learn.
"""

import base64
import binascii
import functools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import azure.functions as func

from bascule.settings import SettingsInvalid, SignIn, entrance
from triggers.answers import Handler, answer

HEADER = "x-ms-client-principal"
LEAST_ROLE = "least_role"
KEY_HOLDER = "function key"
# An address has at most 254 characters; a name from a directory is cut like one.
NAME_LENGTH_MAX = 254
# Both names that a role goes by, whatever the header itself says of it.
ROLE_CLAIMS = frozenset({"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"})
NAME_CLAIMS = ("preferred_username", "name", "appid", "azp")
# What a browser says of a request that a page of somebody else made with this person's cookie.
FOREIGN_PAGES = frozenset({"cross-site", "same-site"})


class Role(StrEnum):
    """What a person may do; each includes the ones before it."""

    READER = "Reader"
    """Looks at batches, mailboxes and reports."""
    OPERATOR = "Operator"
    """Asks for what can be asked again: uploads, retries, abandons, syncs, prepares."""
    APPROVER = "Approver"
    """Gives the words that people notice: cutover, rollback, a changed upload, directory files, the end, new passwords."""

    def includes(self, other: "Role") -> bool:
        """Whether who has this role may do what takes `other`."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(other)


@dataclass(frozen=True)
class Principal:
    """Who signed in, as the platform says."""

    name: str
    roles: frozenset[Role]

    def may(self, wanted: Role) -> bool:
        """Whether one of the roles includes `wanted`."""
        return any(role.includes(wanted) for role in self.roles)


def requires(role: Role) -> Callable[[Handler], Handler]:
    """Let in who has this role; with function keys alone, whoever the platform let through."""

    def guarding(handler: Handler) -> Handler:
        @functools.wraps(handler)
        async def guarded(req: func.HttpRequest, *args: Any, **kwargs: Any) -> func.HttpResponse:
            return refusal(req, role) or await handler(req, *args, **kwargs)

        setattr(guarded, LEAST_ROLE, role)
        return guarded

    return guarding


def least_role(handler: Callable[..., Any]) -> Role | None:
    """The role that a registered handler takes; None: nobody wrote it down."""
    role: Role | None = getattr(handler, LEAST_ROLE, None)
    return role


def asker(request: func.HttpRequest) -> str:
    """Who asks, for the journal: the signed-in person, or the holder of a key; never what the caller claims."""
    principal = _signed_in(request)
    return KEY_HOLDER if principal is None else principal.name


def auth_level() -> func.AuthLevel:
    """What the host asks of a caller before the app does: nothing once the platform's sign-in stands in front.

    A setting that cannot be read, or a platform that does not stand there, leaves the keys in force.
    """
    try:
        door = entrance()
    except SettingsInvalid:
        return func.AuthLevel.FUNCTION
    is_open = door.sign_in is SignIn.REQUIRED and door.is_guarded
    return func.AuthLevel.ANONYMOUS if is_open else func.AuthLevel.FUNCTION


def refusal(request: func.HttpRequest, wanted: Role) -> func.HttpResponse | None:
    """What is answered to who may not; None: go on. Raises SettingsInvalid."""
    door = entrance()
    if door.sign_in is SignIn.KEYS:
        return None
    if not door.is_guarded:
        detail = (
            "sign-in is required, but the platform's authentication is off: nobody can be known"
        )
        return answer({"error": "sign_in_off", "detail": detail}, 503)
    principal = _signed_in(request)
    if principal is None:
        return answer({"error": "not_signed_in", "detail": "sign in, or bring a token"}, 401)
    if not principal.may(wanted):
        return answer({"error": "role_missing", "detail": _lack(principal, wanted)}, 403)
    if request.method != "GET" and request.headers.get("sec-fetch-site") in FOREIGN_PAGES:
        detail = "a page of another site asked for this in your name"
        return answer({"error": "foreign_page", "detail": detail}, 403)
    return None


def _lack(principal: Principal, wanted: Role) -> str:
    held = ", ".join(sorted(principal.roles)) or "none"
    return f"this takes the role {wanted}; {principal.name} has {held}"


def _signed_in(request: func.HttpRequest) -> Principal | None:
    door = entrance()
    header = request.headers.get(HEADER)
    if door.sign_in is SignIn.KEYS or not door.is_guarded or not header:
        return None
    try:
        said = json.loads(base64.b64decode(header, validate=True))
        claims = [(str(each["typ"]), str(each["val"])) for each in said["claims"]]
        typed = {name: str(said.get(name)) for name in ("name_typ", "role_typ")}
    except (binascii.Error, ValueError, LookupError, TypeError, AttributeError):
        # Who cannot be read is nobody.
        return None
    roles = _roles(value for kind, value in claims if kind in ROLE_CLAIMS | {typed["role_typ"]})
    return Principal(_name(dict(reversed(claims)), typed["name_typ"]), roles)


def _roles(values: Iterable[str]) -> frozenset[Role]:
    return frozenset(Role(value) for value in values if value in set(Role))


def _name(claims: dict[str, str], name_claim: str) -> str:
    said = next((claims[kind] for kind in (name_claim, *NAME_CLAIMS) if claims.get(kind)), "")
    printable = "".join(letter for letter in said if letter.isprintable())
    return printable[:NAME_LENGTH_MAX] or "somebody without a name"
