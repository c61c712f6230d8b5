"""All memberships from Graph in a few calls: what is expanded, what is read whole, what is no answer."""

from typing import Any

import httpx
import pytest

from bascule.adapters.graph.memberships import EXPANDED_COUNT_MAX, GraphMemberships
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Throttled, Unreachable
from tests.adapters.graph_desk import BASE, GraphDesk, found, page

FIRST = "GET /groups?$expand=members&$select=id,mailEnabled&$top=999"


def group(name: str, *members: str, mail: bool = True) -> dict[str, Any]:
    """A group with expanded members."""
    return {"id": name, "mailEnabled": mail, "members": [{"id": each} for each in members]}


def crowd(count: int) -> list[str]:
    """Identifiers."""
    return [f"m{number}" for number in range(count)]


def inner(name: str, status: int = 200, **body: Any) -> dict[str, Any]:
    """One answer of a batch."""
    return {"id": name, "status": status, "headers": {}, "body": body}


def listed(*answers: httpx.Response) -> tuple[dict[str, frozenset[str]], GraphDesk]:
    """What is listed, and the desk that was asked."""
    with GraphDesk(*answers) as desk:
        return GraphMemberships(desk.client).listed_members(), desk


def test_small_groups_need_no_call_of_their_own() -> None:
    """Two thousand groups in three calls."""
    link = f"{BASE}/groups?$skiptoken=2"
    members, desk = listed(
        page(group("G1", "A", "b"), group("g2"), next_link=link),
        page(group("g3", "c"), group("team", "x", mail=False)),
    )

    assert members == {"g1": {"a", "b"}, "g2": set(), "g3": {"c"}}
    assert sorted(desk.asked[0].partition("?")[2].split("&")) == sorted(
        FIRST.partition("?")[2].split("&")
    )
    assert desk.asked[1] == "GET /groups?$skiptoken=2"


def test_a_group_that_may_be_cut_short_is_read_whole() -> None:
    """The service shows twenty and never says that there are more."""
    link = f"{BASE}/groups/g1/members?$skiptoken=9"
    members, desk = listed(
        page(group("g1", *crowd(EXPANDED_COUNT_MAX)), group("g2", *crowd(19))),
        found(
            responses=[inner("g1") | {"body": {"value": [{"id": "a"}], "@odata.nextLink": link}}]
        ),
        page({"id": "b"}),
    )

    assert members["g1"] == {"a", "b"}
    assert len(members["g2"]) == 19
    assert desk.body(1)["requests"] == [
        {"id": "g1", "method": "GET", "url": "/groups/g1/members?$select=id&$top=999"}
    ]


def test_large_groups_are_asked_for_twenty_a_call() -> None:
    """JSON batching takes no more."""
    names = [f"g{number:02}" for number in range(21)]
    groups = [group(name, *crowd(20)) for name in names]
    _, desk = listed(
        page(*groups),
        found(responses=[inner(name, value=[{"id": "a"}]) for name in names[:20]]),
        found(responses=[inner(names[20], value=[{"id": "a"}])]),
    )

    assert [len(desk.body(at)["requests"]) for at in (1, 2)] == [20, 1]


def test_a_batch_without_some_of_its_answers_is_no_answer() -> None:
    """The first twenty members would be taken for all of them."""
    with pytest.raises(Unreachable):
        listed(page(group("g1", *crowd(20))), found(responses=[]))


def test_patience_and_a_missing_right_inside_a_batch_keep_their_meaning() -> None:
    """The outer answer says 200 whatever happened inside."""
    throttled = inner("g1", 429) | {"headers": {"Retry-After": "11"}}
    forbidden = inner("g1", 403, error={"code": "Authorization_RequestDenied"})
    with pytest.raises(Throttled) as wait:
        listed(page(group("g1", *crowd(20))), found(responses=[throttled]))
    with pytest.raises(Refusal) as refused:
        listed(page(group("g1", *crowd(20))), found(responses=[forbidden]))

    assert wait.value.wait_s == 11
    assert refused.value.code is Code.PERMISSION_MISSING


def test_a_next_page_of_somebody_else_is_refused() -> None:
    """The token must not follow it."""
    with pytest.raises(Refusal, match="another host"):
        listed(page(group("g1"), next_link="https://evil.example/groups"))
