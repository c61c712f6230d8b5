"""The credential for token endpoints on this machine."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from bascule.adapters.credential import LoopbackCredential
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Unreachable
from sandbox.faces.server import Faces
from sandbox.rig.azurite import free_ports
from sandbox.world.world import World

GRAPH = "https://graph.microsoft.com/.default"


@pytest.fixture
def addresses() -> Iterator[dict[str, Any]]:
    """Where the simulated tenant listens."""
    with Faces(World(7, lambda: datetime(2026, 11, 22, tzinfo=UTC))) as faces:
        yield faces.addresses


def test_a_token_is_asked_once_until_it_grows_old(addresses: dict[str, Any]) -> None:
    """Every call to Graph would be two calls, or one with a token that has ended."""
    now_s = [1_800_000_000.0]
    credential = LoopbackCredential(
        addresses["token_url"],
        addresses["client_id"],
        addresses["client_secret"],
        epoch_s=lambda: now_s[0],
    )
    first = credential.get_token(GRAPH)
    now_s[0] += 60
    again = credential.get_token(GRAPH)
    now_s[0] += 3_500
    renewed = credential.get_token(GRAPH)

    assert first is again
    assert renewed.expires_on > first.expires_on


def test_a_refused_token_is_not_offered_again(addresses: dict[str, Any]) -> None:
    """A token that was revoked would be sent until it ends by itself."""
    credential = LoopbackCredential(
        addresses["token_url"], addresses["client_id"], addresses["client_secret"]
    )
    first = credential.get_token(GRAPH)

    assert credential.get_token(GRAPH, claims='{"access_token":{}}') is not first


def test_a_wrong_secret_is_refused_and_not_named(addresses: dict[str, Any]) -> None:
    """A wrong secret would be retried for hours, or stand in the log."""
    credential = LoopbackCredential(addresses["token_url"], addresses["client_id"], "canary-secret")

    with pytest.raises(Refusal) as refused:
        credential.get_token(GRAPH)
    assert refused.value.code is Code.PERMISSION_MISSING
    assert "canary-secret" not in str(refused.value)


def test_an_endpoint_that_is_not_there_is_unreachable() -> None:
    """A rehearsal whose tenant starts late would end at once."""
    (port,) = free_ports(1)
    credential = LoopbackCredential(f"http://127.0.0.1:{port}/token", "c", "s")

    with pytest.raises(Unreachable):
        credential.get_token(GRAPH)
