"""Grants: made once, checked without a trace, taken away whole."""

import re
from pathlib import Path

import httpx
import pytest

from infra.grants.__main__ import main
from infra.grants.graph import Graph
from infra.grants.wanted import (
    EXCHANGE_APP_ROLES,
    EXCHANGE_ROLES,
    GRAPH_ROLES,
    MAIL_ROLES,
    POWERS,
)
from tests.infra.entra_directory import IDENTITY, TENANT, EntraDirectory

PERMISSIONS = Path(__file__).parents[2] / "docs" / "reference" / "permissions.md"
APP = ("app", "--principal-id", IDENTITY, "--client-id", "22222222-2222-4222-8222-222222222222")
SIGN_IN = ("sign-in", "--name", "Bascule test")
BROWSERS = ("--url", "https://bascule.example.org/api", "--principal-id", IDENTITY)
MAIL = {each.name for each in MAIL_ROLES}
CONFINED = ("--confine-mail", "Company -eq 'Example'")
WANTED = {each.name for each in (*GRAPH_ROLES, *EXCHANGE_APP_ROLES)}


def test_granting_gives_exactly_the_list_and_repeating_it_nothing() -> None:
    """A second run that fails half-way leaves an administrator not knowing what holds."""
    directory = EntraDirectory()

    assert main(APP, directory.graph()) == 0
    assert directory.granted() == WANTED
    writes = len(directory.writes)
    assert main(APP, directory.graph()) == 0
    assert len(directory.writes) == writes


def test_a_check_changes_nothing_and_tells_what_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A check that repairs hides who took the right away."""
    directory = EntraDirectory()

    assert main((*APP, "--check"), directory.graph()) == 1
    assert "Mail.Send" in capsys.readouterr().out
    assert directory.writes == []


def test_a_right_to_spare_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A right that somebody added by hand is the one that nobody reviewed."""
    directory = EntraDirectory()
    main(APP, directory.graph())
    service = next(iter(directory.services.values()))
    role = service["appRoles"][0]
    body = {"principalId": IDENTITY, "resourceId": service["id"], "appRoleId": role["id"]}
    directory.assignments["by-hand"] = body

    assert main((*APP, "--check"), directory.graph()) == 1
    assert "spare, take it away: Files.Read.All" in capsys.readouterr().out


def test_revoking_leaves_nothing() -> None:
    """An identity that outlives the migration must not keep its reach into every mailbox."""
    directory = EntraDirectory()
    main(APP, directory.graph())

    assert main((*APP, "--revoke"), directory.graph()) == 0
    assert directory.granted() == set()


def test_rights_to_mail_can_be_confined_to_some_mailboxes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A stolen identity must not read the mail of those who do not even move."""
    directory = EntraDirectory()

    assert main((*APP, *CONFINED), directory.graph()) == 0
    granted = capsys.readouterr().out
    assert directory.granted() == WANTED - MAIL
    assert "-RecipientRestrictionFilter 'Company -eq ''Example'''" in granted
    for name in MAIL:
        line = f'-Role "Application {name}" -CustomResourceScope "Bascule mail"'
        assert f"-App {IDENTITY} {line}" in granted
    assert main((*APP, *CONFINED, "--check"), directory.graph()) == 0
    checked = capsys.readouterr().out
    assert "missing: nothing" in checked
    assert f"Test-ServicePrincipalAuthorization {IDENTITY}" in checked
    assert CONFINED[1] in checked


def test_a_right_to_every_mailbox_is_to_spare_where_mail_is_confined(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What the directory grants is not narrowed by what Exchange grants."""
    directory = EntraDirectory()
    main(APP, directory.graph())

    assert main((*APP, *CONFINED, "--check"), directory.graph()) == 1
    told = capsys.readouterr().out
    for name in MAIL:
        assert f"{name} (it reaches every mailbox" in told


def test_mail_that_is_not_said_to_be_confined_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A check without the option is of the list as it is signed by most."""
    directory = EntraDirectory()
    main((*APP, *CONFINED), directory.graph())

    assert main((*APP, "--check"), directory.graph()) == 1
    assert "missing: Mail.ReadWrite, Mail.Send" in capsys.readouterr().out


def test_confined_rights_to_mail_are_taken_away_with_everything(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No token shows them, so whoever forgets them never finds them."""
    directory = EntraDirectory()
    main((*APP, *CONFINED), directory.graph())
    capsys.readouterr()

    assert main((*APP, "--revoke"), directory.graph()) == 0
    assert directory.granted() == set()
    lines = capsys.readouterr().out.splitlines()
    order = ["Remove-ManagementRoleAssignment", "Remove-ManagementScope", "Remove-ServicePrincipal"]
    assert [word for line in lines for word in order if word in line] == order
    assert "Bascule Mail.ReadWrite|Bascule Mail.Send" in "".join(lines)


@pytest.mark.parametrize("way", [("--confine-mail", " "), (*CONFINED, "--revoke")])
def test_a_confinement_that_means_nothing_is_refused(way: tuple[str, ...]) -> None:
    """An empty filter would grant for every mailbox, under the name of a confinement."""
    directory = EntraDirectory()

    with pytest.raises(SystemExit):
        main((*APP, *way), directory.graph())
    assert directory.writes == []


