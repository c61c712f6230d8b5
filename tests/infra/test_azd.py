"""What surrounds the templates speaks of the same things: hooks, parameters, pipeline and the page that an operator follows."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from croniter import croniter

from tests.infra.bicep import template

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
VARIABLE = re.compile(r"\b(?:AZURE|BASCULE)_[A-Z_]+\b")
TIMERS = """
import json
import function_app
found = [json.loads(each.get_function_json())["bindings"] for each in function_app.app.get_functions()]
print(json.dumps([one["schedule"] for bound in found for one in bound if one["type"] == "timerTrigger"]))
"""
# Every installation's own, set by azd itself.
OF_AZD = frozenset({"AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_SUBSCRIPTION_ID"})


def said(*parts: str) -> str:
    """The text of a file of the repository."""
    return ROOT.joinpath(*parts).read_text(encoding="utf-8")


def outputs() -> set[str]:
    """What the templates tell azd."""
    return {each.symbol for each in template(INFRA / "main.bicep").of("output")}


@pytest.mark.parametrize("hook", ["subscribe_uploads.sh", "subscribe_uploads.ps1"])
def test_the_hook_uses_what_the_templates_tell(hook: str) -> None:
    """A variable that nobody sets makes the last step of every deployment fail, after all the waiting."""
    asked = set(VARIABLE.findall(said("infra", hook)))
    parameters = template(INFRA / "modules" / "upload_subscription.bicep").of("param")

    assert asked <= outputs() | OF_AZD
    # Otherwise az looks in the one that it used last, and finds no such group.
    assert "AZURE_SUBSCRIPTION_ID" in asked
    for parameter in parameters:
        assert f"{parameter.symbol}=" in said("infra", hook)


def test_the_hook_is_a_program_that_a_shell_reads() -> None:
    """It runs once per deployment, and nobody reads it before."""
    hook = INFRA / "subscribe_uploads.sh"

    subprocess.run(["sh", "-n", hook], check=True)
    assert hook.stat().st_mode & 0o111


def test_every_choice_of_a_deployment_is_documented() -> None:
    """A choice that only the parameter file knows is one that nobody makes."""
    page = set(VARIABLE.findall(said("docs", "how-to", "deploy.md")))
    choices = set(VARIABLE.findall(said("infra", "main.bicepparam"))) - OF_AZD

    assert choices <= page


def test_the_page_names_nothing_that_is_not_there() -> None:
    """Whoever follows the page word by word must not meet an empty variable."""
    page = set(VARIABLE.findall(said("docs", "how-to", "deploy.md")))
    choices = set(VARIABLE.findall(said("infra", "main.bicepparam")))
    pipeline = set(VARIABLE.findall(said(".github", "workflows", "deploy.yml")))
    command = set(VARIABLE.findall(said("cli", "service.py")))

    assert page <= choices | outputs() | pipeline | command | OF_AZD


@pytest.mark.parametrize("name", ["check.yml", "deploy.yml"])
def test_the_pipeline_hands_on_every_choice(name: str) -> None:
    """A choice that it forgets turns back to the default: another engine, under stories that run."""
    text = said(".github", "workflows", name)
    choices = re.findall(
        r"readEnvironmentVariable\('(BASCULE_\w+)'(?:, '(.*?)')?\)",
        said("infra", "main.bicepparam"),
    )

    assert choices
    assert "infra/main.bicepparam" in text or "azd up" in text
    for variable, default in choices:
        # One that is set to nothing counts as set.
        otherwise = f" || '{default}'" if default else ""
        assert f" {variable}: ${{{{ vars.{variable}{otherwise} }}}}\n" in text


def test_a_pull_request_is_previewed_by_one_who_can_only_read() -> None:
    """Whoever may open a pull request may run what stands in it, with the rights of the preview."""
    preview = said(".github", "workflows", "check.yml")
    page = said("docs", "how-to", "deploy.md")
    [actions] = re.findall(r'"Actions": \[([^\]]*)\]', page)
    [withheld] = re.findall(r'"NotActions": \[([^\]]*)\]', page)
    granted = re.findall(r'^pipeline (\w+) "?([\w ]+?)"? ((?:[\w-]+ ?)+)$', page, re.MULTILINE)

    # Without it a preview asks for the right to write everything that it shows.
    assert "--validation-level ProviderNoRbac" in preview
    assert all(
        each.endswith(("/read", "/whatIf/action", "/validate/action"))
        for each in re.findall(r'"([^"]+)"', actions)
    )
    # To read includes the logs, and in them stand addresses of people.
    assert re.findall(r'"([^"]+)"', withheld) == [
        "Microsoft.OperationalInsights/workspaces/query/*",
        "Microsoft.Insights/logs/*",
        "Microsoft.Insights/components/api/*",
    ]
    assert granted == [
        ("deploy", "Owner", "dev prod"),
        ("preview", "Bascule preview", "dev-preview prod-preview"),
    ]


def test_the_commands_of_the_page_are_such_as_a_shell_reads() -> None:
    """A quote too few costs an hour that somebody has taken for a deployment."""
    blocks = re.findall(
        r"^```bash\n(.*?)^```$", said("docs", "how-to", "deploy.md"), re.MULTILINE | re.DOTALL
    )

    assert blocks
    for block in blocks:
        subprocess.run(["sh", "-n"], input=block.encode(), check=True)


@pytest.mark.parametrize("name", ["check.yml", "deploy.yml"])
def test_the_pipeline_keeps_no_secret_and_no_more_rights_than_it_needs(name: str) -> None:
    """A secret in a pipeline is read by whoever may change a branch."""
    text = said(".github", "workflows", name)

    assert "secrets." not in text
    assert "\npermissions:\n  contents: read\n" in text
    assert "write-all" not in text
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")


def test_every_action_of_the_pipeline_is_the_one_that_was_read() -> None:
    """A tag can be moved to other code overnight, and that code would sign in to Azure."""
    used = [
        line.strip().removeprefix("- ")
        for path in (ROOT / ".github").rglob("*.yml")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip().removeprefix("- ").startswith("uses:")
    ]
    pinned = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")

    assert used
    assert [line for line in used if not pinned.fullmatch(line)] == []


def test_what_the_alerts_look_for_is_kept_on_a_busy_night() -> None:
    """Sampling drops one line in many, when many are written: a story that failed that night woke nobody."""
    logging = json.loads(said("host.json"))["logging"]
    kept = logging["applicationInsights"]["samplingSettings"]["excludedTypes"].split(";")
    tables = re.findall(
        r"^    query: '(\w+) \|", said("infra", "modules", "alerts.bicep"), re.MULTILINE
    )

    assert {"traces", "requests"} <= set(tables)
    # What Azure Storage logs of itself is none of the app's telemetry.
    assert {f"{each.lower()}s" for each in kept} >= set(tables) - {"StorageQueueLogs"}
    # A story that fails is told as an error, under one category or another.
    assert set(logging["logLevel"].values()) <= {"Information", "Warning"}


def test_the_page_counts_what_the_templates_make() -> None:
    """A bill that is longer than the page is the first thing that a director hears of the migration."""
    page = said("docs", "how-to", "deploy.md")
    endpoints = said("infra", "modules", "endpoints.bicep").count("zone: '")
    rules = len(
        re.findall(r"^    name: 'bascule-", said("infra", "modules", "alerts.bicep"), re.MULTILINE)
    )

    assert f"{endpoints} endpoints" in page
    assert f"{endpoints} zones" in page
    assert f"{rules} alert rules on logs every 15 minutes" in page


def test_the_page_counts_the_looks_of_the_timers() -> None:
    """Every timer is paid for, day and night, whether or not there is anything to see."""
    began = datetime(2026, 1, 1, tzinfo=UTC)
    schedules = registered_timers()
    looks = 0
    for schedule in schedules:
        second, *minutes = schedule.split()
        assert second == "0"
        times = croniter(" ".join(minutes), began)
        while times.get_next(datetime) <= began + timedelta(hours=1):
            looks += 1

    assert schedules
    [told] = re.findall(
        r"at most (\d+) looks of timers an hour", said("docs", "how-to", "deploy.md")
    )
    assert looks <= int(told)


def registered_timers() -> list[str]:
    """The schedules of the app's timers."""
    seen = subprocess.run(
        [sys.executable, "-c", TIMERS], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [str(each) for each in json.loads(seen.stdout)]
