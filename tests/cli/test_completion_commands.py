"""The verbs of the completion: what they ask of the app, and what a person reads."""

import json

import pytest

from cli.main import main
from tests.cli.small_app import SmallApp

Screen = pytest.CaptureFixture[str]


def test_a_word_is_said_once_and_by_name(app: SmallApp, capsys: Screen) -> None:
    """A word that travels as something else turns the domain on the wrong evening."""
    app.will_answer("POST /api/tenant/complete", {"step": "authoritative"}, status=202)

    assert main(["completion", "say", "authoritative"]) == 0
    assert json.loads(app.asked[0].body) == {"step": "authoritative"}
    assert "completion show" in capsys.readouterr().out


def test_a_refusal_names_who_holds_it_up(app: SmallApp, capsys: Screen) -> None:
    """A refusal without names sends the operator through every batch."""
    refusal = {"error": "mailboxes_unproven", "detail": "1 not proven: eve@example.org is SYNCED"}
    app.will_answer("POST /api/tenant/complete", refusal, status=409)

    assert main(["completion", "say", "begin"]) == 1
    assert "eve@example.org is SYNCED" in capsys.readouterr().err


def test_the_zone_lines_stand_alone_to_be_copied(app: SmallApp, capsys: Screen) -> None:
    """Lines in a column of a table cannot be pasted into a zone file."""
    answer = {
        "phase": "changing",
        "awaited_word": None,
        "findings": ["mx_leftover example.org: MX 10 mx1.example.org stands beside the tenant's"],
        "zone_difference": ["-example.org. 300 IN MX 10 mx1.example.org."],
    }
    app.will_answer("GET /api/tenant/completion", answer)

    assert main(["completion", "show"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert "-example.org. 300 IN MX 10 mx1.example.org." in printed
    assert "phase  changing" in printed


def test_public_dns_is_shown_domain_by_domain(app: SmallApp, capsys: Screen) -> None:
    """A domain without a finding must say so, or it looks forgotten."""
    right = {"domain": "example.org", "difference": [], "findings": [], "high_ttls": []}
    app.will_answer("GET /api/tenant/dns?aim=both", {"aim": "both", "domains": [right]})

    assert main(["completion", "dns"]) == 0
    assert capsys.readouterr().out == "; example.org\n\nall right\n"
