"""Messages over Graph: list, find, read as MIME, mark, delete.

Source: Microsoft Graph, "List messages", "Get message", "Get MIME content of a message", "Update message", "Delete
message", "message: permanentDelete"; "Using filter and orderby in the same query" for the order of conditions.
"""

from collections.abc import Callable
from dataclasses import replace

from sandbox.faces import graph_errors as errors
from sandbox.faces.graph_mailbox import (
    MAIL_BODY_READERS,
    MAIL_LISTERS,
    MAIL_WRITERS,
    find_folder,
    folder_id,
    open_mailbox,
    opened_id,
)
from sandbox.faces.graph_message_resource import (
    BODY_PROPERTIES,
    ON_REQUEST,
    PROPERTIES,
    Item,
    message_json,
)
from sandbox.faces.graph_operations import Operation
from sandbox.faces.graph_query import Condition, conditions, next_link, selected, whole_number
from sandbox.faces.graph_wire import Call, Json, Reply, without_annotations
from sandbox.world.cloud import CloudMailbox

PAGE_DEFAULT = 10
PAGE_MAX = 1000
COMPARABLE: dict[str, Callable[[Item], str]] = {
    "subject": Item.subject,
    "internetMessageId": Item.message_id,
    "receivedDateTime": Item.received,
}
_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda have, wanted: have == wanted,
    "ne": lambda have, wanted: have != wanted,
    "ge": lambda have, wanted: have >= wanted,
    "gt": lambda have, wanted: have > wanted,
    "le": lambda have, wanted: have <= wanted,
    "lt": lambda have, wanted: have < wanted,
    "startswith": lambda have, wanted: have.startswith(wanted),
    "contains": lambda have, wanted: wanted in have,
}


def list_messages(call: Call) -> Reply:
    """A page of the messages of the mailbox, or of one folder when the path names it."""
    mailbox = open_mailbox(call)
    names = _names(call)
    query = call.request.query
    top = whole_number(query, "$top", PAGE_DEFAULT, PAGE_MAX)
    if top == 0:
        raise errors.bad_request("Invalid value '0' for $top query option found.")
    skip = whole_number(query, "$skip", 0, 10**9)
    wanted = _conditions(call)
    found = [item for item in _in_order(call, mailbox, wanted) if _holds(item, wanted)]
    value = [message_json(item, names) for item in found[skip : skip + top]]
    context = call.context(f"users('{mailbox.user_id}')/messages")
    body: Json = {"@odata.context": context, "value": value}
    if skip + top < len(found):
        body["@odata.nextLink"] = next_link(
            call.request.root_url, call.request.path, query, skip=str(skip + top)
        )
    return Reply(200, body)


def get_message(call: Call) -> Reply:
    """One message."""
    names = _names(call)
    item = _item(call)
    context = call.context(f"users('{item.mailbox.user_id}')/messages/$entity")
    return Reply(200, {"@odata.context": context, **message_json(item, names)})


def get_mime(call: Call) -> Reply:
    """One message as MIME, byte for byte as it is stored."""
    return Reply(200, _item(call).message.raw, content_type="text/plain")


def update_message(call: Call) -> Reply:
    """Mark a message read or unread, with or without a flag."""
    body = without_annotations(call.json())
    unknown = set(body) - {"isRead", "flag"}
    if unknown:
        raise errors.bad_request(
            f"The property '{min(unknown)}' cannot be set.", "ErrorInvalidPropertySet"
        )
    item = _item(call)
    flags = set(item.message.flags)
    if "isRead" in body:
        _switch(flags, "\\Seen", on=bool(body["isRead"]))
    if "flag" in body:
        _switch(flags, "\\Flagged", on=body["flag"].get("flagStatus") == "flagged")
    marked = replace(item.message, flags=frozenset(flags))
    item.folder.messages[marked.uid] = marked
    return Reply(200, message_json(replace(item, message=marked), _names(call)))


def delete_message(call: Call) -> Reply:
    """Out of every folder; administrators can still recover it."""
    item = _item(call)
    _take_out(item)
    item.mailbox.recoverable.folder("Deletions").add(
        item.message.raw, item.message.flags, item.message.internal_utc
    )
    return Reply(204)


def delete_for_good(call: Call) -> Reply:
    """Out of every folder and past recovery by the owner."""
    _take_out(_item(call))
    return Reply(204)


def _take_out(item: Item) -> None:
    del item.folder.messages[item.message.uid]


def _switch(flags: set[str], flag: str, *, on: bool) -> None:
    if on:
        flags.add(flag)
    else:
        flags.discard(flag)


def _names(call: Call) -> list[str]:
    held = call.request.roles | call.world.tenant.app.roles_in_exchange
    may_read_bodies = bool(held & MAIL_BODY_READERS)
    names = selected(call.request.query)
    if names is None:
        hidden = ON_REQUEST if may_read_bodies else ON_REQUEST | BODY_PROPERTIES
        return [name for name in PROPERTIES if name not in hidden]
    for name in names:
        if name not in PROPERTIES:
            raise errors.unknown_property(name, "Message", outlook=True)
        if name in BODY_PROPERTIES and not may_read_bodies:
            raise errors.forbidden(outlook=True)
    return names


