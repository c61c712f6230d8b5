"""One opened mailbox. Reading uses EXAMINE and BODY.PEEK only, which leave every flag as it is. Source: RFC 9051."""

import re
from collections.abc import Iterator
from datetime import timedelta

from imapclient import IMAPClient

from bascule.adapters.imap.errors import NO_SUCH_FOLDER, imap_errors, response_code
from bascule.adapters.imap.message_facts import (
    FACTS,
    SUBJECT,
    Fetched,
    facts_from,
    subject_text,
)
from bascule.domain.codes import Code
from bascule.domain.mail import FolderMark, Marks, MessageFacts, RawMessage, SourceFolder

INBOX = "INBOX"
# A folder of half a million messages is a thousand round trips, and each answer stays below a megabyte.
FETCH_COUNT_MAX = 500
# A probe's subject, or a Message-ID, is in a handful of messages; the first ones found are enough to tell.
SEARCH_COUNT_MAX = 500
ONE_DAY = timedelta(days=1)
NOT_SELECTABLE = frozenset({b"\\NOSELECT", b"\\NONEXISTENT"})

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
# A flag is an atom; what is none would break the command. Source: RFC 9051, formal syntax of `flag`.
_FLAG = re.compile(r"\\?[A-Za-z0-9$!#&'+,./:;<=>?@^_`|~-]+")
_RECENT = "\\recent"


