"""How the command line proves who asks, and what it says when it is refused."""

import socket

import pytest

from cli.errors import Refused, WrongUse
from cli.main import main
from cli.service import Service, open_service
from tests.cli.small_app import SmallApp

Screen = pytest.CaptureFixture[str]


def test_the_key_goes_as_a_header_and_nowhere_else(
    app: SmallApp, monkeypatch: pytest.MonkeyPatch, capsys: Screen
) -> None:
    """A key in a URL stands in every log between here and there."""
    monkeypatch.setenv("BASCULE_KEY", "the-key")
    app.will_answer("GET /api/batches", {"batches": []})

    assert main(["batches", "list"]) == 0
    assert app.asked[0].headers["x-functions-key"] == "the-key"
    assert "the-key" not in app.lines[0] + capsys.readouterr().out


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "set BASCULE_URL"),
        ("app.example.org", "is no URL"),
        ("ftp://app.example.org", "is no URL"),
        ("http://app.example.org", "write https"),
    ],
)
def test_a_url_that_would_send_the_key_in_clear_is_not_used(
    url: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One command over http gives the key to whoever listens."""
    monkeypatch.setenv("BASCULE_URL", url)

    with pytest.raises(WrongUse, match=reason):
        open_service()


@pytest.mark.parametrize("host", ["127.0.0.1:7071", "localhost:7071", "[::1]:7071"])
def test_this_machine_is_asked_without_tls(host: str) -> None:
    """The demo's app has no certificate."""
    with Service(f"http://{host}", {}):
        pass


def test_every_mistake_that_the_app_names_is_told(app: SmallApp, capsys: Screen) -> None:
    """Told one at a time, a file with ten mistakes is uploaded eleven times."""
    app.will_answer("GET /api/batches/x", {"error": "bad_request", "mistakes": ["a", "b"]}, 400)

    assert main(["batches", "show", "x"]) == 1
    assert capsys.readouterr().err == "bascule: a; b\n"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (409, {"error": "conflict", "detail": "ask again"}, "conflict: ask again"),
        (401, b"", "does not let you in"),
        (502, b"<html>gateway</html>", "502 Bad Gateway: <html>gateway</html>"),
        (200, b"<html>sign in</html>", "something else than JSON"),
    ],
)
def test_a_refusal_is_one_sentence(app: SmallApp, status: int, body: object, said: str) -> None:
    """A traceback tells an operator nothing, and hides what to do."""
    app.will_answer("GET /api/batches", body, status)

    with open_service() as service, pytest.raises(Refused, match=said):
        service.get("batches")


def test_an_app_that_is_down_is_said_to_be_down(
    monkeypatch: pytest.MonkeyPatch, capsys: Screen
) -> None:
    """Otherwise somebody looks for the mistake in the batch."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("BASCULE_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")

        assert main(["batches", "list"]) == 1
    assert "does not answer" in capsys.readouterr().err
