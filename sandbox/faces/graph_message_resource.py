"""A stored message as Graph shows it: properties from its headers, flags and place.

Source: Microsoft Graph, "message resource type"; RFC 5322 for the headers, RFC 2047 for their encoding.
"""

import email
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default as modern
from email.utils import getaddresses, parsedate_to_datetime

from sandbox.faces.graph_mailbox import opaque_id
from sandbox.faces.graph_wire import Json
from sandbox.world.cloud import CloudMailbox
from sandbox.world.mail import Folder, StoredMessage, header

PREVIEW_LENGTH_MAX = 255


@dataclass(frozen=True)
class Item:
    """One message with the folder and the mailbox it lies in."""

    mailbox: CloudMailbox
    folder: Folder
    folder_id: str
    message: StoredMessage

    def item_id(self) -> str:
        """The identifier; another one after the message has moved."""
        return opaque_id(self.mailbox, f"item.{self.folder.uid_validity}.{self.message.uid}")

    def message_id(self) -> str:
        """Its Message-ID; empty for a message stored without, such as a draft."""
        return header(self.message.raw, "Message-ID") or ""

    def subject(self) -> str:
        """The subject, decoded; empty when there is none."""
        return _decoded(header(self.message.raw, "Subject") or "")

    def received(self) -> str:
        """When it was delivered."""
        return instant(self.message.internal_utc)

    def sent_utc(self) -> datetime:
        """The `Date` header, or the time of delivery when there is none that can be read."""
        text = header(self.message.raw, "Date")
        try:
            sent = parsedate_to_datetime(text) if text else self.message.internal_utc
        except ValueError:
            return self.message.internal_utc
        return sent.astimezone(UTC) if sent.tzinfo else sent.replace(tzinfo=UTC)


def instant(when_utc: datetime) -> str:
    """An instant as Graph prints it, to the second."""
    return when_utc.strftime("%Y-%m-%dT%H:%M:%SZ")


def message_json(item: Item, names: list[str]) -> Json:
    """The chosen properties, and the identifier, which always comes along."""
    chosen = dict.fromkeys(["id", *names])
    etag = {"@odata.etag": f'W/"{_change_key(item)}"'}
    return {**etag, **{name: PROPERTIES[name](item) for name in chosen}}


def _decoded(text: str) -> str:
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (MessageError, LookupError, ValueError):
        return text  # a header nobody can decode is shown as it came


def _people(item: Item, name: str) -> list[Json]:
    text = header(item.message.raw, name)
    pairs = getaddresses([text]) if text else []
    return [
        {"emailAddress": {"name": _decoded(shown) or address, "address": address}}
        for shown, address in pairs
        if address
    ]


def _first(item: Item, name: str) -> Json | None:
    people = _people(item, name)
    return people[0] if people else None


def _change_key(item: Item) -> str:
    flags = ",".join(sorted(item.message.flags))
    return opaque_id(item.mailbox, f"key.{item.message.uid}.{flags}")


def _parsed(item: Item) -> EmailMessage:
    return email.message_from_bytes(item.message.raw, policy=modern)


def _body(item: Item) -> Json:
    part = _parsed(item).get_body(preferencelist=("html", "plain"))
    if part is None:
        return {"contentType": "text", "content": ""}
    kind = "html" if part.get_content_subtype() == "html" else "text"
    try:
        content = part.get_content()
    except (LookupError, ValueError):
        content = ""  # an unknown character set: the service shows nothing rather than failing
    return {"contentType": kind, "content": content}


def _internet_headers(item: Item) -> list[Json]:
    parsed = email.message_from_bytes(item.message.raw)
    return [{"name": name, "value": str(value)} for name, value in parsed.items()]


def _has_attachments(item: Item) -> bool:
    return b"content-disposition: attachment" in item.message.raw.lower()


def _flag(item: Item) -> Json:
    return {"flagStatus": "flagged" if "\\Flagged" in item.message.flags else "notFlagged"}


PROPERTIES: Mapping[str, Callable[[Item], object]] = {
    "id": lambda item: item.item_id(),
    "createdDateTime": lambda item: item.received(),
    "lastModifiedDateTime": lambda item: item.received(),
    "changeKey": _change_key,
    "categories": lambda _: [],
    "receivedDateTime": lambda item: item.received(),
    "sentDateTime": lambda item: instant(item.sent_utc()),
    "hasAttachments": _has_attachments,
    "internetMessageId": lambda item: item.message_id() or None,
    "subject": lambda item: item.subject(),
    "bodyPreview": lambda item: str(_body(item)["content"])[:PREVIEW_LENGTH_MAX],
    "importance": lambda _: "normal",
    "parentFolderId": lambda item: item.folder_id,
    "isRead": lambda item: "\\Seen" in item.message.flags,
    "isDraft": lambda item: "\\Draft" in item.message.flags,
    "body": _body,
    "sender": lambda item: _first(item, "Sender") or _first(item, "From"),
    "from": lambda item: _first(item, "From"),
    "toRecipients": lambda item: _people(item, "To"),
    "ccRecipients": lambda item: _people(item, "Cc"),
    "bccRecipients": lambda item: _people(item, "Bcc"),
    "replyTo": lambda item: _people(item, "Reply-To"),
    "flag": _flag,
    "internetMessageHeaders": _internet_headers,
}
# The least privileged listing permission does not show these.
BODY_PROPERTIES = frozenset({"body", "bodyPreview"})
# Comes only when it is asked for.
ON_REQUEST = frozenset({"internetMessageHeaders"})
