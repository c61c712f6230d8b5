"""What the app needs to be told, and how it says so."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bascule.settings import EXCHANGE_URL, GRAPH_URL, SettingsInvalid, settings_from

LOOPBACK_STORAGE = (
    "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=c2VjcmV0;"
    "BlobEndpoint=http://127.0.0.1:1/a;TableEndpoint=http://127.0.0.1:2/a;"
)
CANARY = "canary-Pa55word"


@pytest.fixture
def good(tmp_path: Path) -> dict[str, str]:
    """The least a production app is told."""
    (tmp_path / "plan.toml").touch()
    return {
        "BASCULE_PLAN": str(tmp_path / "plan.toml"),
        "BASCULE_STORAGE_ACCOUNT": "basculestore1",
        "BASCULE_KEY": "https://vault.vault.azure.net/keys/bascule",
    }


def mistakes_of(environment: dict[str, str]) -> str:
    """What the settings say is wrong."""
    with pytest.raises(SettingsInvalid) as invalid:
        settings_from(environment)
    return "\n".join(invalid.value.mistakes)


def test_three_settings_are_enough(good: dict[str, str]) -> None:
    """Every further setting would be one more to get wrong."""
    settings = settings_from(good)

    assert settings.plan_path == Path(good["BASCULE_PLAN"])
    assert (settings.graph_url, settings.exchange_url) == (GRAPH_URL, EXCHANGE_URL)
    assert settings.is_key_vault_key
    assert settings.clock is None


def test_every_hole_is_named_at_once() -> None:
    """An operator would start the app once per missing setting."""
    mistakes = mistakes_of({"BASCULE_PLAN": " ", "BASCULE_TABLE_PREFIX": "1-2"})

    for name in ("PLAN", "STORAGE_ACCOUNT", "KEY", "TABLE_PREFIX"):
        assert f"BASCULE_{name}" in mistakes


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("BASCULE_PLAN", "nowhere/plan.toml"),
        ("BASCULE_STORAGE_ACCOUNT", "Not A Name"),
        ("BASCULE_KEY", "https://vault.vault.azure.net/secrets/x"),
        ("BASCULE_KEY", "http://vault.vault.azure.net/keys/x"),
        ("BASCULE_GRAPH_URL", "http://graph.microsoft.com/v1.0"),
        ("BASCULE_EXCHANGE_URL", "outlook.office365.com"),
        ("BASCULE_TABLE_PREFIX", "with-dash"),
        ("BASCULE_SIGN_IN", "sometimes"),
        ("BASCULE_DOCS_URL", "javascript:alert(1)"),
        ("BASCULE_CLIENT_ID", "alone"),
        ("LOCAL_HOST_CLOCK", "{}"),
        ("LOCAL_HOST_CLOCK", "soon"),
    ],
)
def test_a_setting_that_cannot_work_is_named(good: dict[str, str], name: str, text: str) -> None:
    """The first mailbox would find out, in the middle of its migration."""
    assert name in mistakes_of(good | {name: text})


@pytest.mark.parametrize(
    "storage",
    [
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net",
        LOOPBACK_STORAGE + "QueueEndpoint=https://a.queue.core.windows.net/;",
        "BlobEndpoint=http://127.0.0.1.example.org/a;",
    ],
)
def test_an_account_key_is_for_this_machine_only(good: dict[str, str], storage: str) -> None:
    """A key to all mailboxes' passwords would stand in the app's settings."""
    del good["BASCULE_STORAGE_ACCOUNT"]
    mistakes = mistakes_of(good | {"BASCULE_STORAGE": storage})

    assert "BASCULE_STORAGE_ACCOUNT" in mistakes
    assert "c2VjcmV0" not in mistakes


def test_a_client_secret_is_for_this_machine_only(good: dict[str, str]) -> None:
    """A secret that can be stolen would open the whole tenant."""
    client = {"BASCULE_CLIENT_ID": "c", "BASCULE_CLIENT_SECRET": CANARY}
    mistakes = mistakes_of(
        good | client | {"BASCULE_TOKEN_URL": "https://login.microsoftonline.com/t"}
    )
    loopback = settings_from(good | client | {"BASCULE_TOKEN_URL": "http://127.0.0.1:1/token"})

    assert CANARY not in mistakes
    assert loopback.client_secret == CANARY


def test_no_secret_is_printed(good: dict[str, str]) -> None:
    """A log line about the start would hold every secret of the app."""
    del good["BASCULE_STORAGE_ACCOUNT"]
    secrets = {
        "BASCULE_STORAGE": LOOPBACK_STORAGE,
        "BASCULE_ALIAS_MAP_PASSWORD": CANARY,
        "BASCULE_SOURCE_MASTER_PASSWORD": CANARY,
        "BASCULE_CLIENT_SECRET": CANARY,
        "BASCULE_CLIENT_ID": "c",
        "BASCULE_TOKEN_URL": "http://localhost:1/token",
    }
    settings = settings_from(good | secrets)

    assert settings.alias_map_password == CANARY
    assert CANARY not in repr(settings)
    assert "c2VjcmV0" not in repr(settings)


@pytest.mark.parametrize(
    "name",
    [
        "BASCULE_SOURCE_MASTER_PASSWORD",
        "BASCULE_ALIAS_MAP_PASSWORD",
        "BASCULE_MANAGED_IDENTITY_CLIENT_ID",
    ],
)
@pytest.mark.parametrize(
    "reference",
    [
        "@Microsoft.KeyVault(SecretUri=https://kvs-a.vault.azure.net/secrets/source-master-password)",
        "@microsoft.keyvault(VaultName=kvs-a;SecretName=source-master-password)",
    ],
)
def test_a_reference_without_its_secret_is_no_password(
    good: dict[str, str], name: str, reference: str
) -> None:
    """Azure leaves the reference itself in the variable: the survey tried it at every mailbox, until the source locked the app out."""
    mistakes = mistakes_of(good | {name: reference})

    assert mistakes.count(name) == 1
    assert "deploy.md" in mistakes
    assert "kvs-a" not in mistakes


def test_a_rehearsal_may_bring_its_own_time(good: dict[str, str]) -> None:
    """A rehearsal of sixty days would take sixty days."""
    anchors = {
        "anchor_real_utc": "2026-11-22T05:00:00.000000Z",
        "anchor_virtual_utc": "2027-01-01T00:00:00.000000Z",
        "factor": 60,
    }
    settings = settings_from(good | {"LOCAL_HOST_CLOCK": json.dumps(anchors)})

    assert settings.clock is not None
    assert settings.clock.factor == 60.0
    assert settings.clock.anchor_virtual_utc == datetime(2027, 1, 1, tzinfo=UTC)
