"""Groups over Graph: distribution groups are there to be read, with their direct members.

Source: Microsoft Graph, "List groups", "List group members", "Use query parameters" (an expanded relationship shows at
most twenty objects and no next page).
"""

from collections.abc import Callable
from functools import partial

from sandbox.faces.graph_operations import Operation
from sandbox.faces.graph_query import next_link, selected, whole_number
from sandbox.faces.graph_wire import Call, Json, Reply
from sandbox.world.directory_errors import missing
from sandbox.world.exchange_refusals import NotFound
from sandbox.world.groups import DistributionGroup
from sandbox.world.recipients import Recipient, RecipientKind

GROUP_READERS = frozenset(
    {"GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All"}
)
PAGE_DEFAULT = 100
PAGE_MAX = 999
EXPANDED_COUNT_MAX = 20
PAGED = frozenset({"$select", "$top", "$skiptoken"})
_TYPES = {
    RecipientKind.MAIL_CONTACT: "#microsoft.graph.orgContact",
    RecipientKind.DISTRIBUTION_GROUP: "#microsoft.graph.group",
    RecipientKind.SECURITY_GROUP: "#microsoft.graph.group",
}


def list_groups(call: Call) -> Reply:
    """A page of groups; with `$expand=members` each with its first members."""
    query = call.request.query
    expanded = query.get("$expand", "").split("(")[0] == "members"

    def shown(group: DistributionGroup) -> Json:
        entity = _group(group, selected(query))
        if expanded:
            members = call.world.tenant.groups.members_seen(group.guid)
            entity["members"] = [_member(each) for each in members[:EXPANDED_COUNT_MAX]]
        return entity

    groups = call.world.tenant.groups.seen()
    return _page(call, "groups", [partial(shown, group) for group in groups])


def list_members(call: Call) -> Reply:
    """A page of a group's direct members, all of those that it has."""
    try:
        members = call.world.tenant.groups.members_seen(call.names["group"])
    except NotFound:
        raise missing(call.names["group"]) from None
    path = f"groups/{call.names['group']}/members"
    return _page(call, path, [partial(_member, each) for each in members])


def _page(call: Call, path: str, entries: list[Callable[[], Json]]) -> Reply:
    query = call.request.query
    top = whole_number(query, "$top", PAGE_DEFAULT, PAGE_MAX)
    start = whole_number(query, "$skiptoken", 0, 10**9)
    value = [make() for make in entries[start : start + top]]
    body: Json = {"@odata.context": call.context("directoryObjects"), "value": value}
    if start + top < len(entries):
        following = str(start + top)
        body["@odata.nextLink"] = next_link(call.request.root_url, path, query, skiptoken=following)
    return Reply(200, body)


def _group(group: DistributionGroup, wanted: list[str] | None) -> Json:
    entity: Json = {
        "id": group.guid,
        "displayName": group.display_name,
        "groupTypes": [],
        "mail": group.primary_address,
        "mailEnabled": True,
        "mailNickname": group.alias,
        "securityEnabled": group.kind is RecipientKind.SECURITY_GROUP,
    }
    return entity if wanted is None else {name: entity[name] for name in wanted if name in entity}


def _member(recipient: Recipient) -> Json:
    """Who may not see what stands behind a member sees its type and its identifier."""
    return {
        "@odata.type": _TYPES.get(recipient.kind, "#microsoft.graph.user"),
        "id": recipient.external_directory_id,
    }


OPERATIONS = (
    Operation("GET", "groups", list_groups, GROUP_READERS, PAGED | {"$expand"}),
    Operation("GET", "groups/{group}/members", list_members, GROUP_READERS, PAGED),
)