def _item(call: Call) -> Item:
    """The message of the path.

    Raises:
        GraphError: 404 when it is gone, or lies in another folder than the path says.
    """
    mailbox = open_mailbox(call)
    kind, _, place = opened_id(mailbox, call.names["message"]).partition(".")
    if kind != "item":
        raise errors.bad_request("Id is malformed.", "ErrorInvalidIdMalformed")
    validity, _, uid = place.partition(".")
    within = find_folder(mailbox, call.names["folder"]) if "folder" in call.names else None
    for folder in (*mailbox.store.folders.values(), *mailbox.recoverable.folders.values()):
        if folder.uid_validity == int(validity) and within in (None, folder):
            message = folder.messages.get(int(uid))
            if message is not None:
                return Item(mailbox, folder, folder_id(mailbox, folder), message)
    raise errors.item_not_found()


def _in_order(call: Call, mailbox: CloudMailbox, wanted: list[Condition]) -> list[Item]:
    """Newest first unless asked otherwise."""
    prop, descending = _order(call, wanted)
    if "folder" in call.names:
        folders = [find_folder(mailbox, call.names["folder"])]
    else:
        folders = list(mailbox.store.folders.values())
    items = [
        Item(mailbox, folder, shown, message)
        for folder in folders
        for shown in [folder_id(mailbox, folder)]
        for message in folder.messages.values()
    ]
    if prop == "receivedDateTime":
        return sorted(items, key=lambda item: item.message.internal_utc, reverse=descending)
    return sorted(items, key=COMPARABLE[prop], reverse=descending)


def _order(call: Call, wanted: list[Condition]) -> tuple[str, bool]:
    text = call.request.query.get("$orderby")
    if text is None:
        return "receivedDateTime", True
    prop, _, direction = text.strip().partition(" ")
    if prop not in COMPARABLE or direction.strip() not in ("", "asc", "desc"):
        raise errors.unknown_property(prop, "Message", outlook=True)
    if wanted and wanted[0].path != prop:
        raise errors.bad_request(
            "The restriction or sort order is too complex for this operation.", "InefficientFilter"
        )
    return prop, direction.strip() == "desc"


def _conditions(call: Call) -> list[Condition]:
    unsupported = errors.bad_request(
        "The query filter contains one or more invalid nodes.", "ErrorInvalidUrlQueryFilter"
    )
    found = conditions(call.request.query, unsupported)
    for condition in found:
        if condition.path not in PROPERTIES:
            raise errors.unknown_property(condition.path, "Message", outlook=True)
        if not _is_supported(condition):
            raise unsupported
    return found


def _is_supported(condition: Condition) -> bool:
    if condition.path == "isRead":
        return condition.operator == "eq" and condition.values[0] in ("true", "false")
    return condition.path in COMPARABLE and condition.operator in _COMPARISONS


def _holds(item: Item, wanted: list[Condition]) -> bool:
    for condition in wanted:
        if condition.path == "isRead":
            is_read = "\\Seen" in item.message.flags
            if is_read is not (condition.values[0] == "true"):
                return False
        elif not _compares(item, condition):
            return False
    return True


def _compares(item: Item, condition: Condition) -> bool:
    have = COMPARABLE[condition.path](item)
    want = condition.values[0]
    if condition.path == "subject":
        # The mailbox store compares text without regard to case.
        have, want = have.lower(), want.lower()
    return _COMPARISONS[condition.operator](have, want)


_SELECT = frozenset({"$select"})
_LIST_OPTIONS = frozenset({"$select", "$top", "$skip", "$filter", "$orderby"})


def _for_each_path(
    method: str,
    tail: str,
    handle: Callable[[Call], Reply],
    roles: frozenset[str],
    options: frozenset[str] = frozenset(),
) -> tuple[Operation, Operation]:
    """A message is reached from its mailbox or from its folder."""
    return (
        Operation(method, f"users/{{user}}/messages{tail}", handle, roles, options, True),
        Operation(
            method,
            f"users/{{user}}/mailFolders/{{folder}}/messages{tail}",
            handle,
            roles,
            options,
            True,
        ),
    )


OPERATIONS = (
    *_for_each_path("GET", "", list_messages, MAIL_LISTERS, _LIST_OPTIONS),
    *_for_each_path("GET", "/{message}", get_message, MAIL_LISTERS, _SELECT),
    *_for_each_path("GET", "/{message}/$value", get_mime, MAIL_BODY_READERS),
    *_for_each_path("PATCH", "/{message}", update_message, MAIL_WRITERS),
    *_for_each_path("DELETE", "/{message}", delete_message, MAIL_WRITERS),
    *_for_each_path("POST", "/{message}/permanentDelete", delete_for_good, MAIL_WRITERS),
)
