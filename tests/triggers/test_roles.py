"""Who is let in, on whose word, and that every route says whom it lets in."""

import asyncio
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import azure.functions as func
import pytest

import triggers.http_api
from bascule.composition import RealPorts
from bascule.domain.records import JournalEntry
from bascule.settings import Settings
from infra.grants.sign_in import ROLES
from tests.triggers.signed_in import ANNA, ROLE_CLAIM, encoded, principal, request
from triggers.answers import answer, answering
from triggers.roles import Role, asker, auth_level, requires

ROOT = Path(__file__).parents[2]
LOOK = """
import json
import function_app
from triggers.roles import least_role
found = []
for each in function_app.app.get_functions():
    trigger = json.loads(each.get_function_json())["bindings"]
    trigger = next(one for one in trigger if one["type"].endswith("Trigger"))
    if trigger["type"] == "httpTrigger":
        found.append([trigger, least_role(each.get_user_function())])
print(json.dumps(found))
"""


class Uploads:
    """The container of uploads, which remembers."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.by: list[str] = []
        self.blobs = self.journal = self.clock = self

    def upload(self, name: str, content: bytes) -> None:
        """Take a file."""
        assert name == "pilot"
        self.taken.append(content)

    def now_utc(self) -> datetime:
        """Some instant."""
        return datetime(2026, 11, 28, tzinfo=UTC)

    def note(self, entry: JournalEntry) -> None:
        """Who uploaded."""
        self.by.append(entry.asked_by)


@answering
@requires(Role.OPERATOR)
async def door(req: func.HttpRequest) -> func.HttpResponse:
    """A route for operators, which tells who asked."""
    return answer({"asker": asker(req)})


def ask(req: func.HttpRequest) -> tuple[int, dict[str, str]]:
    """Status and body of the answer."""

    async def ask_once() -> func.HttpResponse:
        return await door(req)

    said = asyncio.run(ask_once())
    return said.status_code, json.loads(said.get_body())


def registered(**environment: str) -> list[tuple[dict[str, object], str | None]]:
    """Trigger and least role of every HTTP function, of an app that starts with this environment."""
    seen = subprocess.run(
        [sys.executable, "-c", LOOK],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return [(trigger, role) for trigger, role in json.loads(seen.stdout)]


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign-in is required, and the platform's authentication stands in front."""
    monkeypatch.setenv("BASCULE_SIGN_IN", "required")
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("role_claim", ["roles", ROLE_CLAIM])
@pytest.mark.parametrize(
    ("roles", "status"),
    [
        ([], 403),
        (["Reader"], 403),
        (["Operator"], 200),
        (["Approver"], 200),
        (["Reader", "Approver"], 200),
        (["operator"], 403),
        (["Global Administrator"], 403),
    ],
)
def test_a_role_includes_the_lesser_ones(roles: list[str], status: int, role_claim: str) -> None:
    """A reader who could cut over needs no approver; an approver who cannot look approves blindly."""
    assert ask(request(header=principal(*roles, role_claim=role_claim)))[0] == status


@pytest.mark.usefixtures("guarded")
def test_a_missing_role_is_named() -> None:
    """Who is refused at night asks for the right thing at once."""
    status, said = ask(request(header=principal("Reader")))

    assert status == 403
    assert said["error"] == "role_missing"
    assert said["detail"] == f"this takes the role Operator; {ANNA} has Reader"


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "no base64!",
        encoded("text"),
        encoded(["list"]),
        encoded({"claims": None}),
        encoded({"claims": [{"typ": "roles"}]}),
    ],
)
def test_who_cannot_be_read_is_nobody(header: str | None) -> None:
    """A header that means nothing must not open a door, nor break it."""
    status, said = ask(request(header=header))

    assert (status, said["error"]) == (401, "not_signed_in")


