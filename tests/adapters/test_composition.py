"""The app's ports as the settings make them, against the emulator and the simulated tenant."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bascule.adapters.secrets.key_file import create_key_file
from bascule.composition import RealPorts
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.plan_file import PlanInvalid
from bascule.domain.source_login import source_login
from bascule.ports.bundle import Ports
from bascule.settings import APP_FOLDER, Settings, settings_from
from sandbox.faces.server import Faces
from sandbox.world.world import World

VENDORS = ("azure", "msgraph", "kiota", "aiohttp", "httpx", "imapclient", "pymysql", "cryptography")
PLAN = """
[tenant]
tenant_id = "{tenant_id}"
domains = ["example.org"]
routing_domain = "contoso.onmicrosoft.com"
coexistence_group = "not.moved@contoso.onmicrosoft.com"
migration_endpoint = "dovecot"
probe_sender = "probe@contoso.onmicrosoft.com"

[source]
host = "127.0.0.1"
port = {port}
security = "none"
{master}

[alias_map]
driver = "{driver}"
{place}

[cohorts.default]
licence = "STANDARDWOFFPACK_STUDENT"
usage_location = "FR"
"""
SQLITE = ("sqlite", 'path = "{path}"')
MYSQL = ("mysql", 'host = "127.0.0.1"\ndatabase = "mail"\nuser = "bascule"')


@dataclass(frozen=True)
class Setting:
    """A machine on which the app can be started."""

    folder: Path
    storage: str
    prefix: str
    faces: Faces
    world: World

    def settings(self, alias_map: tuple[str, str] = SQLITE, master: str = "") -> Settings:
        """Settings of an app that lives here."""
        driver, place = alias_map
        said = self.faces.addresses
        plan = PLAN.format(
            tenant_id=said["tenant_id"],
            port=said["source_imap"]["port"],
            master=master,
            driver=driver,
            place=place.format(path=self.folder / "aliases.sqlite"),
        )
        (self.folder / "plan.toml").write_text(plan)
        create_key_file(self.folder / "wrap.key")
        return settings_from(
            {
                "BASCULE_PLAN": str(self.folder / "plan.toml"),
                "BASCULE_KEY": str(self.folder / "wrap.key"),
                "BASCULE_STORAGE": self.storage,
                "BASCULE_TABLE_PREFIX": self.prefix,
                "BASCULE_GRAPH_URL": said["graph_url"],
                "BASCULE_EXCHANGE_URL": said["exchange_url"].partition("/adminapi")[0],
                "BASCULE_TOKEN_URL": said["token_url"],
                "BASCULE_CLIENT_ID": said["client_id"],
                "BASCULE_CLIENT_SECRET": said["client_secret"],
            }
        )


@pytest.fixture
def setting(azurite: str, table_prefix: str, tmp_path: Path) -> Iterator[Setting]:
    """The emulator, and a simulated world with one mailbox behind real protocols."""
    world = World(7, lambda: datetime(2026, 11, 22, tzinfo=UTC))
    world.source.add("anna@example.org", "Pa55word", "anna")
    world.aliases.edit_by_hand("anna@example.org", ["anna@ca.example.org"])
    with Faces(world, alias_path=tmp_path / "aliases.sqlite") as faces:
        yield Setting(tmp_path, azurite, table_prefix, faces, world)


def test_nothing_of_a_vendor_is_loaded_before_it_is_needed() -> None:
    """Every cold start, of a page or of a timer, would take seconds."""
    look = (
        "import sys, bascule.composition;"
        f"print([name for name in sys.modules if name.split('.')[0] in {VENDORS}])"
    )
    seen = subprocess.run(
        [sys.executable, "-c", look], cwd=APP_FOLDER, capture_output=True, text=True, check=True
    )

    assert seen.stdout.strip() == "[]"


def test_an_app_that_was_told_nothing_says_all_that_it_misses() -> None:
    """The first step of the first mailbox would find the first hole, the second one the next."""
    look = "from bascule.composition import ports; ports()"
    seen = subprocess.run(
        [sys.executable, "-c", look],
        cwd=APP_FOLDER,
        capture_output=True,
        text=True,
        env={},
        check=False,
    )

    assert seen.returncode != 0
    for name in ("BASCULE_PLAN", "BASCULE_STORAGE_ACCOUNT", "BASCULE_KEY"):
        assert name in seen.stderr


def test_every_port_answers(setting: Setting) -> None:
    """The adapters would be right one by one, and the app would not start."""
    ports = RealPorts(setting.settings())
    as_promised: Ports = ports
    try:
        as_promised.secrets.seal("pilot", {"anna": "Pa55word"})
        login = source_login(ports.plan, "anna", as_promised.secrets.open("pilot", "anna"))
        with as_promised.source_mail.open(login) as mailbox:
            folders = mailbox.folders()

        assert [folder.name for folder in folders] == ["INBOX"]
        assert as_promised.alias_map.route("anna@example.org").destinations == (
            "anna@ca.example.org",
        )
        assert list(as_promised.ledger.batches()) == []
        assert list(as_promised.journal.entries("pilot")) == []
        assert as_promised.boards.entry("b", "k") is None
        assert as_promised.blobs.find_upload(setting.prefix) is None
        assert as_promised.directory.find_account("nobody@example.org") is None
        assert as_promised.exchange.find_mailbox("nobody@example.org") is None
        assert as_promised.clock.now_utc().tzinfo is UTC
        assert as_promised.notifier is as_promised.notifier
        assert as_promised.cloud_mail is as_promised.cloud_mail
    finally:
        ports.close()


def test_steps_that_start_together_share_one_of_each(setting: Setting) -> None:
    """A hundred steps would open a hundred pools of connections."""
    ports = RealPorts(setting.settings())
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(lambda _: id(ports.ledger), range(32)))
        made |= set(threads.map(lambda _: id(ports.ledger), range(32)))
    ports.close()

    assert len(made) == 1


def test_a_plan_in_another_encoding_is_a_mistake_of_the_plan(tmp_path: Path) -> None:
    """An accent typed in an old editor would end every step and every page without a word about the plan."""
    (tmp_path / "plan.toml").write_bytes("[notices]\n# déménagement\n".encode("windows-1252"))
    ports = RealPorts(Settings(plan_path=tmp_path / "plan.toml", key="unused.key"))

    with pytest.raises(PlanInvalid, match="UTF-8"):
        _ = ports.plan


def test_a_mysql_map_without_its_password_says_which_setting_is_missing(setting: Setting) -> None:
    """MySQL would refuse an empty password, and the operator look at MySQL."""
    ports = RealPorts(setting.settings(MYSQL))

    with pytest.raises(Refusal, match="BASCULE_ALIAS_MAP_PASSWORD"):
        _ = ports.alias_map
    ports.close()


def test_the_master_s_password_serves_rows_that_bring_none(setting: Setting) -> None:
    """A source opened by a master user would need its password in every row of every file."""
    said = setting.settings(master=f'master_user = "{setting.world.source.master_user}"')
    ports = RealPorts(replace(said, source_master_password=setting.world.source.master_password))
    ports.secrets.seal("pilot", {"anna": "", "bob": "own"})
    login = source_login(ports.plan, "anna", ports.secrets.open("pilot", "anna"))
    with ports.source_mail.open(login) as mailbox:
        folder_count = len(mailbox.folders())
    own = ports.secrets.open("pilot", "bob")
    ports.close()

    assert folder_count == 1
    assert own == "own"


def test_a_missing_master_s_password_is_named(setting: Setting) -> None:
    """The source would refuse an empty password, and the operator look at Dovecot."""
    ports = RealPorts(setting.settings(master='master_user = "bascule"'))
    ports.secrets.seal("pilot", {"anna": ""})

    with pytest.raises(Refusal, match="BASCULE_SOURCE_MASTER_PASSWORD") as refused:
        ports.secrets.open("pilot", "anna")
    ports.close()
    assert refused.value.code is Code.SECRET_UNREADABLE
