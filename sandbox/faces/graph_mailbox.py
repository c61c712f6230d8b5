"""One mailbox over Graph: whether it is open, its settings, its folders.

Source: Microsoft Graph, "Get user mailbox settings", "List mailFolders", "List childFolders", "Create MailFolder",
"mailFolder resource type".
"""

import base64

from sandbox.faces import graph_errors as errors
from sandbox.faces.graph_errors import GraphError
from sandbox.faces.graph_operations import Operation
from sandbox.faces.graph_query import next_link, selected, whole_number
from sandbox.faces.graph_wire import Call, Json, Reply, without_annotations
from sandbox.world.cloud import WELL_KNOWN_FOLDERS, CloudMailbox
from sandbox.world.directory_errors import DirectoryRefused
from sandbox.world.mail import Folder, MailStore
from sandbox.world.recipients import RecipientKind

SETTINGS_READERS = frozenset({"MailboxSettings.Read", "MailboxSettings.ReadWrite"})
MAIL_WRITERS = frozenset({"Mail.ReadWrite"})
MAIL_BODY_READERS = frozenset({"Mail.Read", *MAIL_WRITERS})
MAIL_LISTERS = frozenset({"Mail.ReadBasic.All", "Mail.ReadBasic", *MAIL_BODY_READERS})
PAGE_DEFAULT = 10
# The mail folder above all others, which is itself no folder of the list.
ROOT = "msgfolderroot"
RECOVERABLE = "recoverableitemsdeletions"
FOLDER_PROPERTIES = (
    "id",
    "displayName",
    "parentFolderId",
    "childFolderCount",
    "unreadItemCount",
    "totalItemCount",
    "isHidden",
)
SETTINGS_PROPERTIES = (
    "archiveFolder",
    "timeZone",
    "dateFormat",
    "timeFormat",
    "userPurpose",
    "language",
)
PURPOSES = {
    RecipientKind.USER_MAILBOX: "user",
    RecipientKind.SHARED_MAILBOX: "shared",
    RecipientKind.ROOM_MAILBOX: "room",
    RecipientKind.EQUIPMENT_MAILBOX: "equipment",
}
_ID_PREFIX = "AAMk"


def open_mailbox(call: Call) -> CloudMailbox:
    """The mailbox of the user in the path.

    Raises:
        GraphError: 404 in one of several codes; the mailbox service knows users later than the directory does.
    """
    tenant = call.world.tenant
    name = call.names["user"]
    try:
        user = tenant.directory.user(name)
    except DirectoryRefused as no:
        if tenant.directory.truth(name) is None:
            raise
        raise GraphError(
            404, "ErrorInvalidUser", f"The requested user '{name}' is invalid."
        ) from no
    state = tenant.provisioning.why_not_ready(user.user_id)
    mailbox = tenant.mailboxes.of_user(user.user_id)
    if state is not None or mailbox is None:
        raise errors.not_ready(state) if state else errors.item_not_found()
    _make_folders_above(mailbox.store)
    return mailbox


def get_settings(call: Call) -> Reply:
    """The mailbox settings; an open mailbox is one that answers here."""
    wanted = _checked(call, SETTINGS_PROPERTIES, "MailboxSettings")
    mailbox = open_mailbox(call)
    kind = call.world.tenant.recipients.settings(mailbox.exchange_guid).kind
    purpose = PURPOSES.get(kind, "others")
    as_object = call.world.weather.user_purpose_as_object
    settings: Json = {
        "archiveFolder": folder_id(mailbox, mailbox.store.folder(WELL_KNOWN_FOLDERS["archive"])),
        "timeZone": "UTC",
        "dateFormat": "yyyy-MM-dd",
        "timeFormat": "HH:mm",
        "userPurpose": {"value": purpose} if as_object else purpose,
        "language": {"locale": "en-US", "displayName": "English (United States)"},
    }
    context = call.context(f"users('{mailbox.user_id}')/mailboxSettings")
    return Reply(200, {"@odata.context": context, **{name: settings[name] for name in wanted}})


def list_folders(call: Call) -> Reply:
    """A page of the folders at the root, ten unless more are asked for."""
    mailbox = open_mailbox(call)
    tops = [folder for folder in _folders(mailbox.store) if "/" not in folder.name]
    shown = [folder_json(mailbox, folder) for folder in tops]
    if _hidden_wanted(call):
        shown.append(_search_folder(mailbox))
    return _page(call, mailbox, shown)


