"""A school's passwords from the first list to the last letter, over the wire; and a search for them everywhere afterwards.

Six characters padded with two zeros, exported by a template, brought in again, reset for a class, signed in with. 45 s.
"""

import json
import os
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.storage.blob import BlobServiceClient

from cli.main import main
from sandbox.world.misfortune import Failure, FailureKind
from sandbox.world.population import Person
from tests.end_to_end.leak_scanner import leaks, leaks_in_file
from tests.end_to_end.rehearsal import PLAN, REQUEST_TIMEOUT_S, Rehearsal, csv_rows, rehearsal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

COLUMNS = ("EmailAddress", "UserName", "Password", "DisplayName", "NewPassword", "Unit")
# What deleted blobs leave in the emulator's extents is no work of the app: see test_secrets.py.
EXTENTS = "__blobstorage__"
PADDED = """
password = "pad"
password_suffix = "00"
has_password_complexity = false
"""
NOTICE = """
password_subject = "Your password changes"
password_text = "Your account {address} gets a new password today."
"""
# The directory takes the first new password only after this, six real seconds: it is sealed already, and nothing is set.
BUSY_S = 3600
INVALID_PASSWORD, MUST_CHANGE = 50126, 50055


@dataclass
class School:
    """The running school, the words of its operator, and every password that was ever in force or on its way."""

    run: Rehearsal
    folder: Path
    lists: Path
    passwords: dict[str, str] = field(default_factory=dict)
    """In force, by address."""
    every: set[str] = field(default_factory=set)

    def command(self, *words: str) -> int:
        """One command of `bascule passwords`."""
        return main(["passwords", *words])

    def remember(self, passwords: dict[str, str]) -> None:
        """These are in force now."""
        self.passwords |= passwords
        self.every |= set(passwords.values())

    def sign_in(self, address: str, password: str) -> int:
        """0 when the token endpoint lets the person in, otherwise its number."""
        form = {
            "grant_type": "password",
            "client_id": "11111111-aaaa-bbbb-cccc-222222222222",
            "scope": "openid",
            "username": address,
            "password": password,
        }
        url = self.run.rig.addresses["token_url"]
        answer = httpx.post(url, data=form, timeout=REQUEST_TIMEOUT_S)
        return 0 if answer.status_code == 200 else int(answer.json()["error_codes"][0])

    def exported(self, name: str, *words: str) -> str:
        """A new export, as text."""
        path = self.lists / name
        assert self.command("export", "--out", str(path), *words) == 0
        return path.read_text(encoding="utf-8-sig")


@dataclass
class Screen:
    """What the commands print; all of it is kept for the search at the end, but what is to be shown once."""

    capsys: pytest.CaptureFixture[str]
    printed: str = ""

    def readouterr(self) -> Any:
        """What was printed since the last time."""
        seen = self.capsys.readouterr()
        self.printed += seen.out + seen.err
        return seen

    def shown_once(self) -> str:
        """The same, from the one command that prints a password; its stdout is not kept."""
        seen = self.capsys.readouterr()
        self.printed += seen.err
        return str(seen.out)


def six_characters(number: int) -> str:
    """What a school's program makes, and no other text holds."""
    letters = string.ascii_lowercase
    return f"q{letters[number]}7z{letters[-number - 1]}4"


def units() -> Iterator[str]:
    """Two pupils in each class."""
    yield from ("3A", "3A", "3B", "3B")


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    """Four pupils whose accounts were made with padded passwords."""
    folder = tmp_path_factory.mktemp("school") / "rig"
    run = rehearsal(folder, 4, disk=True)
    pupils = f'[cohorts.default]\nlicence = "STANDARDWOFFPACK_STUDENT"{PADDED}'
    plan = re.sub(r'\[cohorts\.default\]\nlicence = "\w+"\n', pupils, PLAN)
    (folder / "operators-plan.toml").write_text(plan + NOTICE, encoding="utf-8")
    lists = tmp_path_factory.mktemp("lists")
    made = School(run, folder, lists)
    with run.rig, pytest.MonkeyPatch.context() as patch:
        run.rig.open()
        patch.setenv("BASCULE_URL", run.rig.app.url)
        run.rig.upload("lot-1", csv_rows(_rows(made, run.people), COLUMNS))
        run.wait_for_stage("lot-1", "SYNCED")
        yield made


def _rows(school: School, people: tuple[Person, ...]) -> Iterator[tuple[str, ...]]:
    for number, (person, unit) in enumerate(zip(people, units(), strict=True)):
        six = six_characters(number)
        school.remember({person.address: f"{six}00"})
        school.every.add(person.password)
        yield (person.address, person.user_name, person.password, person.display_name, six, unit)


