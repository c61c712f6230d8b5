"""Cloud mailboxes over Microsoft Graph.

Source: Microsoft Learn, "List mailFolders", "List childFolders", "mailFolder resource type" (well-known names),
"List messages", "Get MIME content of a message", "message: permanentDelete", "user: sendMail".
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from types import MappingProxyType, ModuleType
from typing import Any

from bascule.adapters.graph.client import GraphClient
from bascule.adapters.graph.errors import Failure, GraphMissing, Meaning, domain_error
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Unreachable
from bascule.domain.mail import CloudFolder, MessageFacts, RawMessage

# Outlook shows these in the language of the mailbox; both sides of a comparison use the English name.
WELL_KNOWN_NAMES = MappingProxyType(
    {
        "inbox": "Inbox",
        "sentitems": "Sent Items",
        "deleteditems": "Deleted Items",
        "drafts": "Drafts",
        "junkemail": "Junk Email",
        "archive": "Archive",
    }
)
SEARCH_FOLDER_TYPE = "#microsoft.graph.mailsearchfolder"
# Exchange Online keeps at most ten thousand folders below one: a hundred pages of a hundred, and one more.
FOLDER_PAGE_COUNT_MAX = 101
# Far beyond what people keep; a service that shows folders below themselves would go on for ever.
FOLDER_COUNT_MAX = 50_000
# Exchange Online keeps at most a million items in a folder: a thousand pages of a thousand, and one more.
MESSAGE_PAGE_COUNT_MAX = 1_001

Json = dict[str, Any]
Page = Callable[[str], Json]


@dataclass(frozen=True)
class _Found:
    """A folder on the way down; `path` holds its levels."""

    folder_id: str
    path: tuple[str, ...]
    message_count: int
    child_count: int


class GraphCloudMail:
    """Implements `bascule.ports.cloud_mail.CloudMail`."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    def folders(self, account_id: str) -> tuple[CloudFolder, ...]:
        """Walk down from the top; hidden folders and search folders are left out."""
        names = self._well_known_ids(account_id)
        found = list(self._roots(account_id, names))
        # The list grows under the loop: every level adds the one below it.
        for folder in found:
            if len(found) > FOLDER_COUNT_MAX:
                raise Refusal(
                    Code.REQUEST_REJECTED, f"{account_id} has more than {FOLDER_COUNT_MAX} folders"
                )
            if folder.child_count:
                found += self._children(account_id, folder)
        return _with_mail(found)

    def messages(self, account_id: str, folder_id: str) -> Iterator[MessageFacts]:
        """GET .../messages, a thousand a page; size is not among what Graph says."""
        doing = f"list the messages of a folder of {account_id}"

        def page(link: str) -> Json:
            return self._client.call(
                doing,
                lambda graph: self._calls.folder_messages(graph, account_id, folder_id, link),
            )

        for message in self._all(doing, page, MESSAGE_PAGE_COUNT_MAX):
            received_utc = _utc(message.get("receivedDateTime"))
            if received_utc is None:
                raise Refusal(Code.REQUEST_REJECTED, f"{doing}: one has no time of delivery")
            message_id = str(message.get("internetMessageId") or "")
            yield MessageFacts(str(message["id"]), message_id, received_utc, 0)

    def read(self, account_id: str, message_handle: str) -> RawMessage | None:
        """The MIME content, then its flags in IMAP's words (RFC 9051 2.3.2)."""
        doing = f"read a message of {account_id}"
        try:
            content = self._client.call(
                doing,
                lambda graph: self._calls.message_content(graph, account_id, message_handle),
            )
            marks = self._client.call(
                doing, lambda graph: self._calls.message_marks(graph, account_id, message_handle)
            )
        except GraphMissing as missing:
            if missing.meaning is Meaning.ITEM_MISSING:
                return None
            raise
        if not content or not marks:
            raise Unreachable(f"{doing}: an empty answer")
        return RawMessage(content, _flags(marks), _utc(marks.get("receivedDateTime")))

    def remove(self, account_id: str, message_handle: str) -> None:
        """POST .../permanentDelete; a message that is not there is removed already."""
        try:
            self._client.call(
                f"remove a message of {account_id}",
                lambda graph: self._calls.permanent_delete(graph, account_id, message_handle),
            )
        except GraphMissing as missing:
            # A mailbox that does not answer is no proof that the message is gone.
            if missing.meaning is not Meaning.ITEM_MISSING:
                raise

    def find_by_subject(self, account_id: str, subject: str) -> tuple[str, ...]:
        """GET /users/{id}/messages with a filter: every folder, the bin and the junk folder included."""
        doing = f"look for a probe in the mailbox of {account_id}"

        def page(link: str) -> Json:
            return self._client.call(
                doing,
                lambda graph: self._calls.messages_with_subject(graph, account_id, subject, link),
            )

        return tuple(
            str(message["id"]) for message in self._all(doing, page, MESSAGE_PAGE_COUNT_MAX)
        )

    def send(self, sender: str, recipient: str, subject: str, text: str) -> None:
        """POST /users/{sender}/sendMail."""
        self._client.call(
            f"send mail as {sender}",
            lambda graph: self._calls.send_mail(graph, sender, recipient, subject, text),
        )

    @cached_property
    def _calls(self) -> Any:
        return _mail_calls()

    def _well_known_ids(self, account_id: str) -> dict[str, str]:
        """{folder id: English name}; a mailbox may lack some, an archive folder for one."""
        doing = f"look for the well-known folders of {account_id}"
        answers = self._client.call(
            doing,
            lambda graph: self._calls.well_known(graph, account_id, list(WELL_KNOWN_NAMES)),
        )
        ids: dict[str, str] = {}
        for answer in answers.get("responses") or ():
            folder_id = _inner_id(doing, answer)
            if folder_id:
                ids[folder_id] = WELL_KNOWN_NAMES[str(answer["id"])]
        if "Inbox" not in ids.values():
            raise Unreachable(f"{doing}: no inbox among the answers")
        return ids

    def _roots(self, account_id: str, names: dict[str, str]) -> Iterator[_Found]:
        doing = f"list the folders of {account_id}"

        def page(link: str) -> Json:
            return self._client.call(
                doing, lambda graph: self._calls.root_folders(graph, account_id, link)
            )

        for entry in self._all(doing, page, FOLDER_PAGE_COUNT_MAX):
            if not _is_left_out(entry):
                name = names.get(str(entry["id"]), str(entry.get("displayName")))
                yield _found(entry, (name,))

    def _children(self, account_id: str, parent: _Found) -> Iterator[_Found]:
        doing = f"list the folders of {account_id}"

        def page(link: str) -> Json:
            return self._client.call(
                doing,
                lambda graph: self._calls.child_folders(graph, account_id, parent.folder_id, link),
            )

        for entry in self._all(doing, page, FOLDER_PAGE_COUNT_MAX):
            if not _is_left_out(entry):
                yield _found(entry, (*parent.path, str(entry.get("displayName"))))

    def _all(self, doing: str, page: Page, page_count_max: int) -> Iterator[Json]:
        """Every entry of every page; a list that would be cut short is an error."""
        link, seen = "", set[str]()
        for _ in range(page_count_max):
            answer = page(link)
            if "value" not in answer:
                raise Unreachable(f"{doing}: an answer that is no list")
            yield from answer["value"]
            if not answer.get("@odata.nextLink"):
                return
            link = self._client.checked_link(str(answer["@odata.nextLink"]))
            if link in seen:
                raise Refusal(Code.REQUEST_REJECTED, f"{doing}: the same page came twice")
            seen.add(link)
        raise Refusal(Code.REQUEST_REJECTED, f"{doing}: more than {page_count_max} pages")