def list_child_folders(call: Call) -> Reply:
    """A page of the folders right below one."""
    mailbox = open_mailbox(call)
    if call.names["folder"].lower() == ROOT:
        return list_folders(call)
    parent = find_folder(mailbox, call.names["folder"])
    below = [
        folder
        for folder in _folders(mailbox.store)
        if folder.name.rpartition("/")[0] == parent.name
    ]
    return _page(call, mailbox, [folder_json(mailbox, folder) for folder in below])


def get_folder(call: Call) -> Reply:
    """One folder by identifier or well-known name."""
    mailbox = open_mailbox(call)
    wanted = _checked(call, FOLDER_PROPERTIES, "MailFolder")
    if call.names["folder"].lower() == ROOT:
        shown = _root(mailbox)
    else:
        shown = folder_json(mailbox, find_folder(mailbox, call.names["folder"]))
    context = call.context(f"users('{mailbox.user_id}')/mailFolders/$entity")
    return Reply(200, {"@odata.context": context, **{name: shown[name] for name in wanted}})


def create_folder(call: Call) -> Reply:
    """A new folder at the root, or below the one in the path."""
    mailbox = open_mailbox(call)
    body = without_annotations(call.json())
    name = body.get("displayName")
    if (
        not isinstance(name, str)
        or not name.strip()
        or not set(body) <= {"displayName", "isHidden"}
    ):
        raise errors.bad_request("Property is not valid.", "ErrorInvalidProperty")
    parent = call.names.get("folder", ROOT)
    above = "" if parent.lower() == ROOT else f"{find_folder(mailbox, parent).name}/"
    # The model separates levels with a slash; a name that has one is kept apart by its look-alike.
    full_name = above + name.replace("/", "\uf8ff")
    if full_name in mailbox.store.folders:
        raise GraphError(
            409,
            "ErrorFolderExists",
            f"A folder with the specified name already exists., Could not create folder '{name}'.",
        )
    shown = folder_json(mailbox, mailbox.store.folder(full_name))
    context = call.context(f"users('{mailbox.user_id}')/mailFolders/$entity")
    return Reply(201, {"@odata.context": context, **shown})


def find_folder(mailbox: CloudMailbox, name: str) -> Folder:
    """The folder of an identifier or a well-known name.

    Raises:
        GraphError: 404.
    """
    if name.lower() == RECOVERABLE:
        return mailbox.recoverable.folder("Deletions")
    if name.lower() in WELL_KNOWN_FOLDERS:
        return mailbox.store.folder(WELL_KNOWN_FOLDERS[name.lower()])
    for folder in _folders(mailbox.store):
        if folder_id(mailbox, folder) == name:
            return folder
    raise errors.item_not_found()


def folder_id(mailbox: CloudMailbox, folder: Folder) -> str:
    """The identifier of a folder: it stays when the folder is renamed."""
    return opaque_id(mailbox, f"folder.{folder.uid_validity}")


def opaque_id(mailbox: CloudMailbox, what: str) -> str:
    """An identifier as the service makes them: long, safe in an address, good for one mailbox only."""
    packed = base64.urlsafe_b64encode(f"{mailbox.exchange_guid}.{what}".encode()).decode()
    return _ID_PREFIX + packed


def opened_id(mailbox: CloudMailbox, identifier: str) -> str:
    """What `opaque_id` packed.

    Raises:
        GraphError: made by nobody, or for another mailbox.
    """
    try:
        packed = identifier.removeprefix(_ID_PREFIX).encode()
        guid, _, what = base64.urlsafe_b64decode(packed).decode().partition(".")
    except ValueError:
        raise errors.bad_request("Id is malformed.", "ErrorInvalidIdMalformed") from None
    if guid != mailbox.exchange_guid:
        raise errors.item_not_found()
    return what


def folder_json(mailbox: CloudMailbox, folder: Folder) -> Json:
    """A folder as the service shows it; counts are of the folder alone."""
    above, _, name = folder.name.rpartition("/")
    parent = folder_id(mailbox, mailbox.store.folder(above)) if above else _root_id(mailbox)
    below = [f for f in mailbox.store.folders if f.rpartition("/")[0] == folder.name]
    unread = sum("\\Seen" not in message.flags for message in folder.messages.values())
    return {
        "id": folder_id(mailbox, folder),
        "displayName": name.replace("\uf8ff", "/"),
        "parentFolderId": parent,
        "childFolderCount": len(below),
        "unreadItemCount": unread,
        "totalItemCount": len(folder.messages),
        "isHidden": False,
    }


