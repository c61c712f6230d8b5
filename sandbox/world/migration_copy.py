"""Copying one source mailbox into one mailbox of the tenant, message by message.

What has been copied is remembered per item, not per message: an item is a UID under a UIDVALIDITY in a folder, seen by
one login. A UIDVALIDITY that changes, a renamed folder or another login form therefore brings every message again,
unless the weather lets the service recognise it by its Message-ID.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Protocol

from sandbox.world.cloud import CloudMailbox
from sandbox.world.folder_mapping import LEVEL_SEPARATOR, SourceFolderName, is_wanted, map_folders
from sandbox.world.kernel import Kernel
from sandbox.world.mail import Folder, MailStore, StoredMessage, header, with_header
from sandbox.world.migration_states import BatchOptions, Skipped, SourceLogin
from sandbox.world.transport import with_message_id
from sandbox.world.weather import Arrival, Weather

# A bad item stays bad; a large one is tried again at each pass, since the limit may have been raised meanwhile.
BAD_ITEM = "BadItem"
LARGE_ITEM = "LargeItem"

SEEN = "\\Seen"

# The service carries these flags; \Flagged and keywords stay behind.
CARRIED_FLAGS = frozenset({SEEN, "\\Draft", "\\Answered"})


class SourceSilent(Exception):
    """The source does not answer, or broke off: nothing is known about the credentials."""


class OpenMailbox(Protocol):
    """A source mailbox after a successful login."""

    store: MailStore

    def levels(self, folder_name: str) -> list[str]:
        """The parts of a folder's name."""
        ...


class SourceReader(Protocol):
    """The source server, as the service sees it."""

    def login(self, user_name: str, password: str) -> OpenMailbox | None:
        """The mailbox these credentials open; None when they are refused. Raises SourceSilent."""
        ...


@dataclass(frozen=True)
class ItemKey:
    """What makes two items the same for the service."""

    user_name: str
    folder: str
    uid_validity: int
    uid: int


@dataclass(frozen=True)
class _Arrived:
    """Where an item went, and whether it was read when last looked at."""

    folder: str
    uid: int
    was_seen: bool


@dataclass
class CopyMemory:
    """Everything the service remembers of the copies into one mailbox."""

    items: dict[ItemKey, _Arrived | None] = field(default_factory=dict)
    message_ids: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True)
class _Work:
    """One item to copy."""

    key: ItemKey
    target: str


