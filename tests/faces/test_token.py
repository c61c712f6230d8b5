"""The token endpoint and the check of bearer tokens, as clients of the identity platform meet them."""

import time
from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.faces.token import (
    ASSERTION_TYPE,
    EXCHANGE_AUDIENCE,
    GRAPH_AUDIENCE,
    TOKEN_LIFETIME_S,
    BearerRefused,
    TokenDesk,
    TokenRefused,
)
from sandbox.world.registered_app import RegisteredApp

TENANT = "11111111-2222-3333-4444-555555555555"


def desk(app: RegisteredApp, now_epoch_s: float = 1_800_000_000) -> TokenDesk:
    """A desk whose clock stands still."""
    return TokenDesk(TENANT, app, 7, lambda: now_epoch_s)


@pytest.fixture
def app() -> RegisteredApp:
    """The app with all its roles."""
    return RegisteredApp("client-1", "s3cret")


def form(**changes: str) -> dict[str, str]:
    """A form that is right, with changes."""
    right = {
        "grant_type": "client_credentials",
        "client_id": "client-1",
        "client_secret": "s3cret",
        "scope": f"{GRAPH_AUDIENCE}/.default",
    }
    return {name: value for name, value in {**right, **changes}.items() if value}


def test_a_token_names_its_audience_its_tenant_and_its_roles(app: RegisteredApp) -> None:
    """The faces could not tell a Graph token from an Exchange token, nor a poor app from a rich one."""
    issued = desk(app).issue(TENANT, form())
    claims = desk(app).read(f"Bearer {issued['access_token']}", GRAPH_AUDIENCE)

    assert claims.tenant_id == TENANT
    assert "Mail.Send" in claims.roles
    assert "Exchange.ManageAsApp" not in claims.roles
    assert issued["expires_in"] == TOKEN_LIFETIME_S


def test_an_exchange_token_carries_the_exchange_role_only(app: RegisteredApp) -> None:
    """Each resource shows only its own roles; the product's start-up check reads them."""
    issued = desk(app).issue(TENANT, form(scope=f"{EXCHANGE_AUDIENCE}/.default"))
    claims = desk(app).read(f"Bearer {issued['access_token']}", EXCHANGE_AUDIENCE)

    assert claims.roles == {"Exchange.ManageAsApp"}


@pytest.mark.parametrize(
    ("changes", "error", "number"),
    [
        ({"client_secret": "wrong"}, "invalid_client", 7000215),
        ({"client_secret": ""}, "invalid_client", 7000218),
        ({"client_id": "nobody"}, "unauthorized_client", 700016),
        ({"scope": "https://graph.microsoft.com/User.Read"}, "invalid_scope", 1002012),
        ({"scope": "http://127.0.0.1/.default"}, "invalid_resource", 500011),
        ({"scope": ""}, "invalid_request", 900144),
        ({"grant_type": "password"}, "unsupported_grant_type", 70003),
        ({"client_assertion": "x.y.z"}, "invalid_request", 900144),
        (
            {"client_assertion": "x.y.z", "client_assertion_type": ASSERTION_TYPE},
            "invalid_client",
            700027,
        ),
    ],
)
def test_a_wrong_form_is_refused_with_the_vendors_number(
    app: RegisteredApp, changes: dict[str, str], error: str, number: int
) -> None:
    """An operator would look up another mistake than the one made."""
    with pytest.raises(TokenRefused) as refusal:
        desk(app).issue(TENANT, form(**changes))

    assert (refusal.value.error, refusal.value.number) == (error, number)


def test_another_tenant_is_not_found(app: RegisteredApp) -> None:
    """A wrong tenant id would look like success."""
    with pytest.raises(TokenRefused, match="AADSTS90002"):
        desk(app).issue("other-tenant", form())


def test_a_certificate_proves_the_client_as_well_as_a_secret(app: RegisteredApp) -> None:
    """Apps that hold a certificate in the customer's tenant could not be rehearsed."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    app.certificate_public_keys_pem.append(public.decode())
    said = {
        "aud": f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token",
        "iss": "client-1",
        "sub": "client-1",
        "exp": 1_800_000_600,
    }
    assertion = jwt.encode(said, key, algorithm="PS256")
    issued = desk(app).issue(
        TENANT,
        form(client_secret="", client_assertion=assertion, client_assertion_type=ASSERTION_TYPE),
    )

    assert (
        desk(app).read(f"Bearer {issued['access_token']}", GRAPH_AUDIENCE).client_id == "client-1"
    )


@pytest.mark.parametrize("authorization", [None, "", "Basic abc", "Bearer", "Bearer not-a-token"])
def test_what_is_no_bearer_token_is_refused(app: RegisteredApp, authorization: str | None) -> None:
    """A client that forgot its token would be let in."""
    with pytest.raises(BearerRefused):
        desk(app).read(authorization, GRAPH_AUDIENCE)


def test_a_token_for_another_resource_is_refused(app: RegisteredApp) -> None:
    """One token for everything would hide a wrong scope until production."""
    issued = desk(app).issue(TENANT, form(scope=f"{EXCHANGE_AUDIENCE}/.default"))

    with pytest.raises(BearerRefused, match="audience"):
        desk(app).read(f"Bearer {issued['access_token']}", GRAPH_AUDIENCE)


def test_an_old_token_is_refused(app: RegisteredApp) -> None:
    """A client that never renews would work here and fail after an hour in production."""
    issued = desk(app).issue(TENANT, form())
    later = desk(app, 1_800_000_000 + TOKEN_LIFETIME_S)

    with pytest.raises(BearerRefused, match="expired"):
        later.read(f"Bearer {issued['access_token']}", GRAPH_AUDIENCE)


def test_a_role_granted_later_needs_a_new_token(app: RegisteredApp) -> None:
    """A 403 right after a grant is expected in production; here it would never be seen."""
    app.roles.discard("Mail.Send")
    old = desk(app).issue(TENANT, form())
    app.roles.add("Mail.Send")
    new = desk(app).issue(TENANT, form())

    assert "Mail.Send" not in desk(app).read(f"Bearer {old['access_token']}", GRAPH_AUDIENCE).roles
    assert "Mail.Send" in desk(app).read(f"Bearer {new['access_token']}", GRAPH_AUDIENCE).roles


def test_the_desk_counts_in_real_seconds(app: RegisteredApp) -> None:
    """A world that lives a day in a minute would expire every token before its first use."""
    real = TokenDesk(TENANT, app, 7)
    issued = real.issue(TENANT, form())
    claims = real.read(f"Bearer {issued['access_token']}", GRAPH_AUDIENCE)

    assert abs(claims.expires_epoch_s - time.time() - TOKEN_LIFETIME_S) < 60
    assert datetime.fromtimestamp(claims.expires_epoch_s, UTC).year >= 2026


def test_the_secret_is_in_no_representation(app: RegisteredApp) -> None:
    """A log line with the app in it would give the tenant away."""
    assert "s3cret" not in repr(app)
