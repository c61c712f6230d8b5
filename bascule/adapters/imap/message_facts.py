"""From one FETCH answer to what identifies a message. Source: RFC 9051 7.5.2; RFC 5322 2.2.3 for folding."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Any

from bascule.domain.mail import MessageFacts

Fetched = Mapping[bytes, Any]

FACTS = ("UID", "INTERNALDATE", "RFC822.SIZE", "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]")
SUBJECT = ("UID", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]")
# For the rare message whose date the server cannot tell in a readable form; it matches no date in the cloud, so the
# certificate compares the message by its id alone.
NO_INSTANT_UTC = datetime(1970, 1, 1, tzinfo=UTC)

_FOLD = re.compile(rb"\r?\n[ \t]")


def facts_from(fetched: Fetched) -> MessageFacts | None:
    """The facts of one message; None for an answer about something else, such as a flag that changed meanwhile."""
    if b"UID" not in fetched or b"RFC822.SIZE" not in fetched:
        return None
    received = fetched.get(b"INTERNALDATE")
    return MessageFacts(
        handle=str(fetched[b"UID"]),
        message_id=header_text(fetched),
        received_utc=received.astimezone(UTC) if received is not None else NO_INSTANT_UTC,
        size_bytes=int(fetched[b"RFC822.SIZE"]),
    )


def header_text(fetched: Fetched) -> str:
    """The one header field that was fetched, unfolded and trimmed; empty when the message has none.

    Servers repeat the section as they like, with quotes or in other letters (seen with Courier and Cyrus), so it is
    found by how it begins. Of a field that stands twice the first counts.
    """
    for name, value in fetched.items():
        if name.upper().startswith(b"BODY[HEADER.FIELDS"):
            first = _FOLD.sub(b" ", value or b"").splitlines()[:1]
            _, _, text = b"".join(first).partition(b":")
            return text.decode("utf-8", "replace").strip()
    return ""


def subject_text(fetched: Fetched) -> str:
    """The subject with its encoded words decoded. Source: RFC 2047."""
    raw = header_text(fetched)
    try:
        return str(make_header(decode_header(raw)))
    except (HeaderParseError, LookupError, UnicodeError):
        # Encoded with an alphabet nobody knows: it is not the subject that we wrote.
        return raw
