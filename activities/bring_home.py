"""Move home what the cloud received: appended at the source, seen there, then removed from the cloud."""

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from activities.subject import login_of, note, record_of
from bascule.domain.codec import decode, encode
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.folders import INBOX, Path, home_name
from bascule.domain.mail import MessageFacts
from bascule.domain.partners import Partners, Placed
from bascule.domain.records import MailboxRecord
from bascule.domain.requests import HomeFacts, HomeRequest
from bascule.ports.bundle import Ports
from bascule.ports.source_mail import SourceMailbox

# Written down together before the first of them is moved.
MOVED_COUNT_MAX = 50
# The whole source is listed once for each go, so a go takes many of them; it stays well under a step's half an hour.
GO = timedelta(minutes=5)
NO_MOVES = b"[]"
# Where mail of a role goes when the source never had such a folder.
FOLDERS_TO_CREATE: Mapping[Path, str] = {
    ("Sent Items",): "Sent",
    ("Deleted Items",): "Trash",
    ("Drafts",): "Drafts",
    ("Junk Email",): "Junk",
}


@dataclass(frozen=True)
class Move:
    """One message of the cloud on its way to a folder of the source."""

    home: str
    message: MessageFacts


def bring_home(ports: Ports, request: HomeRequest) -> HomeFacts:
    """Move what reached the cloud since then and has no partner at the source.

    What is to be moved is written down first. Otherwise a message that was appended and not yet removed would have a
    partner the next time, stay in the cloud, and be copied there again by the sync. Idempotent: a message that is home
    already, by its id or by its content, is only removed from the cloud, where the sync brings it back.

    Raises:
        Refusal(MESSAGE_NOT_BROUGHT_HOME): the source took a message and does not show it.
    """
    record = record_of(ports, request.ref)
    begun = _written_down(ports, record)
    # Listed once in each go: in a bad hour every read more is one more that can end it.
    received = [] if begun else _received(ports, record, request)
    if not begun and not received:
        # The usual case before the first sync: the source need not be opened for it.
        return HomeFacts(0, 0)
    with ports.source_mail.open(login_of(ports, record)) as mailbox:
        _move_all(ports, record, mailbox, begun)
        if begun:
            received = _received(ports, record, request)
        strangers = _strangers(ports, record, mailbox, received)
        gone_count = _move_in_time(ports, record, mailbox, strangers)
    moved_count = len(begun) + gone_count
    if moved_count:
        note(ports, record, "brought home", "", f"{moved_count} messages")
    return HomeFacts(moved_count, len(strangers) - gone_count)


def _strangers(
    ports: Ports, record: MailboxRecord, mailbox: SourceMailbox, received: list[Placed]
) -> list[Move]:
    folders = {folder.name: folder.path for folder in mailbox.folders()}
    at_source = itertools.chain.from_iterable(mailbox.messages(name) for name in folders)
    partners = Partners(at_source)
    found = partners.unmatched(received)
    # Either another message of one id, or the service's copy under a time of its own. What the service does shows in
    # everything that it has copied, and is looked for only where it matters.
    if partners.know_an_id_of(found) and not partners.arrived_alike(_everything(ports, record)):
        found = partners.unmatched_by_id(received)
    return [
        Move(home_name(path, folders) or FOLDERS_TO_CREATE.get(path, INBOX), message)
        for path, message in found
    ]


def _everything(ports: Ports, record: MailboxRecord) -> Iterator[MessageFacts]:
    mail = ports.cloud_mail
    listed = mail.messages(record.account_id, mail.folders(record.account_id))
    return (message for _, message in listed)


def _written_down(ports: Ports, record: MailboxRecord) -> list[Move]:
    """What an attempt that did not come to its end has begun to move."""
    content = ports.blobs.read_report(_moves_path(record))
    return [decode(Move, raw) for raw in json.loads(content or NO_MOVES)]


def _write_down(ports: Ports, record: MailboxRecord, moves: list[Move]) -> None:
    text = json.dumps([encode(move) for move in moves]).encode()
    path = _moves_path(record)
    if text != (ports.blobs.read_report(path) or NO_MOVES):
        ports.blobs.write_report(path, text, "application/json")


def _moves_path(record: MailboxRecord) -> str:
    return f"{record.batch}/{record.key}.moves.json"


def _received(ports: Ports, record: MailboxRecord, request: HomeRequest) -> list[Placed]:
    mail, account_id, until_utc = ports.cloud_mail, record.account_id, request.until_utc
    listed = mail.messages(account_id, mail.folders(account_id), request.since_utc)
    return [
        (folder.path, message)
        for folder, message in listed
        if until_utc is None or message.received_utc <= until_utc
    ]


def _move_in_time(
    ports: Ports, record: MailboxRecord, mailbox: SourceMailbox, strangers: list[Move]
) -> int:
    """How many of them were moved before the go was over; the story asks again for the others."""
    end_utc = ports.clock.now_utc() + GO
    for begin in range(0, len(strangers), MOVED_COUNT_MAX):
        some = strangers[begin : begin + MOVED_COUNT_MAX]
        _write_down(ports, record, some)
        _move_all(ports, record, mailbox, some)
        if ports.clock.now_utc() >= end_utc:
            return begin + len(some)
    return len(strangers)


def _move_all(
    ports: Ports, record: MailboxRecord, mailbox: SourceMailbox, moves: list[Move]
) -> None:
    """Move them in turn; interrupted, the rest is written down, so that every attempt gets further."""
    left = list(moves)
    try:
        while left:
            _move(ports, record, mailbox, left[0])
            del left[0]
    finally:
        _write_down(ports, record, left)


def _move(ports: Ports, record: MailboxRecord, mailbox: SourceMailbox, move: Move) -> None:
    home, message = move.home, move.message
    if not mailbox.holds(home, message):
        raw = ports.cloud_mail.read(record.account_id, message.handle)
        if raw is None:
            return  # its owner deleted it a moment ago
        if not mailbox.append(home, raw):
            detail = f"{record.address}: a message appended to {home} is not there"
            raise Refusal(Code.MESSAGE_NOT_BROUGHT_HOME, detail)
    ports.cloud_mail.remove(record.account_id, message.handle)
