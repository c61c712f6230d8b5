"""Reads the app's `host.json` and `local.settings.json`.

Source: Microsoft Learn, "host.json reference for Azure Functions" and "Code and test Azure Functions locally".
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT_HUB = "TestHubName"
CONCURRENCY_PER_CORE = 10  # the extension's default outside the Consumption plan
PLACEHOLDER = re.compile(r"%([^%\s]+)%")


class SettingMissingError(Exception):
    """A binding names an app setting which does not exist."""


@dataclass(frozen=True)
class HostSettings:
    """What the host takes from host.json."""

    route_prefix: str
    hub_name: str
    default_version: str
    concurrent_activity_max: int
    concurrent_turn_max: int
    poison_blob_threshold: int
    blob_parallelism_max: int


def apply_local_settings(folder: Path) -> None:
    """Set the `Values` of local.settings.json as environment variables, those which are not set yet."""
    path = folder / "local.settings.json"
    if not path.exists():
        return
    for name, value in json.loads(path.read_text("utf-8")).get("Values", {}).items():
        os.environ.setdefault(name, str(value))


def resolve(text: str, settings: Mapping[str, str]) -> str:
    """Replace each %NAME% by the app setting of that name.

    Raises:
        SettingMissingError: there is no such setting.
    """

    def value_of(found: re.Match[str]) -> str:
        if found.group(1) not in settings:
            raise SettingMissingError(f"'%{found.group(1)}%' does not resolve to a value")
        return settings[found.group(1)]

    return PLACEHOLDER.sub(value_of, text)


def read_host_settings(folder: Path) -> HostSettings:
    """The host's own settings; what host.json leaves out has the product's default."""
    path = folder / "host.json"
    document: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    extensions = document.get("extensions", {})
    durable = extensions.get("durableTask", {})
    blobs = extensions.get("blobs", {})
    core_count = os.cpu_count() or 1
    per_app = CONCURRENCY_PER_CORE * core_count
    return HostSettings(
        route_prefix=extensions.get("http", {}).get("routePrefix", "api").strip("/"),
        hub_name=resolve(durable.get("hubName", DEFAULT_HUB), os.environ),
        default_version=durable.get("defaultVersion", ""),
        concurrent_activity_max=int(durable.get("maxConcurrentActivityFunctions", per_app)),
        concurrent_turn_max=int(durable.get("maxConcurrentOrchestratorFunctions", per_app)),
        poison_blob_threshold=int(blobs.get("poisonBlobThreshold", 5)),
        blob_parallelism_max=int(blobs.get("maxDegreeOfParallelism", 8 * core_count)),
    )
