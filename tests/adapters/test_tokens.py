"""What a failing credential means, and how long a server's Retry-After is."""

import pytest
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azure.identity import CredentialUnavailableError

from bascule.adapters.retry_after import WAIT_MAX_S, retry_after_s
from bascule.adapters.tokens import credential_error, decoded_claims
from bascule.domain.errors import Refusal, Unreachable

DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


class Answer:
    """As much of an HTTP response as the judgement needs."""

    def __init__(self, status_code: int) -> None:
        self.status_code = status_code
        self.reason = "reason"
        self.headers: dict[str, str] = {}
        self.request = None

    def text(self) -> str:
        """The body."""
        return ""


def test_a_refused_identity_waits_for_a_person() -> None:
    """A wrong secret does not become right by asking again."""
    error = ClientAuthenticationError("AADSTS700016: application not found, secret hunter2")

    found = credential_error(error)

    assert isinstance(found, Refusal)
    assert "AADSTS700016" in str(found)
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    "error",
    [
        CredentialUnavailableError("the endpoint is not up yet"),
        ServiceRequestError("no route"),
        ClientAuthenticationError("busy", response=Answer(503)),
        ClientAuthenticationError("slow down", response=Answer(429)),
        OSError("no network"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_identity_platform_that_is_away_is_waited_for(error: Exception) -> None:
    """Setting ten thousand mailboxes aside for an outage of minutes would be absurd."""
    assert isinstance(credential_error(error), Unreachable)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "5"}, 5),
        ({"Retry-After": " 5 "}, 5),
        ({"Retry-After": "Wed, 21 Oct 2026 07:29:00 GMT", "Date": DATE}, 60),
        ({"Retry-After": "Wed, 21 Oct 2026 07:29:00 GMT"}, 30),
        ({"Retry-After": "Wed, 21 Oct 2026 07:27:00 GMT", "Date": DATE}, 30),
        ({"Retry-After": "0"}, 30),
        ({"Retry-After": "soon"}, 30),
        ({"Retry-After": "-5"}, 30),
        ({}, 30),
        ({"Retry-After": "99999999"}, WAIT_MAX_S),
    ],
)
def test_a_hint_that_says_nothing_usable_is_replaced(
    headers: dict[str, str], expected: float
) -> None:
    """No wait at all hammers the tenant; a wait without end loses a mailbox."""
    assert retry_after_s(headers, 30) == expected


@pytest.mark.parametrize(
    ("challenge", "expected"),
    [
        ('Bearer realm="", claims="eyJhIjoxfQ"', '{"a":1}'),
        ('Bearer error="invalid_token"', ""),
        ('Bearer claims="%%%"', ""),
        ("", ""),
    ],
)
def test_claims_are_read_with_or_without_padding(challenge: str, expected: str) -> None:
    """An unreadable challenge asks for nothing we could answer."""
    assert decoded_claims(challenge) == expected