def _folders(store: MailStore) -> list[Folder]:
    return sorted(store.folders.values(), key=lambda folder: folder.name.lower())


def _make_folders_above(store: MailStore) -> None:
    """The service has no folder without the one above it; a store may have it in the name only."""
    for name in list(store.folders):
        parts = name.split("/")
        for depth in range(1, len(parts)):
            store.folder("/".join(parts[:depth]))


def _root(mailbox: CloudMailbox) -> Json:
    tops = [folder for folder in _folders(mailbox.store) if "/" not in folder.name]
    return {
        "id": _root_id(mailbox),
        "displayName": "Top of Information Store",
        "parentFolderId": opaque_id(mailbox, "above"),
        "childFolderCount": len(tops),
        "unreadItemCount": 0,
        "totalItemCount": 0,
        "isHidden": False,
    }


def _root_id(mailbox: CloudMailbox) -> str:
    return opaque_id(mailbox, ROOT)


def _search_folder(mailbox: CloudMailbox) -> Json:
    """A folder that holds nothing of its own: the service lists such beside the real ones when asked for all."""
    messages = [message for _, message in mailbox.store.walk()]
    unread = sum("\\Seen" not in message.flags for message in messages)
    return {
        "@odata.type": "#microsoft.graph.mailSearchFolder",
        "id": opaque_id(mailbox, "search.unread"),
        "displayName": "Unread Mail",
        "parentFolderId": _root_id(mailbox),
        "childFolderCount": 0,
        "unreadItemCount": unread,
        "totalItemCount": unread,
        "isHidden": True,
        "isSupported": True,
        "includeNestedFolders": True,
        "sourceFolderIds": [_root_id(mailbox)],
        "filterQuery": "isRead eq false",
    }


def _hidden_wanted(call: Call) -> bool:
    return call.request.query.get("includeHiddenFolders", "false").lower() == "true"


def _checked(call: Call, known: tuple[str, ...], type_name: str) -> list[str]:
    wanted = selected(call.request.query)
    for name in wanted or ():
        if name not in known:
            raise errors.unknown_property(name, type_name, outlook=True)
    return list(known) if wanted is None else wanted


def _page(call: Call, mailbox: CloudMailbox, shown: list[Json]) -> Reply:
    wanted = {"@odata.type", *_checked(call, FOLDER_PROPERTIES, "MailFolder"), "id"}
    query = call.request.query
    top = whole_number(query, "$top", PAGE_DEFAULT, 1000)
    skip = whole_number(query, "$skip", 0, 10**9)
    value = [
        {name: prop for name, prop in folder.items() if name in wanted}
        for folder in shown[skip : skip + top]
    ]
    context = call.context(f"users('{mailbox.user_id}')/mailFolders")
    body: Json = {"@odata.context": context, "value": value}
    if skip + top < len(shown):
        body["@odata.nextLink"] = next_link(
            call.request.root_url, call.request.path, query, skip=str(skip + top)
        )
    return Reply(200, body)


_LIST_OPTIONS = frozenset({"$select", "$top", "$skip", "includeHiddenFolders"})
_SELECT = frozenset({"$select"})
OPERATIONS = (
    Operation("GET", "users/{user}/mailboxSettings", get_settings, SETTINGS_READERS, _SELECT, True),
    Operation("GET", "users/{user}/mailFolders", list_folders, MAIL_LISTERS, _LIST_OPTIONS, True),
    Operation("POST", "users/{user}/mailFolders", create_folder, MAIL_WRITERS, is_outlook=True),
    Operation("GET", "users/{user}/mailFolders/{folder}", get_folder, MAIL_LISTERS, _SELECT, True),
    Operation(
        "GET",
        "users/{user}/mailFolders/{folder}/childFolders",
        list_child_folders,
        MAIL_LISTERS,
        _LIST_OPTIONS,
        True,
    ),
    Operation(
        "POST",
        "users/{user}/mailFolders/{folder}/childFolders",
        create_folder,
        MAIL_WRITERS,
        is_outlook=True,
    ),
)
