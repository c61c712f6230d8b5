"""The gateway adapter on the wire: headers, paging, redirections, tokens, and never a second send."""

import re
import threading

import httpx
import pytest

from bascule.adapters.exchange_online.errors import CmdletRefused
from bascule.adapters.exchange_online.gateway import CONCURRENT_CALLS_MAX
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Throttled, Unreachable
from tests.adapters.exchange_desk import TENANT_ID, Desk, not_found, refusal, rows

HOST = "https://outlook.office365.com"
URL = f"{HOST}/adminapi/beta/{TENANT_ID}/InvokeCommand"


def test_a_call_carries_exactly_the_headers_the_service_routes_by() -> None:
    """A wrong anchor sends the call to another tenant's servers, and paging breaks."""
    desk = Desk(rows())

    desk.gateway.run("Get-Mailbox", {"Identity": "ann@contoso.com"})
    request = desk.requests[0]

    assert str(request.url) == URL
    assert request.method == "POST"
    assert request.headers["x-anchormailbox"] == (
        f"APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{TENANT_ID}"
    )
    assert request.headers["x-cmdletname"] == "Get-Mailbox"
    assert request.headers["x-responseformat"] == "json"
    assert request.headers["prefer"] == "odata.maxpagesize=1000"
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.headers["authorization"] == "Bearer token-1"
    assert desk.cmdlet(0) == {
        "CmdletName": "Get-Mailbox",
        "Parameters": {"Identity": "ann@contoso.com"},
    }
    assert desk.purse.asked == [("https://outlook.office365.com/.default", {})]


def test_each_request_has_its_own_id_and_the_process_one_connection_id() -> None:
    """Support finds a single call by the first, a session by the second."""
    desk = Desk(rows(), rows())

    desk.gateway.run("Get-Mailbox", {})
    desk.gateway.run("Get-Mailbox", {})
    first, second = desk.requests

    assert first.headers["client-request-id"] != second.headers["client-request-id"]
    assert first.headers["connection-id"] == second.headers["connection-id"]
    assert re.fullmatch(r"[0-9a-f-]{36}", first.headers["client-request-id"])


def test_companion_keys_are_dropped() -> None:
    """`Status@data.type` is no property; code that walks a row would trip over it."""
    desk = Desk(
        rows({"Identity": "a", "Status": "Synced", "Status@data.type": "x", "@odata.id": "y"})
    )

    assert desk.gateway.run("Get-MigrationBatch", {}) == ({"Identity": "a", "Status": "Synced"},)


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(204), httpx.Response(200), httpx.Response(200, json={"value": []})],
    ids=["204", "empty", "no rows"],
)
def test_a_write_may_answer_with_nothing(answer: httpx.Response) -> None:
    """Writes answer in three forms of nothing, and all of them are success."""
    desk = Desk(answer)

    assert desk.gateway.run("Set-MigrationBatch", {"Identity": "pilot"}) == ()


def test_errors_inside_a_success_are_a_failure() -> None:
    """HTTP 200 with errors in it is not done."""
    text = "|Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException|gone"
    desk = Desk(httpx.Response(200, json={"value": [], "@adminapi.errors": [text]}))

    with pytest.raises(CmdletRefused) as no:
        desk.gateway.run("Set-MigrationBatch", {"Identity": "pilot"})

    assert no.value.kind == "not found"


def test_a_question_to_a_person_is_not_done() -> None:
    """HTTP 200 that only asks "are you sure?" must not be taken for a removed batch."""
    body = {"value": [], "@adminapi.confirmationmessage": "Are you sure?"}
    desk = Desk(httpx.Response(200, json=body))

    with pytest.raises(Refusal, match="confirm"):
        desk.gateway.run("Remove-MigrationBatch", {"Identity": "pilot"})