def test_a_school_year_of_passwords(school: School, capsys: pytest.CaptureFixture[str]) -> None:
    """Each act is what the next one stands on: list, sign-in, export, import, reset, letters, administrator."""
    screen = Screen(capsys)
    _padded_ones_open(school)
    _exports_have_the_form_asked_for(school)
    _a_list_is_checked_whole(school, screen)
    _a_class_is_reset_to_the_imported_ones(school, screen)
    _random_ones_open_too(school)
    _a_reset_goes_on_after_a_kill(school, screen)
    _letters_have_a_page_each(school)
    _an_administrator_sees_a_password_once(school, screen)
    _what_makes_no_sense_is_refused(school)
    screen.readouterr()
    _nothing_is_left_anywhere(school, screen.printed)


def _padded_ones_open(school: School) -> None:
    assert {school.sign_in(*both) for both in school.passwords.items()} == {0}
    for address, password in school.passwords.items():
        assert school.sign_in(address, password.removesuffix("00")) == INVALID_PASSWORD
    warnings = json.loads(school.run.rig.report("lot-1/warnings.json"))
    assert any("padded" in each["what"] for each in warnings["warnings"])


def _exports_have_the_form_asked_for(school: School) -> None:
    template = ("--template", "%USER_ID%;%USER_PASSWORD%00", "--header", "")
    lines = school.exported("zeros.txt", "--unit", "3A", *template).splitlines()
    third = [person.address for person in school.run.people[:2]]
    assert sorted(lines) == sorted(f"{each};{school.passwords[each]}00" for each in third)
    assert school.exported("new.txt", "--unit", "3A", "--new-only", *template) == ""
    school.every |= {line.partition(";")[2] for line in lines}
    table = school.exported("all.csv", "--batch", "lot-1").splitlines()
    assert table[0] == "USER_ID;USER_PASSWORD;DISPLAY_NAME;COHORT;UNIT"
    assert len(table) == 5
    split = school.lists / "classes"
    assert (
        school.command("export", "--cohort", "default", "--split-by", "unit", "--out", str(split))
        == 0
    )
    assert sorted(path.name for path in split.iterdir()) == ["3A.csv", "3B.csv"]
    assert {path.stat().st_mode & 0o777 for path in split.iterdir()} == {0o600}
    assert (
        school.command("export", "--cohort", "default", "--out", str(school.lists / "all.csv")) == 2
    )


def _a_list_is_checked_whole(school: School, capsys: Screen) -> None:
    canary = "kanari-vogel-Zq7-ü"
    school.every.add(canary)
    person = school.run.people[0].address
    wrong = school.lists / "wrong.csv"
    wrong.write_text(f"login,mdp\n{person},{canary}\n{person},x\nnobody,y\n{person}x,\n", "utf-8")
    capsys.readouterr()
    assert school.command("import", str(wrong), "--map", "login=USER_ID,mdp=USER_PASSWORD") == 1
    told = capsys.readouterr().err
    assert [f"line {number}, column" in told for number in (2, 3, 4, 5)] == [True] * 4
    assert canary not in told


def _a_class_is_reset_to_the_imported_ones(school: School, capsys: Screen) -> None:
    people = [person.address for person in school.run.people]
    new = {each: f"w{six_characters(20 + n)}" for n, each in enumerate(people[:2])}
    school.every |= set(new.values())
    path = school.lists / "import.csv"
    path.write_text("login,mdp\n" + "".join(f"{a},{p}\n" for a, p in new.items()), "utf-8")
    mapping = ("--map", "login=USER_ID,mdp=USER_PASSWORD")
    assert school.command("import", str(path), *mapping, "--dry-run") == 0
    assert school.command("reset", "--cohort", "default", "--dry-run") == 1
    assert "no password was imported for it" in capsys.readouterr().out
    assert school.command("import", str(path), *mapping) == 0
    capsys.readouterr()
    assert school.command("reset", "--unit", "3A", "--dry-run", "--json") == 0
    would = json.loads(capsys.readouterr().out)["accounts"]
    assert {line["address"]: line["result"] for line in would} == dict.fromkeys(new, "would change")
    assert {school.sign_in(*both) for both in school.passwords.items()} == {0}
    assert school.command("tell", "--unit", "3A") == 0
    assert "2 people were told" in capsys.readouterr().out
    assert school.command("reset", "--unit", "3A") == 0
    for address, password in new.items():
        assert school.sign_in(address, f"{password}00") == 0
        assert school.sign_in(address, school.passwords[address]) == INVALID_PASSWORD
    school.remember({address: f"{password}00" for address, password in new.items()})
    assert {school.sign_in(address, school.passwords[address]) for address in people} == {0}


def _random_ones_open_too(school: School) -> None:
    person = school.run.people[3].address
    assert school.command("reset", "--rule", "random", person) == 0
    line = school.exported("one.txt", person, "--template", "%USER_PASSWORD%", "--header", "")
    assert school.sign_in(person, school.passwords[person]) == INVALID_PASSWORD
    school.remember({person: line.strip()})
    assert school.sign_in(person, line.strip()) == 0


