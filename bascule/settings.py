"""What the environment says, read once; the only file that looks there.

Missing and invalid settings are named all at once, so that a new app is put right in one go.
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

APP_FOLDER = Path(__file__).parents[1]
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})

GRAPH_URL = "https://graph.microsoft.com/v1.0"
EXCHANGE_URL = "https://outlook.office365.com"
TABLE_PREFIX = "bascule"
OWN_PREFIX = "BASCULE_"

# Table names: at most 63 letters and digits; ours add up to twenty. Source: "Understanding the Table service data
# model", Microsoft Learn.
_TABLE_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9]{0,39}")
# Source: "Azure Storage account name", Microsoft Learn.
_STORAGE_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_KEY_VAULT_KEY = re.compile(r"https://[A-Za-z0-9.-]+/keys/[A-Za-z0-9-]{1,127}(/[0-9a-f]{32})?/?")
# What the platform hands the app in the place of a secret that it could not fetch. Source: "Use Key Vault references as
# app settings in Azure App Service, Azure Functions, and Azure Logic Apps (Standard)", Microsoft Learn.
_UNRESOLVED_REFERENCE = "@microsoft.keyvault("
_STORAGE_ENDPOINT = re.compile(r"(?:Blob|Table|Queue|File)Endpoint=([^;]*)", re.IGNORECASE)


class SettingsInvalid(Exception):
    """The environment has holes; `mistakes` names every one of them, without any value that may be secret."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("The app's settings are not usable:\n" + "\n".join(mistakes))
        self.mistakes = mistakes


class SignIn(StrEnum):
    """How a caller of the HTTP API is known."""

    KEYS = "keys"
    """By a function key alone: whoever holds one may do everything."""
    REQUIRED = "required"
    """By the platform's authentication, which hands the app who it is and which roles they have."""


@dataclass(frozen=True)
class Entrance:
    """Who keeps the door of the HTTP API; read apart from the rest, because the app registers its routes by it."""

    sign_in: SignIn
    is_guarded: bool
    """The platform says that its authentication stands in front of the app."""


@dataclass(frozen=True)
class ClockAnchors:
    """Time that runs faster than the machine's: virtual = anchor + factor * (real - anchor)."""

    anchor_real_utc: datetime
    anchor_virtual_utc: datetime
    factor: float


@dataclass(frozen=True)
class Settings:
    """The app's settings, valid."""

    plan_path: Path
    key: str
    """A Key Vault key's identifier, or the path of a key file, relative to the app's folder."""
    storage: str = field(default="", repr=False)
    """A connection string of a storage emulator on this machine; otherwise empty."""
    storage_account: str = ""
    managed_identity_client_id: str = ""
    alias_map_password: str = field(default="", repr=False)
    source_master_password: str = field(default="", repr=False)
    graph_url: str = GRAPH_URL
    exchange_url: str = EXCHANGE_URL
    token_url: str = ""
    """A token endpoint on this machine; empty: the identity of the app."""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    table_prefix: str = TABLE_PREFIX
    clock: ClockAnchors | None = None

    @property
    def is_key_vault_key(self) -> bool:
        """Whether the wrapping key lives in Key Vault; otherwise it is a file."""
        return self.key.startswith("https://")

    @property
    def key_path(self) -> Path:
        """The key file, when the wrapping key is one."""
        return APP_FOLDER / self.key


def settings() -> Settings:
    """The settings of this process. Raises SettingsInvalid with every mistake at once."""
    return settings_from(os.environ)


def settings_from(environment: Mapping[str, str]) -> Settings:
    """The settings that `environment` says. Raises SettingsInvalid with every mistake at once."""
    said = {name: text.strip() for name, text in environment.items() if text.strip()}
    mistakes = tuple(mistake for check in CHECKS for mistake in check(said))
    if mistakes:
        raise SettingsInvalid(mistakes)
    optional = {
        name: said[variable] for name, variable in OPTIONAL_TEXTS.items() if variable in said
    }
    return Settings(
        plan_path=APP_FOLDER / said["BASCULE_PLAN"],
        key=said["BASCULE_KEY"],
        clock=_clock(said.get("LOCAL_HOST_CLOCK", "")),
        **optional,
    )


def entrance() -> Entrance:
    """Who keeps the door, as this process's environment says. Raises SettingsInvalid.

    Source: "Environment variables and app settings in Azure App Service", Microsoft Learn, WEBSITE_AUTH_ENABLED.
    """
    said = {name: text.strip() for name, text in os.environ.items()}
    if mistakes := _sign_in(said):
        raise SettingsInvalid(tuple(mistakes))
    is_guarded = said.get("WEBSITE_AUTH_ENABLED", "").lower() == "true"
    return Entrance(SignIn(said.get("BASCULE_SIGN_IN") or SignIn.KEYS), is_guarded)


def docs_url() -> str:
    """Where this installation's documentation is read, with a slash at the end; empty: nowhere. Raises SettingsInvalid."""
    said = {name: text.strip() for name, text in os.environ.items()}
    if mistakes := _addresses({name: text for name, text in said.items() if text}):
        raise SettingsInvalid(tuple(mistakes))
    url = said.get("BASCULE_DOCS_URL", "").rstrip("/")
    return f"{url}/" if url else ""