def test_warnings_and_empty_errors_are_no_failure() -> None:
    """Warnings come with most answers."""
    body = {"value": [], "@adminapi.errors": [], "@adminapi.warnings": ["slow"]}
    desk = Desk(httpx.Response(200, json=body))

    assert desk.gateway.run("Get-Mailbox", {}) == ()


def test_a_redirection_inside_exchange_is_followed_with_the_token() -> None:
    """The service sends callers to the host of their region."""
    there = "https://eur01.outlook.office365.com/adminapi/beta/x/InvokeCommand"
    desk = Desk(httpx.Response(302, headers={"Location": there}), rows({"Identity": "a"}))

    found = desk.gateway.run("Get-Mailbox", {})

    assert len(found) == 1
    assert str(desk.requests[1].url) == there
    assert desk.requests[1].method == "POST"
    assert desk.requests[1].headers["authorization"].startswith("Bearer ")


@pytest.mark.parametrize(
    "there",
    [
        "https://evil.example/x",
        "http://eur01.outlook.office365.com/x",
        "https://evil-office365.com/x",
        "https://office365.com.evil.example/x",
    ],
)
def test_a_redirection_out_of_exchange_is_not_followed(there: str) -> None:
    """A batch's CSV holds passwords; it goes to Exchange or nowhere."""
    desk = Desk(httpx.Response(302, headers={"Location": there}))

    with pytest.raises(Refusal):
        desk.gateway.run("New-MigrationBatch", {"Name": "pilot"})

    assert len(desk.requests) == 1


def test_redirections_without_end_are_given_up() -> None:
    """Two hosts that point at each other must not keep an activity for ever."""
    hop = httpx.Response(302, headers={"Location": f"{HOST}/again"})
    desk = Desk(*[hop] * 10)

    with pytest.raises(Unreachable):
        desk.gateway.run("Get-Mailbox", {})

    assert len(desk.requests) <= 5


def test_a_refused_token_is_renewed_once_with_the_claims_asked_for() -> None:
    """Continuous access evaluation revokes tokens early and says what the next one must answer."""
    challenge = 'Bearer error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="'
    desk = Desk(httpx.Response(401, headers={"WWW-Authenticate": challenge}), rows())

    desk.gateway.run("Get-Mailbox", {})

    assert desk.purse.asked[1][1] == {"claims": '{"access_token":{}}'}
    assert desk.requests[1].headers["authorization"] == "Bearer token-2"


def test_a_token_refused_twice_is_a_missing_permission() -> None:
    """A person has to look at the app's roles; asking again would not help."""
    desk = Desk(httpx.Response(401), httpx.Response(401))

    with pytest.raises(Refusal) as no:
        desk.gateway.run("Get-Mailbox", {})

    assert no.value.code is Code.PERMISSION_MISSING
    assert len(desk.requests) == 2


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ConnectError("x"),
        httpx.ReadTimeout("x"),
        httpx.RemoteProtocolError("x"),
        httpx.Response(500),
        httpx.Response(502, text="<html>bad gateway</html>"),
        httpx.Response(503),
        httpx.Response(504),
        httpx.Response(200, text="<html>hello</html>"),
        httpx.Response(200, json=["not an object"]),
    ],
    ids=repr,
)
def test_a_write_whose_answer_is_lost_is_sent_once_and_called_unreachable(
    trouble: httpx.Response | Exception,
) -> None:
    """A second New-MigrationBatch would be a second batch; the caller reads back first."""
    desk = Desk(trouble)

    with pytest.raises(Unreachable):
        desk.gateway.run("New-MigrationBatch", {"Name": "pilot"})

    assert len(desk.requests) == 1


def test_a_429_waits_as_long_as_the_service_says() -> None:
    """The wait becomes a durable timer; too short a wait keeps the tenant throttled."""
    desk = Desk(httpx.Response(429, headers={"Retry-After": "47"}))

    with pytest.raises(Throttled) as busy:
        desk.gateway.run("Get-Mailbox", {})

    assert busy.value.wait_s == 47