def test_the_sign_in_admits_only_the_assigned_and_holds_no_secret() -> None:
    """Otherwise everybody in the tenant could cut mailboxes over."""
    directory = EntraDirectory()

    assert main((*SIGN_IN, "--check"), directory.graph()) == 1
    assert main(SIGN_IN, directory.graph()) == 0
    assert main(SIGN_IN, directory.graph()) == 0
    (app,), (principal,) = directory.applications.values(), directory.principals.values()
    assert {each["value"] for each in app["appRoles"]} == {"Reader", "Operator", "Approver"}
    assert principal["appRoleAssignmentRequired"] is True
    assert "passwordCredentials" not in app
    assert main((*SIGN_IN, "--revoke"), directory.graph()) == 0
    assert directory.applications == {}


@pytest.mark.parametrize("way", [(), ("--check",), ("--revoke",)], ids=["make", "check", "revoke"])
def test_a_registration_of_somebody_else_is_left_alone(
    way: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Names are not unique in a directory, and a removed registration takes every sign-in to its app along."""
    directory = EntraDirectory()
    theirs = {"id": "a1", "appId": "a2", "displayName": "Bascule test", "appRoles": []}
    directory.applications["a1"] = dict(theirs)

    assert main((*SIGN_IN, *way), directory.graph()) == 1
    assert "choose another --name" in capsys.readouterr().err
    assert directory.applications == {"a1": theirs}


def test_one_of_two_registrations_of_a_name_is_not_guessed() -> None:
    """The one that is taken may be the one that is not in use."""
    directory = EntraDirectory()
    main(SIGN_IN, directory.graph())
    (ours,) = directory.applications.values()
    directory.applications["copy"] = ours | {"id": "copy", "appId": "copied"}

    assert main((*SIGN_IN, "--revoke"), directory.graph()) == 1
    assert len(directory.applications) == 2


def test_browsers_sign_in_without_a_secret() -> None:
    """A secret of the registration would have to be kept, renewed, and hidden in a setting."""
    directory = EntraDirectory()
    assert main(SIGN_IN, directory.graph()) == 0
    assert main((*SIGN_IN, *BROWSERS, "--check"), directory.graph()) == 1
    assert main((*SIGN_IN, *BROWSERS), directory.graph()) == 0
    assert main((*SIGN_IN, *BROWSERS), directory.graph()) == 0
    (app,) = directory.applications.values()
    (trust,) = directory.trusts[app["id"]].values()

    assert app["web"]["redirectUris"] == ["https://bascule.example.org/.auth/login/aad/callback"]
    assert trust["subject"] == IDENTITY
    assert trust["issuer"] == f"https://login.microsoftonline.com/{TENANT}/v2.0"
    assert "passwordCredentials" not in app
    assert main((*SIGN_IN, *BROWSERS, "--check"), directory.graph()) == 0


def test_a_new_identity_takes_the_place_of_the_old_one() -> None:
    """After a second deployment the first one's identity must not vouch for the app any more."""
    directory = EntraDirectory()
    old = (*BROWSERS[:-1], "44444444-4444-4444-8444-444444444444")
    assert main((*SIGN_IN, *old), directory.graph()) == 0
    assert main((*SIGN_IN, *BROWSERS, "--check"), directory.graph()) == 1
    assert main((*SIGN_IN, *BROWSERS), directory.graph()) == 0
    (trusts,) = directory.trusts.values()

    assert [each["subject"] for each in trusts.values()] == [IDENTITY]


def test_half_of_the_entrance_for_browsers_is_refused() -> None:
    """An address without an identity would sign people in to nothing."""
    with pytest.raises(SystemExit):
        main((*SIGN_IN, *BROWSERS[:2]), EntraDirectory().graph())


def test_a_refusal_is_told_without_a_trace(capsys: pytest.CaptureFixture[str]) -> None:
    """An administrator without the right to grant needs Graph's own words, not our stack."""
    directory = EntraDirectory()
    for service in directory.services.values():
        service["appRoles"] = []

    assert main(APP, directory.graph()) == 1
    assert "knows no" in capsys.readouterr().err


def test_nobody_signed_in_is_told_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the first command of the deployment page, and a stack is a poor greeting."""
    monkeypatch.setenv("PATH", "")

    assert main(APP) == 1
    assert "az login" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.Response(502, text="<html>proxy.example.org: no way out</html>"), "proxy.example"),
        (httpx.Response(503, json={"error": "busy"}), "503"),
        (httpx.ConnectError("name or service not known"), "cannot be reached"),
    ],
    ids=["a proxy's page", "words of another shape", "no network"],
)
def test_an_answer_that_is_not_graphs_is_told_without_a_trace(
    capsys: pytest.CaptureFixture[str], answer: httpx.Response | httpx.ConnectError, told: str
) -> None:
    """Behind a proxy an administrator must see whose refusal it is."""

    def answered(request: httpx.Request) -> httpx.Response:
        del request
        if isinstance(answer, httpx.ConnectError):
            raise answer
        return answer

    assert main(APP, Graph(lambda: "token", httpx.MockTransport(answered))) == 1
    assert told in capsys.readouterr().err


def test_the_documented_list_is_the_granted_one() -> None:
    """The list that a security officer signs must be the one that is granted."""
    page = PERMISSIONS.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `?([\w. -]+?)`? \|", page, re.MULTILINE)
    further = re.findall(r"^\| `(\w+)` \| `?([\w. -]+?)`? \|", page, re.MULTILINE)
    powers = {
        (power.name, right.name)
        for power in POWERS.values()
        for right in (*power.graph, *power.exchange)
    }

    for right in (*GRAPH_ROLES, *EXCHANGE_ROLES):
        assert right.name in rows
    for name in rows:
        if re.fullmatch(r"\w+(\.\w+)+|\w*Mail\w*\.\w+", name):
            assert name in WANTED
    assert set(further) == powers
