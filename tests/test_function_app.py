"""What the deployed app registers, and what it costs to import: seen from outside, in a process of its own."""

import importlib
import inspect
import json
import re
import subprocess
import sys
import typing
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from orchestrators.steps import STEPS, Step
from triggers.openapi import DOCUMENT

ROOT = Path(__file__).parent.parent
# Loaded when a step first needs them: together they take longer than the host's whole start.
HEAVY = (
    "msgraph",
    "kiota_abstractions",
    "azure.identity",
    "azure.storage",
    "azure.data",
    "azure.keyvault",
    "pymysql",
    "imapclient",
    "httpx",
    "cryptography",
)
LOOK = """
import json, sys
import function_app
functions = [
    {"name": each.get_function_name(), "bindings": json.loads(each.get_function_json())["bindings"]}
    for each in function_app.app.get_functions()
]
print(json.dumps({"functions": functions, "modules": sorted(sys.modules)}))
"""


@dataclass(frozen=True)
class Registered:
    """One function as the host sees it."""

    name: str
    bindings: tuple[dict[str, Any], ...]

    @property
    def trigger(self) -> dict[str, Any]:
        """The binding that starts it."""
        return next(each for each in self.bindings if each["type"].endswith("Trigger"))


@dataclass(frozen=True)
class App:
    """The app after its import, without any setting and without any call."""

    functions: tuple[Registered, ...]
    modules: frozenset[str]

    def of(self, trigger: str) -> dict[str, Registered]:
        """The functions with this kind of trigger, by name."""
        return {each.name: each for each in self.functions if each.trigger["type"] == trigger}


@pytest.fixture(scope="module")
def app() -> App:
    """Import the app in a fresh interpreter whose environment says nothing about it."""
    seen = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=ROOT, env={}, check=True, capture_output=True, text=True
    )
    found = json.loads(seen.stdout)
    functions = (Registered(each["name"], tuple(each["bindings"])) for each in found["functions"])
    return App(tuple(functions), frozenset(found["modules"]))


def test_a_cold_start_loads_no_vendor_library(app: App) -> None:
    """Every request after a quiet hour would wait for libraries that it may not need."""
    loaded = [
        name for name in HEAVY if any(f"{each}.".startswith(f"{name}.") for each in app.modules)
    ]

    assert loaded == []


def test_nothing_of_the_sandbox_is_imported(app: App) -> None:
    """The sandbox is not deployed: an import of it fails only in Azure."""
    assert [each for each in app.modules if each.split(".")[0] == "sandbox"] == []


def test_every_step_is_registered_under_its_name_and_no_other(app: App) -> None:
    """A story that asks for an unknown step hangs or fails only when it gets there, weeks later."""
    assert set(app.of("activityTrigger")) == {step.name for step in STEPS}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_step_is_one_file_with_its_types(step: Step[Any, Any]) -> None:
    """A story and a step that disagree about a type meet only at run time, as a broken step."""
    module = importlib.import_module(f"activities.{step.name}")
    hints = [
        typing.get_type_hints(function)
        for _, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not function.__name__.startswith("_")
    ]
    fitting = [
        each
        for each in hints
        if each.get("return") == step.answers and step.takes in list(each.values())[:-1]
    ]

    assert len(fitting) >= 1


def routes_of(app: App) -> set[str]:
    """`METHOD /prefix/route` of every HTTP function."""
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    prefix = host["extensions"]["http"]["routePrefix"]
    return {
        f"{method.upper()} /{prefix}/{each.trigger.get('route', name)}"
        for name, each in app.of("httpTrigger").items()
        for method in each.trigger.get("methods", ["GET", "POST"])
    }


def test_every_route_is_documented_and_no_other(app: App) -> None:
    """A route that is not written down is used by nobody, or by the wrong people."""
    page = (ROOT / "docs" / "reference" / "http-api.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /\S+?)(?:\?\S*)?`", page))

    assert documented
    assert documented == routes_of(app)


def test_the_openapi_document_tells_every_route_and_no_other(app: App) -> None:
    """Clients are made from it; what it leaves out does not exist for them."""
    [server] = DOCUMENT["servers"]
    told = {
        f"{method.upper()} {server['url']}{path}"
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
    }

    assert told == routes_of(app)


def test_no_route_is_open_to_everybody(app: App) -> None:
    """A cutover is not to be had by whoever finds the address."""
    open_routes = [
        name
        for name, each in app.of("httpTrigger").items()
        if str(each.trigger.get("authLevel", "")).upper() == "ANONYMOUS"
    ]

    assert open_routes == []


def test_only_the_app_is_shipped() -> None:
    """A test, a sandbox password or a plan of somebody's laptop has no business in a deployment package."""
    shipped = {"function_app.py", "host.json", "requirements.txt"}
    shipped |= {"triggers", "orchestrators", "activities", "bascule"}
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    top_level = {name.split("/")[0] for name in listed.stdout.splitlines()}
    patterns = [
        line.rstrip("/")
        for line in (ROOT / ".funcignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    left = {name for name in top_level if not any(fnmatch(name, pattern) for pattern in patterns)}

    assert left == shipped & top_level


@pytest.mark.parametrize(
    "name",
    [
        "pilot.csv",
        "letters.pdf",
        "batches.zip",
        ".env",
        ".env.local",
        "local.settings.json",
        "venv/a.py",
    ],
)
def test_what_an_operator_leaves_beside_the_code_is_not_shipped(name: str, tmp_path: Path) -> None:
    """azd packs whatever lies in the folder, and a batch file or a page of letters is full of passwords."""
    (tmp_path / ".gitignore").write_bytes((ROOT / ".funcignore").read_bytes())
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    answer = subprocess.run(["git", "check-ignore", "--quiet", name], cwd=tmp_path, check=False)
    kept = subprocess.run(
        ["git", "check-ignore", "--quiet", "plan.toml"], cwd=tmp_path, check=False
    )

    assert answer.returncode == 0
    assert kept.returncode == 1


def test_the_host_keeps_inputs_out_of_traces_and_has_a_hub_of_its_own() -> None:
    """Traces are read by many; a hub shared by two apps loses messages to the other one."""
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    durable = host["extensions"]["durableTask"]

    assert durable["tracing"]["traceInputsAndOutputs"] is False
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9]{2,44}", durable["hubName"])
