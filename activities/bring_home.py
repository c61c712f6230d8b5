"""Move home what the cloud received: appended at the source, seen there, then removed from the cloud."""

import itertools
from collections.abc import Iterator, Mapping
from datetime import datetime

from activities.subject import login_of, note, record_of
from bascule.domain.certificate import unmatched
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.folders import INBOX, Path, home_name
from bascule.domain.mail import MessageFacts
from bascule.domain.records import MailboxRecord
from bascule.domain.requests import HomeFacts, HomeRequest
from bascule.ports.bundle import Ports
from bascule.ports.source_mail import SourceMailbox

# One go stays well under a step's time-out; the story asks again while any are left.
MOVED_COUNT_MAX = 50
# Where mail of a role goes when the source never had such a folder.
FOLDERS_TO_CREATE: Mapping[Path, str] = {
    ("Sent Items",): "Sent",
    ("Deleted Items",): "Trash",
    ("Drafts",): "Drafts",
    ("Junk Email",): "Junk",
}


def bring_home(ports: Ports, request: HomeRequest) -> HomeFacts:
    """Move what reached the cloud since then and has no partner at the source.

    Idempotent: a message that is home already is only removed from the cloud, where the sync brings it back.

    Raises:
        Refusal(MESSAGE_NOT_BROUGHT_HOME): the source took a message and does not show it.
    """
    record = record_of(ports, request.ref)
    with ports.source_mail.open(login_of(ports, record)) as mailbox:
        folders = {folder.name: folder.path for folder in mailbox.folders()}
        at_source = itertools.chain.from_iterable(mailbox.messages(name) for name in folders)
        strangers = unmatched(_received_since(ports, record, request.since_utc), at_source)
        for path, message in strangers[:MOVED_COUNT_MAX]:
            home = home_name(path, folders) or FOLDERS_TO_CREATE.get(path, INBOX)
            _move(ports, record, mailbox, message, home)
    moved_count = min(len(strangers), MOVED_COUNT_MAX)
    if moved_count:
        note(ports, record, "brought home", "", f"{moved_count} messages")
    return HomeFacts(moved_count, len(strangers) - moved_count)


def _received_since(
    ports: Ports, record: MailboxRecord, since_utc: datetime
) -> Iterator[tuple[Path, MessageFacts]]:
    for folder in ports.cloud_mail.folders(record.account_id):
        for message in ports.cloud_mail.messages(record.account_id, folder.folder_id):
            if message.received_utc >= since_utc.replace(microsecond=0):
                yield folder.path, message


def _move(
    ports: Ports, record: MailboxRecord, mailbox: SourceMailbox, message: MessageFacts, home: str
) -> None:
    if not mailbox.holds(home, message):
        raw = ports.cloud_mail.read(record.account_id, message.handle)
        if raw is None:
            return  # its owner deleted it a moment ago
        mailbox.append(home, raw)
        if not mailbox.holds(home, message):
            detail = f"{record.address}: a message appended to {home} is not there"
            raise Refusal(Code.MESSAGE_NOT_BROUGHT_HOME, detail)
    ports.cloud_mail.remove(record.account_id, message.handle)
