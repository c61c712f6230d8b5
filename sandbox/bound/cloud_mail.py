"""The cloud mail port, on the world's tenant. A message's handle is its folder's validity and its UID."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage

from bascule.domain.errors import NotYet
from bascule.domain.mail import CloudFolder, MessageFacts, RawMessage
from sandbox.bound.graph_call import MAILBOX_WAIT_S, REPLICATION_WAIT_S, graph_call
from sandbox.faces.graph_mailbox import MAIL_BODY_READERS, MAIL_LISTERS, MAIL_WRITERS
from sandbox.faces.graph_message_resource import Item
from sandbox.faces.graph_send import MAIL_SENDERS, completed
from sandbox.world.cloud import CloudMailbox
from sandbox.world.directory_errors import DirectoryRefused, Reason
from sandbox.world.mail import Folder
from sandbox.world.world import World

# Graph shows at most this many messages a page; each page is a call.
PAGE_SIZE = 1_000
BEGINNING_UTC = datetime.min.replace(tzinfo=UTC)
# What Graph says of a message's flags.
SHOWN_FLAGS = ("\\Seen", "\\Flagged", "\\Draft")


class WorldCloudMail:
    """Implements `bascule.ports.cloud_mail.CloudMail`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def folders(self, account_id: str) -> tuple[CloudFolder, ...]:
        """Folders with mail in them or below them, by path."""
        with graph_call(self._world, "graph.GET mailFolders", MAIL_LISTERS):
            store = self._open(account_id).store
            full = [name for name, folder in store.folders.items() if folder.messages]
            wanted = {above for name in full for above in _with_all_above(name)}
            found = [store.folder(name) for name in sorted(wanted, key=_path)]
            return tuple(
                CloudFolder(str(folder.uid_validity), _path(folder.name), len(folder.messages))
                for folder in found
            )

    def messages(
        self,
        account_id: str,
        folders: Iterable[CloudFolder],
        since_utc: datetime | None = None,
    ) -> Iterator[tuple[CloudFolder, MessageFacts]]:
        """Page by page; the service counts and throttles what shares a call one by one."""
        for folder in folders:
            for page in self._pages(account_id, folder, since_utc or BEGINNING_UTC):
                yield from ((folder, message) for message in page)

    def read(self, account_id: str, message_handle: str) -> RawMessage | None:
        """The message as MIME with the flags Graph shows."""
        with graph_call(self._world, "graph.GET $value", MAIL_BODY_READERS):
            item = _find(self._open(account_id), message_handle)
            if item is None:
                return None
            flags = tuple(flag for flag in SHOWN_FLAGS if flag in item.message.flags)
            return RawMessage(item.message.raw, flags, item.message.internal_utc)

    def remove(self, account_id: str, message_handle: str) -> None:
        """Past recovery by its owner; gone already is success."""
        with graph_call(self._world, "graph.POST permanentDelete", MAIL_WRITERS):
            item = _find(self._open(account_id), message_handle)
            if item is not None:
                del item.folder.messages[item.message.uid]

    def find_by_subject(self, account_id: str, subject: str) -> tuple[str, ...]:
        """Handles in every folder; upper and lower case are one to the mailbox store."""
        with graph_call(self._world, "graph.GET messages", MAIL_LISTERS):
            mailbox = self._open(account_id)
            items = [
                item
                for folder in mailbox.store.folders.values()
                for item in _oldest_first(mailbox, folder)
                if item.subject().lower() == subject.lower()
            ]
            return tuple(_handle(item) for item in items)

    def send(self, sender: str, recipient: str, subject: str, text: str) -> None:
        """Hand a message to transport; no copy stays."""
        with graph_call(self._world, "graph.POST sendMail", MAIL_SENDERS):
            mailbox = self._open(sender)
            message = EmailMessage()
            message["From"] = mailbox.primary_address
            message["To"] = recipient
            message["Subject"] = subject
            message.set_content(text)
            raw = completed(self._world, mailbox, message.as_bytes())
            self._world.tenant.transport.receive(raw, [recipient], sender=mailbox.primary_address)

    def _open(self, name: str) -> CloudMailbox:
        """The mailbox of an account id or a user principal name."""
        tenant = self._world.tenant
        try:
            user_id = tenant.directory.user(name).user_id
        except DirectoryRefused as no:
            if no.reason is Reason.NOT_FOUND and tenant.directory.truth(name):
                raise NotYet(
                    MAILBOX_WAIT_S, f"the mailbox service does not know {name} yet"
                ) from no
            raise
        mailbox = tenant.mailboxes.of_user(user_id)
        if mailbox is None:
            raise NotYet(MAILBOX_WAIT_S, f"the mailbox of {name} is not open")
        return mailbox

    def _pages(
        self, account_id: str, folder: CloudFolder, since_utc: datetime
    ) -> Iterator[list[MessageFacts]]:
        first_utc = since_utc.replace(microsecond=0)
        listed = set[str]()
        is_more = True
        while is_more:
            with graph_call(self._world, "graph.GET messages", MAIL_LISTERS):
                mailbox = self._open(account_id)
                items = _oldest_first(mailbox, self._folder(mailbox, folder.folder_id))
            found = [facts for facts in map(_facts, items) if facts.received_utc >= first_utc]
            fresh = [facts for facts in found if facts.handle not in listed]
            page, is_more = fresh[:PAGE_SIZE], len(fresh) > PAGE_SIZE
            yield page
            if page:
                first_utc = page[-1].received_utc
                listed |= {facts.handle for facts in page}

    def _folder(self, mailbox: CloudMailbox, folder_id: str) -> Folder:
        for folder in mailbox.store.folders.values():
            if str(folder.uid_validity) == folder_id:
                return folder
        raise NotYet(REPLICATION_WAIT_S, f"{mailbox.primary_address} has no folder {folder_id}")


def _path(name: str) -> tuple[str, ...]:
    return tuple(level.replace("\uf8ff", "/") for level in name.split("/"))


def _with_all_above(name: str) -> list[str]:
    levels = name.split("/")
    return ["/".join(levels[:depth]) for depth in range(1, len(levels) + 1)]


def _oldest_first(mailbox: CloudMailbox, folder: Folder) -> list[Item]:
    items = [Item(mailbox, folder, "", message) for message in folder.messages.values()]
    return sorted(items, key=lambda item: item.message.internal_utc)


def _facts(item: Item) -> MessageFacts:
    # Graph prints times to the second, and no size.
    received_utc = item.message.internal_utc.replace(microsecond=0)
    return MessageFacts(_handle(item), item.message_id(), received_utc, 0)


def _handle(item: Item) -> str:
    return f"{item.folder.uid_validity}.{item.message.uid}"


def _find(mailbox: CloudMailbox, handle: str) -> Item | None:
    validity, _, uid = handle.partition(".")
    for folder in mailbox.store.folders.values():
        if str(folder.uid_validity) == validity and int(uid) in folder.messages:
            return Item(mailbox, folder, "", folder.messages[int(uid)])
    return None
