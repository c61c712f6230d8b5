"""The real mailboxes as the world knows mailboxes: filled, read and copied over IMAP with verified TLS."""

import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import LoginError

from sandbox.servers.dovecot import MASTER_SEPARATOR, MASTER_USER, Dovecot
from sandbox.servers.machine import LOOPBACK
from sandbox.world.mail import Folder, MailStore, StoredMessage
from sandbox.world.migration_copy import SourceSilent
from sandbox.world.source import SourceMailbox

SEPARATOR = "/"
RECENT = "\\Recent"
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5.0, 60.0
# One answer holds so many bodies; mailboxes of a rehearsal are small.
FETCH_COUNT = 200

# (user, folder, UIDVALIDITY, UID): what a body belongs to for as long as the server keeps its word.
_BodyKey = tuple[str, str, int, int]
# What stays the same for as long as nothing in a folder changes, flags included. Source: RFC 7162 3.1.7, HIGHESTMODSEQ.
MARKS = ("UIDVALIDITY", "UIDNEXT", "MESSAGES", "HIGHESTMODSEQ")


@dataclass
class DovecotMailbox:
    """What was in a mailbox when somebody logged in."""

    store: MailStore = field(default_factory=MailStore)

    def levels(self, folder_name: str) -> list[str]:
        """The parts of a folder's name."""
        return folder_name.split(SEPARATOR)


class DovecotMail:
    """Every mailbox of one Dovecot. What has not changed is not read again: the world stands still meanwhile."""

    def __init__(self, dovecot: Dovecot) -> None:
        self._dovecot = dovecot
        self._tls: ssl.SSLContext | None = None
        self._bodies: dict[_BodyKey, bytes] = {}
        self._folders: dict[tuple[str, str], tuple[Mapping[bytes, int], Folder]] = {}
        self._lock = threading.Lock()
        self._logins: Counter[str] = Counter()
        self._acts: dict[tuple[str, int], Callable[[], None]] = {}

    def before_login(self, user_name: str, number: int, act: Callable[[], None]) -> None:
        """Let something happen just before the service signs in to a mailbox for the `number`th time, from 1."""
        self._acts[user_name, number] = act

    def login(self, user_name: str, password: str) -> DovecotMailbox | None:
        """The mailbox that these credentials open; None when Dovecot refuses them.

        Raises:
            SourceSilent: nobody answers, or the conversation broke off.
        """
        self._logins[user_name] += 1
        self._acts.pop((user_name, self._logins[user_name]), _nothing)()
        try:
            with self._session(user_name, password) as client:
                return DovecotMailbox(self._snapshot(user_name, client))
        except LoginError:
            return None
        except (OSError, IMAPClient.AbortError) as silence:
            raise SourceSilent(f"{user_name}: {silence}") from silence

    def read(self, user_name: str) -> MailStore:
        """Everything in a mailbox, by the master user. Raises OSError when Dovecot does not answer."""
        with self.as_owner(user_name) as client:
            return self._snapshot(user_name, client)

    @contextmanager
    def as_owner(self, user_name: str) -> Iterator[IMAPClient]:
        """A session in somebody's mailbox, by the master user: to do what its owner's mail program does."""
        name = f"{user_name}{MASTER_SEPARATOR}{MASTER_USER}"
        with self._session(name, self._dovecot.master_password) as client:
            yield client

    def fill(self, box: SourceMailbox) -> None:
        """Put the mail of a simulated mailbox into the real one, flags and times with it."""
        with self.as_owner(box.user_name) as client:
            there = {name for _, _, name in client.list_folders()}
            for folder in box.store.folders.values():
                name = real_name(box, folder.name)
                if name not in there:
                    client.create_folder(name)
                    client.subscribe_folder(name)
                for message in folder.messages.values():
                    flags = tuple(message.flags)
                    client.append(name, message.raw, flags, message.internal_utc)

    @contextmanager
    def _session(self, user_name: str, password: str) -> Iterator[IMAPClient]:
        client = IMAPClient(
            LOOPBACK,
            self._dovecot.imaps_port,
            ssl_context=self._verified(),
            timeout=SocketTimeout(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
        )
        client.normalise_times = False
        try:
            client.plain_login(user_name, password)
            yield client
        finally:
            with suppress(OSError, IMAPClient.Error):
                client.logout()

    def _verified(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=str(self._dovecot.ca_file))
        return self._tls

    def _snapshot(self, user_name: str, client: IMAPClient) -> MailStore:
        owner = user_name.partition(MASTER_SEPARATOR)[0]
        store = MailStore()
        for flags, _, name in client.list_folders():
            if b"\\Noselect" not in flags:
                store.folders[name] = self._seen(owner, client, name)
        return store

    def _seen(self, owner: str, client: IMAPClient, name: str) -> Folder:
        marks = client.folder_status(name, MARKS)
        with self._lock:
            before, known = self._folders.get((owner, name), ({}, None))
        if known is not None and marks == before:
            return known
        # Marks of before the reading: what comes in between is read again the next time.
        folder = self._folder(owner, client, name)
        with self._lock:
            self._folders[owner, name] = (marks, folder)
        return folder

    def _folder(self, owner: str, client: IMAPClient, name: str) -> Folder:
        opened = client.select_folder(name, readonly=True)
        folder = Folder(name, opened[b"UIDVALIDITY"], opened.get(b"UIDNEXT", 1))
        facts = client.fetch("1:*", ("FLAGS", "INTERNALDATE")) if opened[b"EXISTS"] else {}
        bodies = self._fetched(owner, client, folder, sorted(facts))
        for uid in sorted(facts):
            if uid in bodies:
                flags = frozenset(flag.decode() for flag in facts[uid][b"FLAGS"]) - {RECENT}
                arrived_utc = _utc(facts[uid][b"INTERNALDATE"])
                folder.messages[uid] = StoredMessage(uid, bodies[uid], flags, arrived_utc)
        return folder

    def _fetched(
        self, owner: str, client: IMAPClient, folder: Folder, uids: list[int]
    ) -> dict[int, bytes]:
        keys = {uid: (owner, folder.name, folder.uid_validity, uid) for uid in uids}
        with self._lock:
            known = {uid: self._bodies[key] for uid, key in keys.items() if key in self._bodies}
        wanted = [uid for uid in uids if uid not in known]
        for first in range(0, len(wanted), FETCH_COUNT):
            answer = client.fetch(wanted[first : first + FETCH_COUNT], ("BODY.PEEK[]",))
            known |= {uid: fetched[b"BODY[]"] for uid, fetched in answer.items()}
        with self._lock:
            self._bodies |= {keys[uid]: body for uid, body in known.items()}
        return known


def real_name(box: SourceMailbox, folder_name: str) -> str:
    """How Dovecot spells a folder of a simulated mailbox, whatever separates levels there."""
    return SEPARATOR.join(box.levels(folder_name))


def _nothing() -> None:
    """What happens before an ordinary login."""


def _utc(when: datetime) -> datetime:
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
