"""Sending mail over Graph, as JSON or as MIME.

Source: Microsoft Graph, "user: sendMail", "message resource type".
"""

import base64
import binascii
import email
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses
from typing import Any

from sandbox.faces import graph_errors as errors
from sandbox.faces.graph_mailbox import open_mailbox
from sandbox.faces.graph_operations import Operation
from sandbox.faces.graph_wire import Call, Json, Reply, without_annotations
from sandbox.world.cloud import WELL_KNOWN_FOLDERS, CloudMailbox
from sandbox.world.mail import header, with_header
from sandbox.world.world import World

MAIL_SENDERS = frozenset({"Mail.Send"})
RECIPIENT_HEADERS = {"toRecipients": "To", "ccRecipients": "Cc", "bccRecipients": "Bcc"}
MESSAGE_PROPERTIES = frozenset(
    {
        "subject",
        "body",
        "from",
        "sender",
        "replyTo",
        "importance",
        "internetMessageHeaders",
        *RECIPIENT_HEADERS,
    }
)
RECIPIENTS_MAX = 500


def send_mail(call: Call) -> Reply:
    """Hand a message to transport; 202, because delivery comes later."""
    mailbox = open_mailbox(call)
    media_type = call.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type == "text/plain":
        raw, recipients, keep = *_from_mime(call.request.body), True
    else:
        raw, recipients, keep = _from_json(call, mailbox)
    if not recipients or len(recipients) > RECIPIENTS_MAX:
        raise errors.bad_request(
            "At least one recipient is not valid., No valid recipients were found.",
            "ErrorInvalidRecipients",
        )
    raw = completed(call.world, mailbox, raw)
    call.world.tenant.transport.receive(raw, recipients, sender=mailbox.primary_address)
    if keep:
        sent = mailbox.store.folder(WELL_KNOWN_FOLDERS["sentitems"])
        sent.add(raw, frozenset({"\\Seen"}), call.world.kernel.now_utc())
    return Reply(202)


def _from_mime(body: bytes) -> tuple[bytes, list[str]]:
    try:
        raw = base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error as broken:
        raise errors.bad_request(
            "Invalid base64 string for MIME content.", "ErrorMimeContentInvalidBase64String"
        ) from broken
    parsed = email.message_from_bytes(raw)
    texts = [
        str(value) for name in RECIPIENT_HEADERS.values() for value in parsed.get_all(name, [])
    ]
    return _without_bcc(raw), [address for _, address in getaddresses(texts) if address]


def _from_json(call: Call, mailbox: CloudMailbox) -> tuple[bytes, list[str], bool]:
    body = {name.lower(): value for name, value in without_annotations(call.json()).items()}
    if not set(body) <= {"message", "savetosentitems"} or not isinstance(body.get("message"), dict):
        raise errors.bad_request(
            "The parameter 'Message' in the request payload is not valid for the operation 'sendMail'.",
            "ErrorInvalidParameter",
        )
    described = without_annotations(body["message"])
    for name in described:
        if name not in MESSAGE_PROPERTIES:
            raise errors.bad_request(
                f"The property '{name}' does not exist on type 'Microsoft.OutlookServices.Message'.",
                "RequestBodyRead",
            )
    message = EmailMessage()
    message["From"] = mailbox.primary_address
    message["Subject"] = str(described.get("subject") or "")
    recipients = _set_recipients(message, described)
    _set_internet_headers(message, described.get("internetMessageHeaders") or [])
    _set_body(message, described.get("body") or {})
    return message.as_bytes(), recipients, body.get("savetosentitems") is not False


def _set_recipients(message: EmailMessage, described: Json) -> list[str]:
    everybody: list[str] = []
    for prop, name in RECIPIENT_HEADERS.items():
        addresses = [_address(entry) for entry in described.get(prop) or []]
        everybody += addresses
        if addresses and name != "Bcc":
            message[name] = ", ".join(addresses)
    return everybody


def _address(entry: Any) -> str:
    address = entry.get("emailAddress", {}).get("address") if isinstance(entry, dict) else None
    if not isinstance(address, str) or "@" not in address:
        raise errors.bad_request("At least one recipient is not valid.", "ErrorInvalidRecipients")
    return address


def _set_internet_headers(message: EmailMessage, entries: list[Json]) -> None:
    for entry in entries:
        name = str(entry.get("name"))
        if not name.lower().startswith("x-"):
            raise errors.bad_request(
                f"The internet message header name '{name}' should start with 'x-' or 'X-'.",
                "InvalidInternetMessageHeader",
            )
        message[name] = str(entry.get("value"))


def _set_body(message: EmailMessage, body: Json) -> None:
    subtype = "html" if str(body.get("contentType", "text")).lower() == "html" else "plain"
    message.set_content(str(body.get("content", "")), subtype=subtype)


def _without_bcc(raw: bytes) -> bytes:
    parsed = email.message_from_bytes(raw)
    if parsed["Bcc"] is None:
        return raw
    del parsed["Bcc"]
    return parsed.as_bytes()


def completed(world: World, mailbox: CloudMailbox, raw: bytes) -> bytes:
    """The message with the date and the Message-ID that the tenant gives when they are missing."""
    raw = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if header(raw, "Message-ID") is None:
        token = world.kernel.chance("sent-message-ids").getrandbits(96)
        host = mailbox.primary_address.rpartition("@")[2]
        raw = with_header(raw, "Message-ID", f"<{token:024x}@{host}>")
    if header(raw, "Date") is None:
        raw = with_header(raw, "Date", format_datetime(world.kernel.now_utc()))
    return raw


OPERATIONS = (Operation("POST", "users/{user}/sendMail", send_mail, MAIL_SENDERS, is_outlook=True),)