def test_a_forged_header_opens_nothing_without_the_platform_in_front(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever turns the authentication off by mistake would make everybody an approver."""
    monkeypatch.setenv("BASCULE_SIGN_IN", "required")
    monkeypatch.delenv("WEBSITE_AUTH_ENABLED", raising=False)
    forged = request(header=principal("Approver"))

    assert ask(forged)[0] == 503
    assert asker(forged) == "function key"
    assert auth_level() is func.AuthLevel.FUNCTION


def test_with_keys_the_header_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal would name whoever the caller claims to be."""
    monkeypatch.delenv("BASCULE_SIGN_IN", raising=False)
    claimed = request(header=principal("Approver", name="director@example.org"))

    assert ask(claimed) == (200, {"asker": "function key"})


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize(
    ("name", "told"),
    [
        (ANNA, ANNA),
        ("", "an-app"),
        ("a\r\nb\x00c", "abc"),
        ("x" * 300, "x" * 254),
    ],
)
def test_the_journal_gets_the_name_that_the_platform_gives(name: str, told: str) -> None:
    """Months later somebody asks who cut the director over."""
    assert ask(request(header=principal("Operator", name=name)))[1] == {"asker": told}


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize(
    ("method", "page", "status"),
    [
        ("POST", "cross-site", 403),
        ("POST", "same-site", 403),
        ("POST", "same-origin", 200),
        ("POST", "none", 200),
        ("GET", "cross-site", 200),
    ],
)
def test_a_page_of_another_site_cannot_ask_in_somebodys_name(
    method: str, page: str, status: int
) -> None:
    """A link in a mail would roll a batch back with the cookie of whoever clicks it."""
    asked = request(method, principal("Operator"), sec_fetch_site=page)

    assert ask(asked)[0] == status


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
@pytest.mark.parametrize(
    ("column", "role", "status"),
    [
        ("DisplayName", "Operator", 202),
        ("CutoverAtUtc", "Operator", 403),
        (' "CUTOVERATUTC" ', "Operator", 403),
        ("CutoverAtUtc", "Approver", 202),
    ],
)
def test_a_file_that_sets_dates_of_cutover_takes_an_approver(
    monkeypatch: pytest.MonkeyPatch, encoding: str, column: str, role: str, status: int
) -> None:
    """Who may not cut over would write tonight's date into a file instead."""
    desk = Uploads()
    monkeypatch.setattr(triggers.http_api, "ports", lambda: desk)
    content = f"EmailAddress,UserName,Password,{column}\r\n".encode(encoding)
    headers = {"x-ms-client-principal": principal(role)}
    asked = func.HttpRequest(
        "POST", "https://app/api/batches", headers=headers, params={"name": "pilot"}, body=content
    )
    upload = triggers.http_api.upload_batch._function.get_user_function()

    assert asyncio.run(upload(asked)).status_code == status
    assert desk.taken == ([content] if status == 202 else [])
    assert desk.by == ([ANNA] if status == 202 else [])


def test_a_setting_that_cannot_be_read_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing mistake in one setting must not open the API."""
    monkeypatch.setenv("BASCULE_SIGN_IN", "requierd")
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")
    status, said = ask(request(header=principal("Approver")))

    assert (status, said["error"]) == (500, "settings_invalid")
    assert "BASCULE_SIGN_IN" in said["mistakes"][0]
    assert auth_level() is func.AuthLevel.FUNCTION


def test_a_plan_that_cannot_be_used_is_answered_with_all_its_mistakes(
    tmp_path: Path,
) -> None:
    """The dashboard was an empty 500, on the very day on which somebody looks whether the app runs."""
    (tmp_path / "plan.toml").write_text('[cutover]\nprobe_count = "many"\n', encoding="utf-8")
    told = Settings(plan_path=tmp_path / "plan.toml", key="unused.key")

    @answering
    async def look(req: func.HttpRequest) -> func.HttpResponse:
        return answer({"path": req.url, "source": RealPorts(told).plan.source.host})

    async def look_once() -> func.HttpResponse:
        return await look(request())

    answered = asyncio.run(look_once())
    said = json.loads(answered.get_body())

    assert (answered.status_code, said["error"]) == (500, "plan_invalid")
    assert any(each.startswith("cutover.probe_count: ") for each in said["mistakes"])
    assert any(each.startswith("source: ") for each in said["mistakes"])


def test_every_route_has_the_least_role_that_the_reference_says() -> None:
    """A route without a role is everybody's; one that the page tells wrongly surprises at night."""
    prefix = json.loads((ROOT / "host.json").read_text("utf-8"))["extensions"]["http"]
    page = (ROOT / "docs" / "reference" / "http-api.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `([A-Z]+ /\S+)` \| (\w+) \|$", page, re.MULTILINE))
    found = {
        f"{method} /{prefix['routePrefix']}/{trigger['route']}": role
        for trigger, role in registered()
        for method in trigger["methods"]  # type: ignore[attr-defined]
    }

    assert found
    assert None not in found.values()
    assert told == found


@pytest.mark.parametrize(
    ("environment", "level"),
    [
        ({}, "FUNCTION"),
        ({"BASCULE_SIGN_IN": "keys", "WEBSITE_AUTH_ENABLED": "True"}, "FUNCTION"),
        ({"BASCULE_SIGN_IN": "required"}, "FUNCTION"),
        ({"BASCULE_SIGN_IN": "required", "WEBSITE_AUTH_ENABLED": "True"}, "ANONYMOUS"),
    ],
)
def test_the_keys_go_only_when_the_platform_signs_in(
    environment: dict[str, str], level: str
) -> None:
    """No lock at all is what a half-made change of the sign-in would leave behind."""
    levels = {str(trigger["authLevel"]).upper() for trigger, _ in registered(**environment)}

    assert levels == {level}


def test_the_registration_offers_these_roles_and_no_others() -> None:
    """A role that can be assigned and means nothing, or means something and cannot be assigned, is found too late."""
    assert list(ROLES) == list(Role)
