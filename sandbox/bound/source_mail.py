"""The source mail port, on the world's source."""

from collections.abc import Iterator
from contextlib import contextmanager

from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.mail import FolderMark, Login, Marks, MessageFacts, RawMessage, SourceFolder
from sandbox.bound.misfortune import may_not_arrive, reply_may_be_lost
from sandbox.faces.imap_wire import crlf
from sandbox.world.mail import Folder, StoredMessage, header
from sandbox.world.source import INBOX, SourceMailbox
from sandbox.world.world import World

WHAT = "source IMAP"


class WorldSourceMail:
    """The source's IMAP server without the protocol."""

    def __init__(self, world: World) -> None:
        self._world = world

    @contextmanager
    def open(self, login: Login) -> Iterator["WorldSourceMailbox"]:
        """Log in; log out at the end."""
        with self._world.kernel.look():
            may_not_arrive(self._world, WHAT)
            mailbox = self._world.source.login(login.user_name, login.password)
            if mailbox is None:
                raise Refusal(
                    Code.SOURCE_LOGIN_REFUSED,
                    f"the source does not take the password of {login.user_name}",
                )
            self._world.calls["imap_sessions"] += 1
        yield WorldSourceMailbox(self._world, mailbox)


class WorldSourceMailbox:
    """One opened mailbox."""

    def __init__(self, world: World, mailbox: SourceMailbox) -> None:
        self._world = world
        self._mailbox = mailbox

    def folders(self) -> tuple[SourceFolder, ...]:
        """Every folder with its count and size."""
        with self._world.kernel.look():
            return tuple(
                SourceFolder(
                    folder.name,
                    tuple(self._mailbox.levels(folder.name)),
                    len(folder.messages),
                    sum(len(crlf(message.raw)) for message in folder.messages.values()),
                )
                for folder in self._readable()
            )

    def large_message_count(self, folder: str, limit_bytes: int) -> int:
        """How many messages of a folder are larger than `limit_bytes`, as IMAP measures them."""
        with self._world.kernel.look():
            held = self._folder(folder).messages.values()
            return sum(len(crlf(message.raw)) > limit_bytes for message in held)

    def marks(self) -> Marks:
        """UIDVALIDITY and UIDNEXT of every folder, by name."""
        with self._world.kernel.look():
            return {f.name: FolderMark(f.uid_validity, f.uid_next) for f in self._readable()}

    def messages(self, folder: str) -> Iterator[MessageFacts]:
        """Every message of a folder as it stands now, in UID order."""
        with self._world.kernel.look():
            held = list(self._folder(folder).messages.values())
        return (_facts(message) for message in held)

    def holds(self, folder: str, message: MessageFacts) -> bool:
        """Whether the folder has a message with this Message-ID that arrived in the same second."""
        with self._world.kernel.look():
            if folder not in self._mailbox.store.folders:
                return False
            held = self._folder(folder).messages.values()
            return any(_facts(each).is_same_as(message) for each in held)

    def append(self, folder: str, message: RawMessage) -> bool:
        """Put a message into a folder, which is created when it is not there; once."""
        with self._world.kernel.look():
            when_utc = message.received_utc or self._world.kernel.now_utc()
            target = self._mailbox.store.folder(folder)
            if not any(_is_copy(held, message) for held in target.messages.values()):
                target.add(message.content, frozenset(message.flags), when_utc)
            reply_may_be_lost(self._world, WHAT)
            return True

    def remove_by_subject(self, subject: str) -> int:
        """Delete the messages of INBOX with exactly this subject."""
        with self._world.kernel.look():
            inbox = self._folder(INBOX)
            hits = [u for u, m in inbox.messages.items() if header(m.raw, "Subject") == subject]
            for uid in hits:
                del inbox.messages[uid]
            return len(hits)

    def _readable(self) -> list[Folder]:
        return [self._folder(name) for name in sorted(self._mailbox.store.folders)]

    def _folder(self, name: str) -> Folder:
        found = self._mailbox.store.folders.get(name)
        if found is None or name in self._mailbox.unreadable:
            raise Refusal(
                Code.SOURCE_FOLDER_UNREADABLE,
                f"{self._mailbox.address}: the source does not open the folder {name}",
            )
        return found


def _is_copy(held: StoredMessage, message: RawMessage) -> bool:
    wanted_utc = message.received_utc
    return (
        wanted_utc is not None
        and int(held.internal_utc.timestamp()) == int(wanted_utc.timestamp())
        and crlf(held.raw) == crlf(message.content)
    )


def _facts(message: StoredMessage) -> MessageFacts:
    return MessageFacts(
        handle=str(message.uid),
        message_id=header(message.raw, "Message-ID") or "",
        received_utc=message.internal_utc,
        size_bytes=len(crlf(message.raw)),
    )
