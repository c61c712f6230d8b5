"""The token endpoint: client credentials in, a signed bearer token out; and the check every other face makes.

A person's name and password are taken as well, so that one can see with which password somebody gets in.
Source: Microsoft identity platform, "OAuth 2.0 client credentials flow", "OAuth 2.0 Resource Owner Password Credentials"
and "Microsoft Entra authentication and authorization error codes"; RFC 6749 section 5.2 for the shape of the refusal;
RFC 7523 for the assertion.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jwt
from aiohttp import web

from sandbox.world.registered_app import RegisteredApp
from sandbox.world.sign_in import SignInRefused, sign_in
from sandbox.world.world import World

GRAPH_AUDIENCE = "https://graph.microsoft.com"
EXCHANGE_AUDIENCE = "https://outlook.office365.com"
# Which of the app's permissions a token for the resource carries; the rest of them belong to Graph.
EXCHANGE_ROLES = frozenset({"Exchange.ManageAsApp", "IMAP.AccessAsApp"})
# What the vendor gives app-only tokens, near enough: about an hour.
TOKEN_LIFETIME_S = 3599
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_ALGORITHMS = ["RS256", "PS256"]


class TokenRefused(Exception):
    """The token endpoint says no: an OAuth error word and the AADSTS number with its sentence."""

    def __init__(self, status: int, error: str, number: int, sentence: str) -> None:
        super().__init__(f"AADSTS{number}: {sentence}")
        self.status = status
        self.error = error
        self.number = number


class BearerRefused(Exception):
    """A resource says no to a bearer token; `message` is the sentence for the 401 body."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class Claims:
    """What a token says about its bearer."""

    audience: str
    client_id: str
    tenant_id: str
    roles: frozenset[str]
    expires_epoch_s: int


