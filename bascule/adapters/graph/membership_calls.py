"""The requests of memberships, in the SDK's words. Imports the SDK: load it late."""

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