def _mail_calls() -> ModuleType:
    from bascule.adapters.graph import mail_calls  # noqa: PLC0415  loads the SDK

    return mail_calls


def _found(entry: Json, path: tuple[str, ...]) -> _Found:
    count, children = entry.get("totalItemCount"), entry.get("childFolderCount")
    return _Found(str(entry["id"]), path, int(count or 0), int(children or 0))


def _is_left_out(entry: Json) -> bool:
    is_search = str(entry.get("@odata.type")).lower() == SEARCH_FOLDER_TYPE
    return is_search or bool(entry.get("isHidden"))


def _with_mail(found: list[_Found]) -> tuple[CloudFolder, ...]:
    """The folders with mail in them or below them, in the order of their paths."""
    wanted = {
        folder.path[:depth]
        for folder in found
        if folder.message_count
        for depth in range(1, len(folder.path) + 1)
    }
    return tuple(
        CloudFolder(folder.folder_id, folder.path, folder.message_count)
        for folder in sorted(found, key=lambda each: each.path)
        if folder.path in wanted
    )


def _inner_id(doing: str, answer: Json) -> str:
    """The folder id in one answer of a batch; empty when there is no such folder."""
    body = answer.get("body") or {}
    status = int(answer.get("status") or 0)
    if status == 200:
        return str(body.get("id") or "")
    error = body.get("error") or {}
    failure = Failure(
        status=status,
        code=str(error.get("code") or ""),
        message=str(error.get("message") or ""),
        headers=answer.get("headers") or {},
    )
    wrong = domain_error(doing, failure, fallback=Code.REQUEST_REJECTED)
    if isinstance(wrong, GraphMissing) and wrong.meaning is Meaning.ITEM_MISSING:
        return ""
    raise wrong


def _flags(marks: Json) -> tuple[str, ...]:
    is_flagged = (marks.get("flag") or {}).get("flagStatus") == "flagged"
    named = (
        ("\\Seen", marks.get("isRead")),
        ("\\Flagged", is_flagged),
        ("\\Draft", marks.get("isDraft")),
    )
    return tuple(flag for flag, is_set in named if is_set)


def _utc(text: str | None) -> datetime | None:
    """An instant as Graph writes it: ISO 8601, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
