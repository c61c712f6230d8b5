"""Lists of the gateway: whole or an error, whatever the service leaves out and wherever it puts the next page."""

import httpx
import pytest

from bascule.adapters.exchange_online.gateway import PAGE_COUNT_MAX
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Unreachable
from tests.adapters.exchange_desk import TENANT_ID, Desk, refusal, rows

HOST = "https://outlook.office365.com"
URL = f"{HOST}/adminapi/beta/{TENANT_ID}/InvokeCommand"


def test_pages_are_posted_with_the_same_body_and_a_fresh_token_and_joined() -> None:
    """A list that stops at the first page would leave mailboxes out of every decision."""
    link = f"{URL}?$skiptoken=2"
    desk = Desk(rows({"Identity": "a"}, next_link=link), rows({"Identity": "b"}))

    found = desk.gateway.run("Get-MigrationUser", {"BatchId": "pilot"})

    assert [row["Identity"] for row in found] == ["a", "b"]
    assert str(desk.requests[1].url) == link
    assert desk.requests[1].content == desk.requests[0].content
    assert desk.requests[1].headers["authorization"] == "Bearer token-2"


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/next",
        "http://outlook.office365.com/next",
        "https://outlook.office365.com:444/x",
    ],
)
def test_a_next_page_on_another_origin_is_refused(link: str) -> None:
    """The token and the parameters must not follow a link to somebody else."""
    desk = Desk(rows({"Identity": "a"}, next_link=link))

    with pytest.raises(Refusal) as no:
        desk.gateway.run("Get-MigrationUser", {})

    assert no.value.code is Code.REQUEST_REJECTED
    assert len(desk.requests) == 1


def test_a_page_that_comes_twice_is_an_error_and_not_a_whole_list() -> None:
    """A circle of links would otherwise read for ever."""
    link = f"{URL}?$skiptoken=2"
    desk = Desk(rows(next_link=link), rows(next_link=link))

    with pytest.raises(Refusal, match="twice"):
        desk.gateway.run("Get-MigrationUser", {})


def test_a_list_of_too_many_pages_is_an_error_and_not_cut_short() -> None:
    """A list cut short and called whole is the worst of all answers."""
    desk = Desk(*(rows(next_link=f"{URL}?page={i}") for i in range(PAGE_COUNT_MAX)))

    with pytest.raises(Refusal, match="pages"):
        desk.gateway.run("Get-MigrationUser", {})


def test_a_failure_on_the_second_page_fails_the_whole_list() -> None:
    """Half a list must not look like a list."""
    desk = Desk(rows({"Identity": "a"}, next_link=f"{URL}?p=2"), httpx.Response(503))

    with pytest.raises(Unreachable):
        desk.gateway.run("Get-MigrationUser", {})


def test_an_expired_page_asks_for_a_new_start() -> None:
    """Page links live minutes; the list can be read again from its beginning."""
    stale = refusal("System.ArgumentException", "Expired or Invalid pagination request.")
    desk = Desk(rows(next_link=f"{URL}?p=2"), stale)

    with pytest.raises(Unreachable):
        desk.gateway.run("Get-MigrationUser", {})


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(204),
        httpx.Response(200),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"value": None}),
        httpx.Response(200, json={"value": {"Identity": "ann@contoso.com"}}),
        httpx.Response(200, json={"value": [None]}),
    ],
    ids=["204", "empty", "no value", "null", "one object", "a row of nothing"],
)
def test_a_reading_without_a_list_is_no_answer(answer: httpx.Response) -> None:
    """Taken for "there is nothing", one such answer about a migration batch sets all of its mailboxes aside."""
    desk = Desk(answer)

    with pytest.raises(Unreachable):
        desk.gateway.run("Get-MigrationUser", {"BatchId": "pilot"})


def test_a_later_page_without_a_list_is_no_answer() -> None:
    """The users of the pages before it would be all that the batch has."""
    desk = Desk(rows({"Identity": "a"}, next_link=f"{URL}?p=2"), httpx.Response(200, json={}))

    with pytest.raises(Unreachable):
        desk.gateway.run("Get-MigrationUser", {"BatchId": "pilot"})


REGION = "https://eur01.outlook.office365.com"


@pytest.mark.parametrize("host", [HOST, REGION, "https://eur02.outlook.office365.com:443"])
def test_a_regional_host_may_name_any_host_of_exchange_for_the_next_page(host: str) -> None:
    """A tenant with more users than a page would be refused for good once it is sent on to its region."""
    link = f"{host}/adminapi/beta/x/InvokeCommand?$skiptoken=2"
    desk = Desk(
        httpx.Response(302, headers={"Location": f"{REGION}/adminapi/beta/x/InvokeCommand"}),
        rows({"Identity": "a"}, next_link=link),
        rows({"Identity": "b"}),
    )

    found = desk.gateway.run("Get-MigrationUser", {"BatchId": "pilot"})

    assert [row["Identity"] for row in found] == ["a", "b"]
    assert desk.requests[2].url == httpx.URL(link)
