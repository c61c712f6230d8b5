"""What is read of mailboxes several at a time, as URLs after Graph's version.

Source: Microsoft Learn, "List mailFolders", "List childFolders", "List messages" with "Using filter and orderby in the
same query"; OData 4.01 part 2, 5.1 (filters).
"""

from datetime import datetime
from urllib.parse import quote

# "Use query parameters": messages come at most a thousand a page.
MESSAGE_PAGE_SIZE = 1_000
FOLDER_PAGE_SIZE = 100
FOLDER_PROPERTIES = "id,displayName,parentFolderId,childFolderCount,totalItemCount,isHidden"
MESSAGE_PROPERTIES = "id,internetMessageId,receivedDateTime"


def folder_id_url(account_id: str, well_known_name: str) -> str:
    """Which folder has a well-known name, such as `inbox`."""
    return f"{_folders(account_id)}/{well_known_name}?$select=id"


def top_folders_url(account_id: str) -> str:
    """The folders at the top; hidden ones are left out by the service."""
    return f"{_folders(account_id)}?{_folder_query()}"


def child_folders_url(account_id: str, folder_id: str) -> str:
    """The folders right below one."""
    return f"{_folders(account_id)}/{quote(folder_id, safe='')}/childFolders?{_folder_query()}"


def messages_url(account_id: str, folder_id: str, since_utc: datetime | None) -> str:
    """What identifies the messages of a folder, oldest first; only those delivered since then, to the second."""
    url = (
        f"{_folders(account_id)}/{quote(folder_id, safe='')}/messages"
        f"?$select={MESSAGE_PROPERTIES}&$top={MESSAGE_PAGE_SIZE}&$orderby=receivedDateTime"
    )
    if since_utc is None:
        return url
    condition = f"receivedDateTime ge {since_utc:%Y-%m-%dT%H:%M:%SZ}"
    return f"{url}&$filter={quote(condition)}"


def _folders(account_id: str) -> str:
    return f"/users/{quote(account_id, safe='')}/mailFolders"


def _folder_query() -> str:
    return f"$select={FOLDER_PROPERTIES}&$top={FOLDER_PAGE_SIZE}"
