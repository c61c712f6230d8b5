"""Cloud mailboxes over Microsoft Graph.

Source: Microsoft Learn, "List mailFolders", "List childFolders", "mailFolder resource type" (well-known names),
"List messages", "Get MIME content of a message", "message: permanentDelete", "user: sendMail".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from types import MappingProxyType, ModuleType
from typing import Any

from bascule.adapters.graph.batching import BATCH_COUNT_MAX, read_together
from bascule.adapters.graph.client import GraphClient
from bascule.adapters.graph.errors import GraphMissing, Meaning
from bascule.adapters.graph.mail_urls import (
    MESSAGE_PAGE_SIZE,
    child_folders_url,
    folder_id_url,
    messages_url,
    top_folders_url,
)
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
# Exchange Online keeps at most a million items in a folder: a thousand pages of a thousand, and a tenth more, because each
# repeats the last second of the one before.
MESSAGE_PAGE_COUNT_MAX = 1_100
# About two megabytes of JSON; twenty full pages at once would be eight, and more than their share of memory.
MESSAGES_PER_CALL_MAX = 5_000
NEXT_LINK = "@odata.nextLink"
# Under which key the list of the top folders is asked for, beside the well-known names.
TOP = "top"

Json = dict[str, Any]


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
        """Level by level from the top, twenty folders a call; hidden folders and search folders are left out."""
        found = level = self._top(account_id)
        while level:
            level = self._below(account_id, [each for each in level if each.child_count])
            found = [*found, *level]
            if len(found) > FOLDER_COUNT_MAX:
                raise Refusal(
                    Code.REQUEST_REJECTED, f"{account_id} has more than {FOLDER_COUNT_MAX} folders"
                )
        return _with_mail(found)

    def messages(
        self,
        account_id: str,
        folders: Iterable[CloudFolder],
        since_utc: datetime | None = None,
    ) -> Iterator[tuple[CloudFolder, MessageFacts]]:
        """GET .../messages, a thousand a page, the first pages of folders in one call; size is not shown.

        Not the list of the whole mailbox: that one is known to end early in large mailboxes.
        """
        doing = f"list the messages of {account_id}"
        for some in _in_one_call(folders):
            urls = {
                str(index): messages_url(account_id, folder.folder_id, since_utc)
                for index, folder in enumerate(some)
            }
            first_pages = read_together(self._client, doing, urls)
            for index, folder in enumerate(some):
                listed = self._oldest_first(
                    doing, account_id, folder.folder_id, first_pages[str(index)]
                )
                yield from ((folder, message) for message in listed)

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
        first = self._client.call(
            doing, lambda graph: self._calls.messages_with_subject(graph, account_id, subject)
        )
        return tuple(
            str(message["id"]) for message in self._all(doing, first, MESSAGE_PAGE_COUNT_MAX)
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

    def _top(self, account_id: str) -> list[_Found]:
        """The folders at the top, the well-known ones under their English names."""
        doing = f"list the folders of {account_id}"
        urls = {name: folder_id_url(account_id, name) for name in WELL_KNOWN_NAMES}
        answers = read_together(
            self._client, doing, {TOP: top_folders_url(account_id), **urls}, may_miss=True
        )
        # A mailbox may lack some of them, an archive folder for one; it always has an inbox.
        if "inbox" not in answers or TOP not in answers:
            raise Unreachable(f"{doing}: no inbox among the answers")
        names = {
            str(answers[name]["id"]): WELL_KNOWN_NAMES[name] for name in urls if name in answers
        }
        return [
            _found(entry, (names.get(str(entry["id"]), str(entry.get("displayName"))),))
            for entry in self._all(doing, answers[TOP], FOLDER_PAGE_COUNT_MAX)
            if not _is_left_out(entry)
        ]

    def _below(self, account_id: str, parents: list[_Found]) -> list[_Found]:
        """The folders right below these."""
        doing = f"list the folders of {account_id}"
        urls = {
            str(index): child_folders_url(account_id, parent.folder_id)
            for index, parent in enumerate(parents)
        }
        answers = read_together(self._client, doing, urls)
        return [
            _found(entry, (*parent.path, str(entry.get("displayName"))))
            for index, parent in enumerate(parents)
            for entry in self._all(doing, answers[str(index)], FOLDER_PAGE_COUNT_MAX)
            if not _is_left_out(entry)
        ]

    def _oldest_first(
        self, doing: str, account_id: str, folder_id: str, page: Json
    ) -> Iterator[MessageFacts]:
        """Every message of a folder once, this page's first.

        A further page begins in the second in which the last one ended. Graph's own links count messages instead: one
        that arrives or leaves meanwhile moves all behind it, and what stands at the edge of a page comes twice or never.
        """
        edge, followed = _Edge(), set[str]()
        begun_s: int | None = None
        for _ in range(MESSAGE_PAGE_COUNT_MAX):
            yield from edge.beyond(doing, [_facts(doing, each) for each in _entries(doing, page)])
            if not page.get(NEXT_LINK):
                return
            if edge.arrival_s is None or edge.arrival_s == begun_s:
                # A page of one second, or of nothing: there is no other way on.
                page = self._linked(doing, page, followed)
                continue
            begun_s = edge.arrival_s
            url = messages_url(account_id, folder_id, datetime.fromtimestamp(begun_s, UTC))
            page = self._client.call(doing, partial(self._calls.page_at, url=url))
        raise _too_many_pages(doing, MESSAGE_PAGE_COUNT_MAX)

    def _all(self, doing: str, page: Json, page_count_max: int) -> Iterator[Json]:
        """Every entry of this page and of those after it, once; a list that would be cut short is an error."""
        followed, seen = set[str](), set[str]()
        for _ in range(page_count_max):
            for entry in _entries(doing, page):
                # What appears meanwhile moves the others on to the next page.
                if str(entry["id"]) not in seen:
                    seen.add(str(entry["id"]))
                    yield entry
            if not page.get(NEXT_LINK):
                return
            page = self._linked(doing, page, followed)
        raise _too_many_pages(doing, page_count_max)

    def _linked(self, doing: str, page: Json, followed: set[str]) -> Json:
        """The page that this one links to."""
        link = self._client.checked_link(str(page[NEXT_LINK]))
        if link in followed:
            raise Refusal(Code.REQUEST_REJECTED, f"{doing}: the same page came twice")
        followed.add(link)
        linked: Json = self._client.call(doing, lambda graph: self._calls.next_page(graph, link))
        return linked


class _Edge:
    """How far a list that is read from its oldest message on has come; holds the handles of its last second."""

    def __init__(self) -> None:
        self.arrival_s: int | None = None
        self._handles: set[str] = set()

    def beyond(self, doing: str, page: list[MessageFacts]) -> Iterator[MessageFacts]:
        """The messages of a page that were not listed before.

        Raises:
            Refusal(REQUEST_REJECTED): out of order; read on from its end, the list would lack some.
        """
        for message in page:
            if self.arrival_s is not None and message.arrival_s < self.arrival_s:
                raise Refusal(Code.REQUEST_REJECTED, f"{doing}: not in the order of their arrival")
            if message.arrival_s != self.arrival_s:
                self.arrival_s, self._handles = message.arrival_s, set()
            if message.handle not in self._handles:
                self._handles.add(message.handle)
                yield message


def _mail_calls() -> ModuleType:
    from bascule.adapters.graph import mail_calls  # noqa: PLC0415  loads the SDK

    return mail_calls


def _entries(doing: str, page: Json) -> list[Json]:
    if "value" not in page:
        raise Unreachable(f"{doing}: an answer that is no list")
    entries: list[Json] = page["value"]
    return entries


def _too_many_pages(doing: str, page_count_max: int) -> Refusal:
    return Refusal(Code.REQUEST_REJECTED, f"{doing}: more than {page_count_max} pages")


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


def _in_one_call(folders: Iterable[CloudFolder]) -> Iterator[list[CloudFolder]]:
    """As many folders as one call can list."""
    some: list[CloudFolder] = []
    count = 0
    for folder in folders:
        on_page = min(folder.message_count, MESSAGE_PAGE_SIZE)
        if some and (len(some) == BATCH_COUNT_MAX or count + on_page > MESSAGES_PER_CALL_MAX):
            yield some
            some, count = [], 0
        some.append(folder)
        count += on_page
    if some:
        yield some


def _facts(doing: str, message: Json) -> MessageFacts:
    received_utc = _utc(message.get("receivedDateTime"))
    if received_utc is None:
        raise Refusal(Code.REQUEST_REJECTED, f"{doing}: one has no time of delivery")
    message_id = str(message.get("internetMessageId") or "")
    return MessageFacts(str(message["id"]), message_id, received_utc, 0)


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
