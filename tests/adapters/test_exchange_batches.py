"""Several cmdlets in one call: each answer in its place, each page followed, none taken for another's."""

import json
from collections.abc import Callable

import httpx
import pytest

from bascule.adapters.exchange_online.errors import CmdletRefused, Kind
from bascule.adapters.exchange_online.gateway import BATCH_COUNT_MAX
from bascule.domain.errors import Refusal, Throttled, Unreachable
from tests.adapters.exchange_desk import TENANT_ID, Desk, not_found

HOST = "https://outlook.office365.com"
BASE = f"{HOST}/adminapi/beta/{TENANT_ID}"
READ = "Get-DistributionGroupMember"
Item = Callable[[str, str], dict[str, object]]


def named(identity: str) -> dict[str, object]:
    """The answer about one object."""
    return {"status": 200, "headers": {}, "body": {"value": [{"Identity": identity}]}}


def answering(item: Item) -> Callable[[httpx.Request], httpx.Response]:
    """A batch whose answers come last first; `item` makes each from identity and URL."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)["requests"]
        answers = [
            {"id": each["id"], **item(_identity(each), each["url"])} for each in reversed(asked)
        ]
        return httpx.Response(200, json={"responses": answers})

    return answer


def _identity(item: dict[str, dict[str, dict[str, dict[str, str]]]]) -> str:
    return item["body"]["CmdletInput"]["Parameters"]["Identity"]


def sets(count: int) -> list[dict[str, str]]:
    """Parameters that ask for this many objects."""
    return [{"Identity": f"g{number}"} for number in range(count)]


def test_answers_stand_in_the_order_of_the_questions_ten_a_call() -> None:
    """The service promises no order; members of another group would be added."""
    desk = Desk(*[answering(lambda identity, _: named(identity))] * 3)
    found = desk.gateway.read_each(READ, sets(BATCH_COUNT_MAX * 2 + 1))

    assert [each[0]["Identity"] for each in found if isinstance(each, tuple)] == [
        f"g{number}" for number in range(BATCH_COUNT_MAX * 2 + 1)
    ]
    assert [str(each.url) for each in desk.requests] == [f"{BASE}/$batch"] * 3
    item = json.loads(desk.requests[0].content)["requests"][0]
    assert item["method"] == "POST"
    assert item["url"] == f"{BASE}/InvokeCommand"
    assert item["headers"]["X-CmdletName"] == READ
    assert "SystemMailbox{bb558c35" in item["headers"]["X-AnchorMailbox"]


def test_a_long_answer_is_followed_within_the_batch() -> None:
    """The first thousand members of a group are not its members."""
    link = f"{BASE}/InvokeCommand?$skiptoken=2"

    def item(identity: str, url: str) -> dict[str, object]:
        body: dict[str, object] = {"value": [{"Identity": f"{identity} {url == link}"}]}
        if identity == "g1" and url != link:
            body["@odata.nextLink"] = link
        return {"status": 200, "headers": {}, "body": body}

    desk = Desk(answering(item), answering(item))
    first, second = desk.gateway.read_each(READ, sets(2))

    assert isinstance(first, tuple)
    assert isinstance(second, tuple)
    assert [row["Identity"] for row in first] == ["g0 False"]
    assert [row["Identity"] for row in second] == ["g1 False", "g1 True"]
    assert len(json.loads(desk.requests[1].content)["requests"]) == 1


def test_a_long_answer_of_another_host_of_exchange_is_followed() -> None:
    """After a redirection the links name the common host, or the regional one; the list is the same."""
    link = "https://eur01.outlook.office365.com/adminapi/beta/x/InvokeCommand?$skiptoken=2"

    def item(identity: str, url: str) -> dict[str, object]:
        more = {} if url == link else {"@odata.nextLink": link}
        return {"status": 200, "headers": {}, "body": {"value": [{"Identity": identity}], **more}}

    (found,) = Desk(answering(item), answering(item)).gateway.read_each(READ, sets(1))

    assert isinstance(found, tuple)
    assert len(found) == 2


@pytest.mark.parametrize("body", [None, {}, {"value": None}])
def test_one_answer_without_a_list_is_no_answer(body: dict[str, object] | None) -> None:
    """That group would look empty."""
    desk = Desk(answering(lambda *_: {"status": 200, "headers": {}, "body": body}))

    with pytest.raises(Unreachable):
        desk.gateway.read_each(READ, sets(1))


def test_a_next_page_of_somebody_else_is_refused() -> None:
    """The anchor and the parameters must not follow it."""
    body = {"value": [], "@odata.nextLink": "https://evil.example/next"}
    desk = Desk(answering(lambda *_: {"status": 200, "headers": {}, "body": body}))

    with pytest.raises(Refusal, match="another host"):
        desk.gateway.read_each(READ, sets(1))


def test_one_that_is_missing_stands_as_a_refusal_among_the_others() -> None:
    """A group that somebody removed meanwhile must not hide the other nine."""
    missing = not_found()

    def item(identity: str, _: str) -> dict[str, object]:
        if identity == "g0":
            return {"status": 404, "headers": {}, "body": json.loads(missing.content)}
        return named(identity)

    first, second = Desk(answering(item)).gateway.read_each(READ, sets(2))

    assert isinstance(first, CmdletRefused)
    assert first.kind is Kind.NOT_FOUND
    assert second == ({"Identity": "g1"},)


def test_one_that_is_throttled_defers_all_of_them() -> None:
    """Half of an answer is no answer, and its wait is the service's own."""

    def item(identity: str, _: str) -> dict[str, object]:
        if identity == "g1":
            return {"status": 429, "headers": {"Retry-After": "17"}, "body": None}
        return named(identity)

    with pytest.raises(Throttled) as throttled:
        Desk(answering(item)).gateway.read_each(READ, sets(3))

    assert throttled.value.wait_s == 17


@pytest.mark.parametrize(
    "responses",
    [[], [{"id": "0", **named("g0")}], [{"id": "9", **named("g9")}, {"id": "0", **named("g0")}]],
)
def test_a_batch_without_some_of_its_answers_is_no_answer(
    responses: list[dict[str, object]],
) -> None:
    """A group that is left out would look empty."""
    desk = Desk(httpx.Response(200, json={"responses": responses}))

    with pytest.raises(Unreachable):
        desk.gateway.read_each(READ, sets(2))


def test_an_answer_without_a_status_is_an_outage() -> None:
    """An unknown answer is never taken for a list."""
    desk = Desk(httpx.Response(200, json={"responses": [{"id": "0", "body": None}]}))

    with pytest.raises(Unreachable):
        desk.gateway.read_each(READ, sets(1))


def test_nothing_to_read_is_no_call() -> None:
    """An empty batch is malformed."""
    desk = Desk()

    assert desk.gateway.read_each(READ, []) == ()
    assert desk.requests == []