@dataclass
class CopyPass:
    """One pass over a source mailbox: what is new, and how far the copying is."""

    kernel: Kernel
    weather: Weather
    source: OpenMailbox
    target: CloudMailbox
    login: SourceLogin
    options: BatchOptions
    memory: CopyMemory
    message_max_bytes: int
    remote_server: str
    work: deque[_Work] = field(default_factory=deque)
    in_source_count: int = 0
    planned_bytes: int = 0
    copied_count: int = 0
    copied_bytes: int = 0
    skipped: list[Skipped] = field(default_factory=list)

    def look_for_changes(self) -> None:
        """Plan the copies of new items, newest first; carry over read marks and, if so set, deletions."""
        fresh: list[tuple[StoredMessage, _Work]] = []
        for folder, target in self._folders():
            self._create_with_parents(target)
            for message in folder.messages.values():
                self.in_source_count += 1
                key = ItemKey(self.login.user_name, folder.name, folder.uid_validity, message.uid)
                if key in self.memory.items and not self._is_missed(key):
                    self._carry_seen(key, message)
                else:
                    fresh.append((message, _Work(key, target)))
        if self.weather.source_deletions_propagate:
            self._carry_deletions()
        fresh.sort(key=lambda item: item[0].internal_utc, reverse=True)
        room = max(0, self.weather.migration_items_max - len(self.memory.items))
        self.work.extend(work for _, work in fresh[:room])
        self.planned_bytes = sum(len(message.raw) for message, _ in fresh[:room])

    def copy_next(self, count_max: int) -> None:
        """Copy up to so many of the planned items."""
        for _ in range(min(count_max, len(self.work))):
            work = self.work.popleft()
            folder = self.source.store.folders.get(work.key.folder)
            message = folder.messages.get(work.key.uid) if folder else None
            # Deleted at the source since it was planned, or its folder was.
            if folder is None or message is None or folder.uid_validity != work.key.uid_validity:
                continue
            self._copy(work, message)

    def _folders(self) -> Iterator[tuple[Folder, str]]:
        folders = self.source.store.folders
        names = [SourceFolderName(name, tuple(self.source.levels(name))) for name in folders]
        plans = map_folders(names, self.login.root)
        for name, plan in plans.items():
            if is_wanted(plan, self.options.exclude_folders, self.options.include_folders):
                yield folders[name], plan.target

    def _create_with_parents(self, target: str) -> None:
        levels = target.split(LEVEL_SEPARATOR)
        for depth in range(1, len(levels) + 1):
            self.target.store.folder(LEVEL_SEPARATOR.join(levels[:depth]))

    def _copy(self, work: _Work, message: StoredMessage) -> None:
        reason = self._reason_to_skip(message)
        if reason is not None:
            self.skipped.append(_skipped(work, message, *reason))
            if reason[0] == BAD_ITEM:
                self.memory.items[work.key] = None
            return
        if self._is_known_by_message_id(work, message):
            self.memory.items[work.key] = None
            return
        folder = self.target.store.folder(work.target)
        flags = message.flags & CARRIED_FLAGS
        arrived = folder.add(self._rewritten(work, message), flags, self._arrival_utc(message))
        self.memory.items[work.key] = _Arrived(folder.name, arrived.uid, SEEN in flags)
        self.copied_count += 1
        self.copied_bytes += len(message.raw)

    def _arrival_utc(self, message: StoredMessage) -> datetime:
        match self.weather.migration_arrival:
            case Arrival.KEPT:
                return message.internal_utc
            case Arrival.A_SECOND_LATE:
                return message.internal_utc + timedelta(seconds=1)
            case Arrival.TIME_OF_COPY:
                return self.kernel.now_utc()

    def _reason_to_skip(self, message: StoredMessage) -> tuple[str, str] | None:
        size_bytes = len(message.raw)
        if size_bytes > self.message_max_bytes:
            return (
                LARGE_ITEM,
                f"The message size of {size_bytes} bytes exceeds the limit of {self.message_max_bytes} bytes.",
            )
        odds = self.weather.migration_bad_item_probability
        if odds and self.kernel.chance("bad-items").random() < odds:
            return BAD_ITEM, "The message is corrupted and can't be read."
        return None

    def _is_known_by_message_id(self, work: _Work, message: StoredMessage) -> bool:
        message_id = header(message.raw, "Message-ID")
        if not self.weather.duplicates_known_by_message_id or message_id is None:
            return False
        mark = (work.target, message_id)
        is_known = mark in self.memory.message_ids
        self.memory.message_ids.add(mark)
        return is_known

    def _rewritten(self, work: _Work, message: StoredMessage) -> bytes:
        token = f"migrated-{work.key.uid_validity}-{work.key.uid}"
        named = with_message_id(message.raw, token, self.target.exchange_guid)
        hop = f"from {self.remote_server} by migration.prod.outlook.com with IMAP4"
        when = format_datetime(self.kernel.now_utc())
        return with_header(named, "Received", f"{hop}; {when}")

    def _is_missed(self, key: ItemKey) -> bool:
        """Whether the copy is not where it was put, and the service minds."""
        arrived = self.memory.items[key]
        if arrived is None or not self.weather.missed_copies_come_back:
            return False
        folder = self.target.store.folders.get(arrived.folder)
        return folder is None or arrived.uid not in folder.messages

    def _carry_seen(self, key: ItemKey, message: StoredMessage) -> None:
        arrived = self.memory.items[key]
        is_seen = SEEN in message.flags
        if arrived is None or arrived.was_seen == is_seen:
            return
        self.memory.items[key] = replace(arrived, was_seen=is_seen)
        folder = self.target.store.folders.get(arrived.folder)
        copy = folder.messages.get(arrived.uid) if folder else None
        if folder is not None and copy is not None:
            flags = copy.flags | {SEEN} if is_seen else copy.flags - {SEEN}
            folder.messages[arrived.uid] = replace(copy, flags=flags)

    def _carry_deletions(self) -> None:
        for key, arrived in list(self.memory.items.items()):
            folder = self.source.store.folders.get(key.folder)
            if key.user_name != self.login.user_name or folder is None or arrived is None:
                continue
            if folder.uid_validity == key.uid_validity and key.uid not in folder.messages:
                copies = self.target.store.folders.get(arrived.folder)
                if copies is not None:
                    copies.messages.pop(arrived.uid, None)
                self.memory.items[key] = None


def _skipped(work: _Work, message: StoredMessage, kind: str, failure: str) -> Skipped:
    key = work.key
    return Skipped(
        key=f"{key.folder}/{key.uid_validity}/{key.uid}",
        kind=kind,
        folder_name=work.target,
        subject=header(message.raw, "Subject") or "",
        sender=header(message.raw, "From") or "",
        sent_utc=_sent_utc(message),
        size_bytes=len(message.raw),
        failure=failure,
    )


def _sent_utc(message: StoredMessage) -> datetime | None:
    try:
        sent = parsedate_to_datetime(header(message.raw, "Date") or "")
    except ValueError:
        return None
    return sent.replace(tzinfo=UTC) if sent.tzinfo is None else sent.astimezone(UTC)