class ImapMailbox:
    """The source mailbox's contract on one logged-in connection."""

    def __init__(self, client: IMAPClient) -> None:
        self._client = client
        self._opened_count = 0

    def folders(self) -> tuple[SourceFolder, ...]:
        """Every selectable folder with its count and size."""
        return tuple(self._sized(name, path) for name, path in self._listed().items())

    def large_message_count(self, folder: str, limit_bytes: int) -> int:
        """How many messages are larger, counted by the server."""
        with imap_errors(f"measuring {folder}"):
            self._opened(folder)
            return len(self._client.search(["LARGER", limit_bytes]))

    def marks(self) -> Marks:
        """UIDVALIDITY and UIDNEXT of every selectable folder."""
        return {name: self._mark(name) for name in self._listed()}

    def messages(self, folder: str) -> Iterator[MessageFacts]:
        """Every message that is there when the folder is opened, in UID order."""
        with imap_errors(f"reading {folder}"):
            for fetched in self._fetched(folder, FACTS):
                facts = facts_from(fetched)
                if facts is not None:
                    yield facts

    def holds(self, folder: str, message: MessageFacts) -> bool:
        """Whether the folder has a message with this Message-ID that arrived in the same second."""
        message_id = message.message_id
        if not message_id or folder not in self._listed():
            return False
        with imap_errors(f"looking into {folder}"):
            self._opened(folder)
            criteria = ["HEADER", "MESSAGE-ID", _searchable(message_id)]
            uids = self._client.search(criteria, _charset(message_id))[:SEARCH_COUNT_MAX]
            # The server looks for parts, and in any letters; the same id is the same id.
            found = self._client.fetch(uids, FACTS) if uids else {}
            facts = (facts_from({**fetched, b"UID": uid}) for uid, fetched in found.items())
            return any(held is not None and held.is_same_as(message) for held in facts)

    def append(self, folder: str, message: RawMessage) -> bool:
        """Put a message into a folder with its flags and its time of delivery, once; whether it is seen there then."""
        with imap_errors(f"writing to {folder}", Code.MESSAGE_NOT_BROUGHT_HOME):
            first_new = 1
            if folder in self._listed():
                first_new = self._mark(folder).uid_next
                if self._has_copy(folder, message):
                    return True
            self._put(folder, message)
            return self._has_new(folder, first_new, message)

    def remove_by_subject(self, subject: str) -> int:
        """Delete messages of INBOX with exactly this subject, and nothing else that waits for deletion."""
        with imap_errors(f"removing probes from {INBOX}"):
            self._opened(INBOX, readonly=False)
            uids = self._with_subject(subject)
            if uids:
                self._client.delete_messages(uids, silent=True)
                self._expunge(uids)
            return len(uids)

    def _has_copy(self, folder: str, message: RawMessage) -> bool:
        """Whether a message of this content arrived in the same second."""
        if message.received_utc is None:
            return False
        content = _with_line_ends(message.content)
        self._opened(folder)
        # A server's days are those of its own time zone; the size leaves hardly any but the message itself.
        day = message.received_utc.date()
        around = ["SINCE", day - ONE_DAY, "BEFORE", day + 2 * ONE_DAY]
        exactly = ["LARGER", len(content) - 1, "SMALLER", len(content) + 1]
        uids = self._arrived_with(message, self._client.search([*around, *exactly]))
        return any(_with_line_ends(self._content(uid)) == content for uid in uids)

    def _has_new(self, folder: str, first_new: int, message: RawMessage) -> bool:
        """Whether a message that arrived when this one did has one of the UIDs given since."""
        self._opened(folder)
        # The last message is named whatever its UID. Source: RFC 9051, formal syntax of `seq-range`.
        uids = [uid for uid in self._client.search(["UID", f"{first_new}:*"]) if uid >= first_new]
        return bool(self._arrived_with(message, uids))

    def _arrived_with(self, message: RawMessage, uids: list[int]) -> list[int]:
        """Those that arrived in the same second; all of them where the message does not say when."""
        some = uids[:SEARCH_COUNT_MAX]
        found = self._client.fetch(some, FACTS) if some else {}
        facts = (facts_from({**fetched, b"UID": uid}) for uid, fetched in found.items())
        received_utc = message.received_utc
        return [
            int(held.handle)
            for held in facts
            if held is not None
            and (received_utc is None or held.arrival_s == int(received_utc.timestamp()))
        ]

    def _content(self, uid: int) -> bytes:
        """The whole message; nothing when it is gone meanwhile."""
        fetched = self._client.fetch([uid], ["BODY.PEEK[]"]).get(uid, {})
        return bytes(fetched.get(b"BODY[]") or b"")

    def _put(self, folder: str, message: RawMessage) -> None:
        flags = [
            flag for flag in message.flags if _FLAG.fullmatch(flag) and flag.lower() != _RECENT
        ]
        try:
            self._client.append(folder, message.content, flags, message.received_utc)
        except IMAPClient.Error as error:
            if response_code(error) not in NO_SUCH_FOLDER and folder in self._listed():
                raise
            self._create(folder)
            self._client.append(folder, message.content, flags, message.received_utc)

    def _listed(self) -> dict[str, tuple[str, ...]]:
        with imap_errors("listing folders"):
            return {
                _name(name): _path(_name(name), delimiter)
                for flags, delimiter, name in self._client.list_folders()
                if not NOT_SELECTABLE & {flag.upper() for flag in flags}
            }

    def _sized(self, name: str, path: tuple[str, ...]) -> SourceFolder:
        with imap_errors(f"measuring {name}"):
            # Source: RFC 8438; without it the sizes are added up here.
            if self._client.has_capability("STATUS=SIZE"):
                status = self._client.folder_status(name, ("MESSAGES", "SIZE"))
                return SourceFolder(name, path, status[b"MESSAGES"], status[b"SIZE"])
            message_count = size_bytes = 0
            for fetched in self._fetched(name, ("UID", "RFC822.SIZE")):
                message_count += 1
                size_bytes += int(fetched.get(b"RFC822.SIZE", 0))
            return SourceFolder(name, path, message_count, size_bytes)

    def _mark(self, name: str) -> FolderMark:
        with imap_errors(f"looking at {name}"):
            status = self._client.folder_status(name, ("UIDVALIDITY", "UIDNEXT"))
            return FolderMark(status[b"UIDVALIDITY"], status[b"UIDNEXT"])

    def _fetched(self, folder: str, items: tuple[str, ...]) -> Iterator[Fetched]:
        # By sequence number: a list of all UIDs would be one line of megabytes, which the library refuses. While only
        # FETCH is used the numbers do not move (RFC 9051 7.5.1), and their order is the order of the UIDs.
        message_count = self._opened(folder)
        opened_count = self._opened_count
        for first in range(1, message_count + 1, FETCH_COUNT_MAX):
            if self._opened_count != opened_count:
                raise RuntimeError("another folder was opened while this one was being read")
            last = min(first + FETCH_COUNT_MAX - 1, message_count)
            self._client.use_uid = False
            try:
                answer = self._client.fetch(f"{first}:{last}", items)
            finally:
                self._client.use_uid = True
            yield from (answer[number] for number in sorted(answer) if first <= number <= last)

    def _opened(self, folder: str, *, readonly: bool = True) -> int:
        """Open a folder; how many messages it has."""
        self._opened_count += 1
        return int(self._client.select_folder(folder, readonly=readonly)[b"EXISTS"])

    def _create(self, folder: str) -> None:
        self._client.create_folder(folder)
        # Most mail programs show subscribed folders only.
        self._client.subscribe_folder(folder)

    def _with_subject(self, subject: str) -> list[int]:
        criteria = ["SUBJECT", _searchable(subject), "NOT", "DELETED"]
        uids = self._client.search(criteria, _charset(subject))[:SEARCH_COUNT_MAX]
        found = self._client.fetch(uids, SUBJECT) if uids else {}
        return [uid for uid, fetched in found.items() if subject_text(fetched) == subject]

    def _expunge(self, uids: list[int]) -> None:
        if self._client.has_capability("UIDPLUS"):
            self._client.uid_expunge(uids)
        elif set(self._client.search(["DELETED"])) <= set(uids):
            # Without UIDPLUS everything marked goes; mail that its owner has only marked is not ours to remove.
            self._client.expunge()


def _name(name: str) -> str:
    # INBOX is one folder in any letters. Source: RFC 9051 5.1.
    return INBOX if name.upper() == INBOX else name


def _path(name: str, delimiter: bytes | None) -> tuple[str, ...]:
    levels = name.split(delimiter.decode()) if delimiter else [name]
    first = INBOX if levels[0].upper() == INBOX else levels[0]
    return (first, *levels[1:])


def _with_line_ends(content: bytes) -> bytes:
    # Servers count and show line ends as CRLF, whatever was written. Source: RFC 9051 2.3.4.
    return content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _searchable(text: str) -> str:
    # A line break would end the command; the longest piece without one finds the message as well.
    return max(_CONTROL.split(text), key=len)


def _charset(text: str) -> str | None:
    return None if text.isascii() else "UTF-8"