OPTIONAL_TEXTS = {
    "storage": "BASCULE_STORAGE",
    "storage_account": "BASCULE_STORAGE_ACCOUNT",
    "managed_identity_client_id": "BASCULE_MANAGED_IDENTITY_CLIENT_ID",
    "alias_map_password": "BASCULE_ALIAS_MAP_PASSWORD",
    "source_master_password": "BASCULE_SOURCE_MASTER_PASSWORD",
    "graph_url": "BASCULE_GRAPH_URL",
    "exchange_url": "BASCULE_EXCHANGE_URL",
    "token_url": "BASCULE_TOKEN_URL",
    "client_id": "BASCULE_CLIENT_ID",
    "client_secret": "BASCULE_CLIENT_SECRET",
    "table_prefix": "BASCULE_TABLE_PREFIX",
}

Said = Mapping[str, str]
Check = Callable[[Said], list[str]]


def _references(said: Said) -> list[str]:
    # Taken for a password, the text of the reference would be tried at every mailbox.
    return [
        (
            f"{name} is a Key Vault reference that Azure has not resolved: set its secret, then refresh the app's "
            "references; see docs/how-to/deploy.md, step 5"
        )
        for name, text in said.items()
        if name.startswith(OWN_PREFIX) and text.lower().startswith(_UNRESOLVED_REFERENCE)
    ]


def _plan(said: Said) -> list[str]:
    if "BASCULE_PLAN" not in said:
        return ["BASCULE_PLAN is missing: the path of plan.toml, relative to the app's folder"]
    if not (APP_FOLDER / said["BASCULE_PLAN"]).is_file():
        return [f"BASCULE_PLAN names no file: {said['BASCULE_PLAN']}"]
    return []


def _storage(said: Said) -> list[str]:
    given = {"BASCULE_STORAGE", "BASCULE_STORAGE_ACCOUNT"} & said.keys()
    if len(given) != 1:
        return ["exactly one of BASCULE_STORAGE_ACCOUNT and BASCULE_STORAGE must be set"]
    if not _STORAGE_ACCOUNT.fullmatch(said.get("BASCULE_STORAGE_ACCOUNT", "any")):
        return ["BASCULE_STORAGE_ACCOUNT is no name of a storage account"]
    endpoints = _STORAGE_ENDPOINT.findall(said.get("BASCULE_STORAGE", ""))
    if "BASCULE_STORAGE" in said and not (endpoints and all(map(_is_loopback, endpoints))):
        # An account key outside this machine would be one more secret to lose; the identity needs none.
        return [
            (
                "BASCULE_STORAGE must be a connection string with endpoints on this machine; "
                "anywhere else set BASCULE_STORAGE_ACCOUNT and give the app's identity its roles"
            )
        ]
    return []


def _key(said: Said) -> list[str]:
    key = said.get("BASCULE_KEY", "")
    if not key:
        return ["BASCULE_KEY is missing: the identifier of a Key Vault key, or a key file's path"]
    if "://" in key and not _KEY_VAULT_KEY.fullmatch(key):
        return ["BASCULE_KEY is no identifier like https://VAULT.vault.azure.net/keys/NAME"]
    return []


def _addresses(said: Said) -> list[str]:
    names = ("BASCULE_GRAPH_URL", "BASCULE_EXCHANGE_URL", "BASCULE_TOKEN_URL", "BASCULE_DOCS_URL")
    return [
        f"{name} must be an https address, or one on this machine"
        for name in names
        if name in said and not (_is_https(said[name]) or _is_loopback(said[name]))
    ]


def _client(said: Said) -> list[str]:
    names = ("BASCULE_TOKEN_URL", "BASCULE_CLIENT_ID", "BASCULE_CLIENT_SECRET")
    missing = [name for name in names if name not in said]
    if len(missing) == len(names):
        return []
    if missing:
        return [f"{name} is missing beside its companions {', '.join(names)}" for name in missing]
    if not _is_loopback(said["BASCULE_TOKEN_URL"]):
        return [
            (
                "BASCULE_CLIENT_SECRET is for a token endpoint on this machine only; "
                "the app signs in with its managed identity"
            )
        ]
    return []


def _sign_in(said: Said) -> list[str]:
    if said.get("BASCULE_SIGN_IN", "") in ("", *SignIn):
        return []
    return [f"BASCULE_SIGN_IN must be one of {', '.join(SignIn)}"]


def _table_prefix(said: Said) -> list[str]:
    if _TABLE_PREFIX.fullmatch(said.get("BASCULE_TABLE_PREFIX", TABLE_PREFIX)):
        return []
    return ["BASCULE_TABLE_PREFIX must be letters and digits, a letter first, at most 40"]


def _clock_text(said: Said) -> list[str]:
    try:
        _clock(said.get("LOCAL_HOST_CLOCK", ""))
    except (ValueError, TypeError, KeyError):
        return [
            "LOCAL_HOST_CLOCK must be JSON with anchor_real_utc, anchor_virtual_utc and a factor"
        ]
    return []


CHECKS: tuple[Check, ...] = (
    _references,
    _plan,
    _storage,
    _key,
    _addresses,
    _client,
    _sign_in,
    _table_prefix,
    _clock_text,
)


def _clock(text: str) -> ClockAnchors | None:
    if not text:
        return None
    facts: dict[str, Any] = json.loads(text)
    factor = float(facts["factor"])
    if factor <= 0:
        raise ValueError("time that does not run forward")
    real_utc, virtual_utc = (
        datetime.fromisoformat(facts[name]).astimezone(UTC)
        for name in ("anchor_real_utc", "anchor_virtual_utc")
    )
    return ClockAnchors(real_utc, virtual_utc, factor)


def _is_https(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" and bool(parts.hostname)


def _is_loopback(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and parts.hostname in LOOPBACK_HOSTS
