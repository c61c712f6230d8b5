"""The way into Graph: what is loaded when, what is sent where, and how it ends. The SDK loads in 1-2 s."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from bascule.adapters.graph import GraphClient, GraphDirectory
from bascule.adapters.graph import client as client_module
from bascule.adapters.graph.loop import LoopThread
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Throttled, Unreachable
from tests.adapters.exchange_desk import Purse, Token
from tests.adapters.graph_desk import GraphDesk, page, refusal

ROOT = Path(__file__).parents[2]
HEAVY = (
    "('msgraph', 'msgraph_core', 'kiota_http', 'kiota_abstractions', 'azure.identity', 'aiohttp')"
)


def test_importing_the_adapter_loads_no_sdk() -> None:
    """Every cold start of every function would pay seconds for a client it does not use; takes 1 s."""
    code = (
        "import sys, bascule.adapters.graph, bascule.adapters.exchange_online\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("status", [429, 503, 504])
def test_the_sdk_does_not_retry_by_itself(status: int) -> None:
    """Its retries sleep for minutes inside an activity and repeat POSTs; ours are durable timers."""
    answer = httpx.Response(status, headers={"Retry-After": "1"})
    with GraphDesk(answer) as desk, pytest.raises((Throttled, Unreachable)):
        desk.directory.licence_stock()

    assert len(desk.requests) == 1


def test_a_redirection_is_not_followed() -> None:
    """Graph has no reason to send us elsewhere, and a body may hold a password."""
    answer = httpx.Response(302, headers={"Location": "https://evil.example/x"})
    with GraphDesk(answer) as desk, pytest.raises(Unreachable):
        desk.directory.licence_stock()

    assert len(desk.requests) == 1


def test_a_refused_token_is_renewed_once() -> None:
    """Tokens are revoked early; a 401 was not executed, so once more is safe, and twice is enough."""
    no = refusal(401, "InvalidAuthenticationToken")
    with GraphDesk(no, page()) as desk:
        desk.directory.licence_stock()
    with GraphDesk(no, no) as twice, pytest.raises(Refusal) as refused:
        twice.directory.licence_stock()

    assert [each.headers["authorization"] for each in desk.requests] == [
        "Bearer token-1",
        "Bearer token-2",
    ]
    assert refused.value.code is Code.PERMISSION_MISSING
    assert len(twice.requests) == 2


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ConnectError("x"),
        httpx.ReadTimeout("x"),
        httpx.Response(502, text="<html>"),
        httpx.Response(200, text="<html>", headers={"Content-Type": "application/json"}),
        httpx.Response(200),
    ],
    ids=repr,
)
def test_what_is_no_answer_is_unreachable(trouble: httpx.Response | Exception) -> None:
    """Gateways in between answer with pages of their own."""
    with GraphDesk(trouble) as desk, pytest.raises(Unreachable, match="licences"):
        desk.directory.licence_stock()


def test_a_credential_may_be_asynchronous() -> None:
    """azure-identity has both kinds."""

    class AsyncPurse:
        async def get_token(self, *_: str, **__: object) -> Token:
            await asyncio.sleep(0)
            return Token("from-a-coroutine")

    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return page()

    purse = AsyncPurse()
    client = GraphClient(purse, transport=httpx.MockTransport(answer))  # type: ignore[arg-type]
    GraphDirectory(client).licence_stock()
    client.close()

    assert seen == ["Bearer from-a-coroutine"]


def test_one_client_serves_threads_at_the_same_time() -> None:
    """Activities run in threads; the SDK's client belongs to one event loop."""
    with GraphDesk(*[page()] * 8) as desk:
        threads = [threading.Thread(target=desk.directory.licence_stock) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(desk.requests) == 8


def test_urls_with_users_stay_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """httpx logs every URL at INFO; the adapter turns that off."""
    with (
        caplog.at_level("INFO"),
        GraphDesk(refusal(404, "Request_ResourceNotFound")) as desk,
    ):
        desk.directory.find_account("ann@contoso.com")

    assert "ann" not in caplog.text


def test_nothing_runs_after_close() -> None:
    """A thread left behind would keep the process."""
    client = GraphClient(Purse(), transport=httpx.MockTransport(lambda _: page()))
    GraphDirectory(client).licence_stock()
    client.close()
    client.close()

    with pytest.raises(RuntimeError):
        GraphDirectory(client).licence_stock()
    assert not [thread for thread in threading.enumerate() if thread.name == "graph-loop"]


def test_a_call_that_hangs_is_given_up() -> None:
    """An activity that waits for ever holds a worker for ever."""
    loop = LoopThread("test-loop")
    ended = threading.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(TimeoutError):
        loop.run(hang(), timeout_s=0.05)
    assert ended.wait(5)
    loop.close()


def test_a_silent_service_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The story looks before it acts again; the error says what was tried."""
    monkeypatch.setattr(client_module, "CALL_TIMEOUT_S", 0.2)
    given_up = asyncio.Event()

    async def hang(_: httpx.Request) -> httpx.Response:
        await given_up.wait()
        return page()

    client = GraphClient(Purse(), transport=httpx.MockTransport(hang))
    with pytest.raises(Unreachable, match="read the licences"):
        GraphDirectory(client).licence_stock()
    client.close()


def test_exceptions_cross_the_threads_unchanged() -> None:
    """The caller decides by their class."""
    loop = LoopThread("test-loop")

    async def fail() -> None:
        raise Throttled(7, "busy")

    with pytest.raises(Throttled) as busy:
        loop.run(fail(), timeout_s=5)
    loop.close()

    assert busy.value.wait_s == 7