def _a_reset_goes_on_after_a_kill(school: School, capsys: Screen) -> None:
    """Killed between sealing and setting, it must not hand out what opens nothing."""
    app, call = school.run.rig.app, school.run.call
    capsys.readouterr()
    busy = Failure(FailureKind.THROTTLED, 429, BUSY_S)
    school.run.rig.world.misfortune.provoke("graph.PATCH users", busy)
    everybody = ("reset", "--rule", "random", "--batch", "lot-1", "--no-wait", "--json")
    assert school.command(*everybody) == 0
    request = json.loads(capsys.readouterr().out)["request"]
    school.run.wait(lambda: _next_look_s(school, request) == BUSY_S, "a reset that waits")
    app.kill()
    app.start()
    os.environ["BASCULE_URL"] = app.url
    done = f"/requests/{request}"
    school.run.wait(lambda: call("GET", done).body.get("state") == "Completed", "the reset")
    template = ("--template", "%USER_ID%;%USER_PASSWORD%", "--header", "")
    lines = school.exported("killed.txt", "--batch", "lot-1", *template).splitlines()
    before = dict(school.passwords)
    school.remember(dict(line.split(";", 1) for line in lines))
    assert call("GET", done).body["result"]["changed"] == 4
    assert {school.sign_in(*both) for both in school.passwords.items()} == {0}
    assert {school.sign_in(*both) for both in before.items()} == {INVALID_PASSWORD}


def _next_look_s(school: School, request: str) -> float:
    """How long a reset waits, as it says itself; 0 while it does not."""
    told = {each["instanceId"]: each["customStatus"] for each in school.run.stories()}
    return float((told.get(request) or {}).get("next_look_s", 0))


def _letters_have_a_page_each(school: School) -> None:
    path = school.lists / "letters.pdf"
    words = school.lists / "words.txt"
    words.write_text("%USER_ID% %USER_PASSWORD%", encoding="utf-8")
    chosen = ("letters", "--batch", "lot-1", "--out", str(path), "--text", str(words))
    assert school.command(*chosen) == 0
    assert path.read_bytes().startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", path.read_bytes())) == 4


def _an_administrator_sees_a_password_once(school: School, capsys: Screen) -> None:
    person = school.run.people[2].address
    capsys.readouterr()
    assert school.command("administrator", "--account", person) == 0
    password = capsys.shown_once().split()[0]
    school.every.add(password)
    assert school.sign_in(person, password) == MUST_CHANGE
    assert len(password) == 14


def _what_makes_no_sense_is_refused(school: School) -> None:
    call = school.run.call
    wrong: list[tuple[str, Any]] = [
        ("/passwords/reset", {}),
        ("/passwords/reset", {"cohort": "nobody"}),
        ("/passwords/reset", {"cohort": "default", "rule": "keep"}),
        ("/passwords/reset", {"cohort": "default", "mailboxes": ["a@example.org"]}),
        ("/passwords/reset", {"batch": "nobody"}),
        ("/passwords/export", {"cohort": "default", "top": 501}),
        ("/passwords/export", {"everybody": True}),
        ("/passwords/tell", {"unit": 7}),
        ("/passwords/administrator", {"address": "no address"}),
    ]
    for path, body in wrong:
        answer = call("POST", path, body)
        assert (answer.status, bool(answer.body["mistakes"])) == (400, True), (path, body)
    assert call("POST", "/passwords/import", content=b"a,b\n", map="a=NOBODY").status == 400
    assert call("POST", "/passwords/administrator", {"address": "nobody@example.org"}).status == 409
    assert call("GET", "/passwords/resets/reset-nothing").status == 404


def _nothing_is_left_anywhere(school: School, told: str) -> None:
    """Stopped, so that all is written; what was exported lies in its own folder and nowhere else."""
    run = school.run
    seen = {f"story {each['instanceId']}" for each in run.stories() if _leaks(school, each)}
    seen |= {f"table {row['PartitionKey']}" for row in run.table("") if _leaks(school, dict(row))}
    seen |= {name for name, content in _blobs(run) if leaks(content, school.every)}
    run.rig.app.stop()
    paths = [
        path for path in school.folder.rglob("*") if path.is_file() and EXTENTS not in path.parts
    ]
    seen |= {path.name for path in paths if leaks_in_file(path, school.every)}
    assert len(school.every) > 15
    assert seen == set()
    assert "2 people were told" in told
    assert leaks(told.encode(), school.every) == set()


def _blobs(run: Rehearsal) -> Iterator[tuple[str, bytes]]:
    with BlobServiceClient.from_connection_string(run.rig.storage) as service:
        for container in service.list_containers():
            with service.get_container_client(container.name) as client:
                for name in client.list_blob_names():
                    yield f"{container.name}/{name}", client.download_blob(name).readall()


def _leaks(school: School, found: Any) -> set[str]:
    return leaks(json.dumps(found, default=str).encode(), school.every)
