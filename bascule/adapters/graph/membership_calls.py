"""The requests of memberships, in the SDK's words. Imports the SDK: load it late."""

import json
from collections.abc import Iterable

from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from msgraph import GraphServiceClient
from msgraph.generated.groups.groups_request_builder import GroupsRequestBuilder

from bascule.adapters.graph.answers import Json, asking, json_answer

# "List groups", "List group members": at most 999 a page.
PAGE_SIZE = 999


async def groups(graph: GraphServiceClient, link: str) -> Json:
    """GET /groups, members expanded; `link` leads to a further page of this or of one group's members."""
    if link:
        return await json_answer(graph, graph.groups.with_url(link).to_get_request_information())
    query = GroupsRequestBuilder.GroupsRequestBuilderGetQueryParameters(
        select=["id", "mailEnabled"], expand=["members"], top=PAGE_SIZE
    )
    return await json_answer(graph, graph.groups.to_get_request_information(asking(query)))


async def members(graph: GraphServiceClient, group_ids: Iterable[str]) -> Json:
    """One $batch that asks for the members of each group; `responses` by group, in any order."""
    requests = [
        {"id": each, "method": "GET", "url": f"/groups/{each}/members?$select=id&$top={PAGE_SIZE}"}
        for each in group_ids
    ]
    ask = RequestInformation()
    ask.http_method = Method.POST
    ask.url_template = "{+baseurl}/$batch"
    ask.path_parameters = {"baseurl": graph.request_adapter.base_url}
    ask.headers.try_add("Accept", "application/json")
    ask.set_stream_content(json.dumps({"requests": requests}).encode(), "application/json")
    return await json_answer(graph, ask)
