"""What .funcignore leaves is enough, and starts with production's settings: identities only, no key anywhere."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from bascule.domain.stages import Stage
from sandbox.faces.server import Faces
from sandbox.local_host.clock import CLOCK_VARIABLE
from sandbox.rig.app_process import AppProcess
from sandbox.rig.plan_text import merged, plan_text
from sandbox.rig.rig import Rig
from sandbox.rig.source_host import EmbeddedSource
from tests.end_to_end.rehearsal import PLAN, SPEED, Rehearsal, csv_of, rehearsal
from tests.infra.app_settings import settings_of_the_app
from tests.infra.front_door import FrontDoor
from tests.infra.small_azure import ACCOUNT, KEY, VAULT_HOST, SmallAzure
from tests.triggers.signed_in import ANNA

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SHIPPED = {
    "activities",
    "bascule",
    "function_app.py",
    "host.json",
    "orchestrators",
    "requirements.txt",
    "triggers",
}
# One file a step and one a trigger: some three hundred, with a little room before somebody has to look.
FILE_COUNT_MAX = 350
KEY_MARKS = re.compile(r"AccountKey|SharedAccess|sig=|[Pp]assword=|BASCULE_CLIENT_SECRET")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The deployed files, alone."""
    folder = tmp_path / "package"
    subprocess.run([ROOT / ".ci" / "package", folder], check=True, capture_output=True)
    return folder


def test_only_the_app_is_shipped(package: Path) -> None:
    """A sandbox in production is a second app that nobody watches; the first call reads every file."""
    files = [file for file in package.rglob("*") if file.is_file()]

    assert {each.name for each in package.iterdir()} - {"plan.toml"} == SHIPPED
    assert len(files) <= FILE_COUNT_MAX


def compiled_by_the_pipeline(package: Path) -> None:
    """Do to the package what the pipeline does to its checkout."""
    text = (ROOT / ".github" / "workflows" / "deploy.yml").read_text(encoding="utf-8")
    [words] = re.findall(r"^ +python (-m compileall .*)$", text, re.MULTILINE)
    subprocess.run([sys.executable, *words.split()], cwd=package, check=True)


def test_the_pipeline_compiles_every_file_of_the_app(package: Path) -> None:
    """A room that is left out costs its compilation at every cold start."""
    compiled_by_the_pipeline(package)
    sources = [each for each in package.rglob("*.py") if each.is_file()]
    ignored = (ROOT / ".funcignore").read_text(encoding="utf-8").splitlines()

    assert len(list(package.rglob("*.pyc"))) == len(sources)
    assert "__pycache__/" in ignored


class Deployment:
    """The package in its host, between the faces and Azure in small."""

    def __init__(self, stack: ExitStack, folder: Path, package: Path) -> None:
        self.run = rehearsal(folder, 2)
        self.rig: Rig = self.run.rig
        world = self.rig.world
        self.rig.clock = self.rig.clock.continued(SPEED)
        self.azure = stack.enter_context(SmallAzure(folder, world))
        source = EmbeddedSource(folder / "aliases.db")
        faces = stack.enter_context(Faces(world, alias_path=source.alias_path)).addresses
        source.open(world, faces)
        places = plan_text(world, self.rig.coexistence, faces, source.places())
        compiled_by_the_pipeline(package)
        (package / "plan.toml").write_text(merged(PLAN, places), encoding="utf-8")
        key = f"https://{VAULT_HOST}/keys/{KEY}"
        self.settings = settings_of_the_app(ACCOUNT, key, world.tenant.app.client_id)
        around = {
            CLOCK_VARIABLE: self.rig.clock.to_json(),
            "WEBSITE_AUTH_ENABLED": "True",
            "BASCULE_GRAPH_URL": str(faces["graph_url"]),
            "BASCULE_EXCHANGE_URL": str(faces["exchange_url"]).partition("/adminapi")[0],
        }
        self.app = self.rig.app = AppProcess(
            folder,
            {**self.settings, **around, **self.azure.environment},
            app_folder=package,
            storage=self.azure.host_storage,
        )
        stack.callback(self.app.stop)
        self.app.start()
        self.inner_url = self.app.url
        self.door = stack.enter_context(FrontDoor(self.inner_url))
        self.door.roles = ("Approver",)
        self.app.url = self.door.url


@pytest.fixture
def deployment(tmp_path: Path, package: Path) -> Iterator[Deployment]:
    """A running deployment."""
    with ExitStack() as stack:
        yield Deployment(stack, tmp_path / "deployment", package)


def test_the_deployed_files_migrate_a_batch_with_an_identity_alone(deployment: Deployment) -> None:
    """What works from a checkout with an emulator's key need not work in Azure, where there is neither.

    Takes some twenty seconds.
    """
    run: Rehearsal = deployment.run
    assert httpx.get(f"{deployment.inner_url}/api/batches").status_code == 401
    assert run.call("GET", "/batches").body == {"batches": []}
    content = csv_of(run.people)
    assert run.call("POST", "/batches", content=content, name="pilot").status == 202
    run.wait_for_stage("pilot", Stage.SYNCED)
    deployment.door.roles = ("Operator",)
    assert run.call("POST", "/batches/pilot/cutover", {"mailboxes": "all"}).status == 403
    deployment.door.roles = ("Approver",)
    run.wish("pilot", "cutover")
    asked_by = {
        each["wish_by"] for each in run.call("GET", "/batches/pilot/mailboxes").body["mailboxes"]
    }
    run.wait_for_stage("pilot", Stage.MIGRATED)

    assert asked_by == {ANNA}
    assert [text for text in deployment.settings.values() if KEY_MARKS.search(text)] == []
    assert deployment.azure.strangers == []
