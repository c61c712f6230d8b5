"""Who is in which group, for all groups in a few calls.

Graph shows distribution groups and cannot change them. It may lag behind Exchange, so it only says who agrees.
Source: Microsoft Learn, "List groups", "List group members", "Use query parameters" (at most 20 expanded objects, no
next page for them).
"""

from functools import cached_property
from types import ModuleType
from typing import Any

from bascule.adapters.graph.batching import read_together
from bascule.adapters.graph.client import GraphClient
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal

# $expand shows this many at most and never says that there are more.
EXPANDED_COUNT_MAX = 20
# 200 000 groups of 999 a page, or a group of as many members; beyond it the service is repeating itself.
PAGE_COUNT_MAX = 201
# At most 999 a page.
MEMBERS_QUERY = "$select=id&$top=999"

Json = dict[str, Any]


class GraphMemberships:
    """Lists members by directory identifiers, which need no right to see who stands behind them."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    def listed_members(self) -> dict[str, frozenset[str]]:
        """GET /groups with members expanded; those that may be cut short are read whole, twenty a call."""
        found: dict[str, frozenset[str]] = {}
        for group in self._pages("list the groups and their members", ""):
            if group.get("mailEnabled") is True:
                found[str(group["id"]).lower()] = _ids(group.get("members") or ())
        crowded = [name for name, ids in found.items() if len(ids) >= EXPANDED_COUNT_MAX]
        return found | self._whole(crowded)

    @cached_property
    def _calls(self) -> Any:
        return _membership_calls()

    def _pages(self, doing: str, link: str) -> list[Json]:
        rows: list[Json] = []
        for _ in range(PAGE_COUNT_MAX):
            page = self._page(doing, link)
            rows += page.get("value") or ()
            link = str(page.get("@odata.nextLink") or "")
            if not link:
                return rows
            self._client.checked_link(link)
        raise Refusal(Code.REQUEST_REJECTED, f"{doing}: more than {PAGE_COUNT_MAX} pages")

    def _page(self, doing: str, link: str) -> Json:
        page: Json = self._client.call(doing, lambda graph: self._calls.groups(graph, link))
        return page

    def _whole(self, group_ids: list[str]) -> dict[str, frozenset[str]]:
        doing = "list the members of large groups"
        urls = {each: f"/groups/{each}/members?{MEMBERS_QUERY}" for each in group_ids}
        found = read_together(self._client, doing, urls)
        return {group_id: self._members(doing, page) for group_id, page in found.items()}

    def _members(self, doing: str, page: Json) -> frozenset[str]:
        link = str(page.get("@odata.nextLink") or "")
        further = self._pages(doing, self._client.checked_link(link)) if link else []
        return _ids([*(page.get("value") or ()), *further])


def _ids(members: Any) -> frozenset[str]:
    return frozenset(str(member["id"]).lower() for member in members)


def _membership_calls() -> ModuleType:
    from bascule.adapters.graph import membership_calls  # noqa: PLC0415  loads the SDK

    return membership_calls