def test_a_retry_after_date_is_measured_against_the_servers_own_clock() -> None:
    """A machine with a wrong clock would wait for hours or not at all."""
    headers = {
        "Date": "Wed, 21 Oct 2026 07:28:00 GMT",
        "Retry-After": "Wed, 21 Oct 2026 07:29:30 GMT",
    }
    desk = Desk(httpx.Response(429, headers=headers))

    with pytest.raises(Throttled) as busy:
        desk.gateway.run("Get-Mailbox", {})

    assert busy.value.wait_s == 90


@pytest.mark.parametrize("status", [200, 400, 503])
def test_the_busy_tenant_says_so_in_plain_text(status: int) -> None:
    """This answer is no JSON, and has been seen with more than one status."""
    text = (
        "You have reached the maximum number of concurrent requests per tenant. "
        "Please wait and try again"
    )
    desk = Desk(httpx.Response(status, text=text))

    with pytest.raises(Throttled) as busy:
        desk.gateway.run("Get-Mailbox", {})

    assert busy.value.wait_s > 0


def test_a_redirection_without_a_place_to_go_is_a_failure() -> None:
    """A front end that answers 302 and nothing else must not crash the adapter."""
    desk = Desk(httpx.Response(302))

    with pytest.raises(Refusal):
        desk.gateway.run("Get-Mailbox", {})


def test_no_more_calls_than_the_tenant_takes_run_at_once() -> None:
    """The fifth would be refused, and the refusal counts against everybody."""
    inside, most = 0, 0
    guard, full = threading.Lock(), threading.Barrier(CONCURRENT_CALLS_MAX)

    def answer(_: httpx.Request) -> httpx.Response:
        nonlocal inside, most
        with guard:
            inside, most = inside + 1, max(most, inside + 1)
        # Nobody leaves before as many are inside as may be.
        full.wait(10)
        with guard:
            inside -= 1
        return rows()

    desk = Desk(*[answer] * 2 * CONCURRENT_CALLS_MAX)
    threads = [
        threading.Thread(target=desk.gateway.run, args=("Get-Mailbox", {}))
        for _ in range(2 * CONCURRENT_CALLS_MAX)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == CONCURRENT_CALLS_MAX


def test_an_answer_may_not_quote_a_csv_with_passwords() -> None:
    """The service words some refusals by the row it did not like."""
    desk = Desk(refusal("Microsoft.Exchange.Migration.X", "row ann@contoso.com,ann,hunter2 is bad"))

    with pytest.raises(CmdletRefused) as no:
        desk.gateway.run("New-MigrationBatch", {"Name": "pilot"}, may_quote=False)

    assert "hunter2" not in str(no.value)
    assert "hunter2" not in repr(no.value)


def test_a_credential_that_fails_says_nothing_but_its_kind_and_number() -> None:
    """Messages of the identity platform carry ids and sometimes what was sent."""

    class Broken:
        def get_token(self, *_: str, **__: object) -> None:
            raise ClientAuthenticationError("AADSTS7000215: Invalid client secret 'hunter2'")

    from azure.core.exceptions import ClientAuthenticationError

    from bascule.adapters.exchange_online import ExchangeGateway

    gateway = ExchangeGateway(Broken(), TENANT_ID)  # type: ignore[arg-type]

    with pytest.raises(Refusal) as no:
        gateway.run("Get-Mailbox", {})
    gateway.close()

    assert no.value.code is Code.PERMISSION_MISSING
    assert "AADSTS7000215" in str(no.value)
    assert "hunter2" not in str(no.value)


def test_urls_with_the_tenant_stay_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """httpx logs every URL at INFO; the adapter turns that off."""
    desk = Desk(not_found())

    with caplog.at_level("INFO"), pytest.raises(CmdletRefused):
        desk.gateway.run("Get-Mailbox", {"Identity": "ann@contoso.com"})

    assert caplog.records == []