class TokenDesk:
    """Issues and reads the tokens of one tenant; every desk of one seed knows the others' tokens."""

    def __init__(
        self,
        tenant_id: str,
        app: RegisteredApp,
        seed: int,
        epoch_s: Callable[[], float] = time.time,
        world: World | None = None,
    ) -> None:
        """`epoch_s` is the wall clock even when the world runs faster: clients count `expires_in` in real seconds.

        Without a `world` there are no people, only the app.
        """
        self._world = world
        self._tenant_id = tenant_id
        self._app = app
        self._key = hashlib.sha256(f"{seed}/token-signing-key".encode()).digest()
        self._epoch_s = epoch_s

    @classmethod
    def of(cls, world: World) -> "TokenDesk":
        """The desk of the world's tenant."""
        tenant = world.tenant
        return cls(tenant.tenant_id, tenant.app, world.kernel.seed, world=world)

    def issue(self, tenant: str, form: Mapping[str, str]) -> dict[str, str | int]:
        """The token endpoint's answer to a posted form.

        Raises:
            TokenRefused: with the vendor's error number.
        """
        if tenant != self._tenant_id:
            raise TokenRefused(
                400,
                "invalid_request",
                90002,
                f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing "
                "into the correct cloud.",
            )
        _require(form, "grant_type")
        if form["grant_type"] == "password" and self._world is not None:
            return _issued(self._for_person(self._world, form))
        if form["grant_type"] != "client_credentials":
            raise TokenRefused(
                400,
                "unsupported_grant_type",
                70003,
                f"The app requested an unsupported grant type '{form['grant_type']}'.",
            )
        _require(form, "client_id")
        _require(form, "scope")
        self._check_client(form)
        audience = self._audience(form["scope"])
        return _issued(self._signed(audience))

    def read(self, authorization: str | None, audience: str) -> Claims:
        """The claims of an `Authorization` header meant for `audience`.

        Raises:
            BearerRefused: no token, not ours, expired, or meant for another resource.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise BearerRefused("Access token is empty.")
        try:
            payload = jwt.decode(
                token,
                self._key,
                algorithms=["HS256"],
                options={
                    "verify_exp": False,
                    "verify_aud": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except jwt.InvalidTokenError as broken:
            raise BearerRefused("CompactToken parsing failed with error code: 80049217") from broken
        if payload["aud"] != audience:
            raise BearerRefused("Access token validation failure. Invalid audience.")
        if payload["exp"] <= self._epoch_s():
            raise BearerRefused("Lifetime validation failed, the token is expired.")
        return Claims(
            payload["aud"],
            payload["appid"],
            payload["tid"],
            frozenset(payload["roles"]),
            payload["exp"],
        )

    def _for_person(self, world: World, form: Mapping[str, str]) -> str:
        """A token that a person's own name and password buy; it carries none of the app's permissions."""
        for name in ("client_id", "scope", "username", "password"):
            _require(form, name)
        if "client_secret" in form or form["client_id"] == self._app.client_id:
            self._check_client(form)
        try:
            sign_in(world.tenant.directory, form["username"], form["password"])
        except SignInRefused as no:
            raise TokenRefused(400, "invalid_grant", no.number, no.sentence) from no
        return self._signed(GRAPH_AUDIENCE, idtyp="user", upn=form["username"], roles=[])

    def _check_client(self, form: Mapping[str, str]) -> None:
        if form["client_id"] != self._app.client_id:
            raise TokenRefused(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{form['client_id']}' was not found in the directory "
                f"'{self._tenant_id}'.",
            )
        if "client_assertion" in form:
            self._check_assertion(form)
        elif "client_secret" not in form:
            raise TokenRefused(
                401,
                "invalid_client",
                7000218,
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
            )
        elif not hmac.compare_digest(
            form["client_secret"].encode(), self._app.client_secret.encode()
        ):
            raise TokenRefused(
                401,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
                f"value, not the client secret ID, for a secret added to app '{self._app.client_id}'.",
            )

    def _check_assertion(self, form: Mapping[str, str]) -> None:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise TokenRefused(
                400,
                "invalid_request",
                900144,
                "The request body must contain the following parameter: 'client_assertion_type'.",
            )
        for key in self._app.certificate_public_keys_pem:
            if self._assertion_holds(form["client_assertion"], key):
                return
        raise TokenRefused(
            401,
            "invalid_client",
            700027,
            "The certificate with identifier used to sign the client assertion is not registered on application.",
        )

    def _assertion_holds(self, assertion: str, public_key_pem: str) -> bool:
        try:
            said = jwt.decode(
                assertion,
                public_key_pem,
                algorithms=ASSERTION_ALGORITHMS,
                options={
                    "verify_aud": False,
                    "verify_exp": False,
                    "require": ["aud", "exp", "iss", "sub"],
                },
            )
        except jwt.InvalidTokenError:
            return False
        mine = said["iss"] == said["sub"] == self._app.client_id
        at_this_door = str(said["aud"]).endswith(f"/{self._tenant_id}/oauth2/v2.0/token")
        return mine and at_this_door and said["exp"] > self._epoch_s()

    def _audience(self, scope: str) -> str:
        resource, separator, _ = scope.partition("/.default")
        if not separator or scope != f"{resource}/.default":
            raise TokenRefused(
                400,
                "invalid_scope",
                1002012,
                f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value "
                "with /.default suffixed to the resource identifier (application ID URI).",
            )
        if resource not in (GRAPH_AUDIENCE, EXCHANGE_AUDIENCE):
            raise TokenRefused(
                400,
                "invalid_resource",
                500011,
                f"The resource principal named {resource} was not found in the tenant named {self._tenant_id}.",
            )
        return resource

    def _signed(self, audience: str, **others: object) -> str:
        now_epoch_s = int(self._epoch_s())
        exchange = audience == EXCHANGE_AUDIENCE
        roles = {role for role in self._app.roles if (role in EXCHANGE_ROLES) is exchange}
        payload = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{self._tenant_id}/",
            "iat": now_epoch_s,
            "nbf": now_epoch_s,
            "exp": now_epoch_s + TOKEN_LIFETIME_S,
            "appid": self._app.client_id,
            "tid": self._tenant_id,
            "idtyp": "app",
            "roles": sorted(roles),
            "uti": secrets.token_urlsafe(16),
            "ver": "1.0",
            **others,
        }
        return jwt.encode(payload, self._key, algorithm="HS256")


def routes(world: World) -> web.RouteTableDef:
    """`POST /{tenant}/oauth2/v2.0/token`."""
    table = web.RouteTableDef()
    desk = TokenDesk.of(world)

    @table.post("/{tenant}/oauth2/v2.0/token")
    async def token(request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            return web.json_response(desk.issue(request.match_info["tenant"], form))
        except TokenRefused as no:
            return _refusal(world, no)

    return table


def _issued(token: str) -> dict[str, str | int]:
    return {
        "token_type": "Bearer",
        "expires_in": TOKEN_LIFETIME_S,
        "ext_expires_in": TOKEN_LIFETIME_S,
        "access_token": token,
    }


def _require(form: Mapping[str, str], name: str) -> None:
    if not form.get(name):
        raise TokenRefused(
            400,
            "invalid_request",
            900144,
            f"The request body must contain the following parameter: '{name}'.",
        )


def _refusal(world: World, no: TokenRefused) -> web.Response:
    trace_id = secrets.token_hex(16)
    body = {
        "error": no.error,
        "error_description": f"{no} Trace ID: {trace_id}",
        "error_codes": [no.number],
        "timestamp": world.kernel.now_utc().strftime("%Y-%m-%d %H:%M:%SZ"),
        "trace_id": trace_id,
        "correlation_id": secrets.token_hex(16),
    }
    return web.json_response(body, status=no.status, headers={"Cache-Control": "no-store"})
