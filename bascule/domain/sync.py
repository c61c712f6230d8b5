"""The IMAP migration as this product sees it; the vendor's words are translated at the adapter's door."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bascule.domain.codes import Code


class SyncState(StrEnum):
    """What the sync of one mailbox, or of a whole sync batch, is doing."""

    IDLE = "idle"
    """Defined, not started, or stopped."""
    WAITING = "waiting"
    """Accepted; no slot or not yet prepared."""
    COPYING = "copying"
    """The initial copy runs."""
    READY = "ready"
    """The initial copy is complete; a delta runs every 24 h."""
    DELTA = "delta"
    """A delta runs now."""
    STOPPED = "stopped"
    FAILED = "failed"
    LEAVING = "leaving"
    """Being removed; refuses new commands."""
    UNEXPECTED = "unexpected"
    """A state that IMAP migrations do not have; never taken for done."""
    UNKNOWN = "unknown"
    """A word the vendor did not have when this was written; never taken for done."""


SEEDED = frozenset({SyncState.READY, SyncState.DELTA})


@dataclass(frozen=True)
class SyncUser:
    """One mailbox in a sync batch."""

    address: str
    state: SyncState
    vendor_status: str
    error: str
    synced_count: int
    skipped_count: int
    last_success_utc: datetime | None
    sync_batch: str = ""
    """The migration batch that has it, as Exchange writes its name."""


@dataclass(frozen=True)
class SyncBatch:
    """One Exchange migration batch."""

    name: str
    state: SyncState
    vendor_status: str
    user_count: int
    last_synced_utc: datetime | None


@dataclass(frozen=True)
class SkippedItem:
    """A message that the service did not copy, with its reason; never its subject."""

    folder: str
    reason: str
    sent_utc: datetime | None


@dataclass(frozen=True)
class MailboxRetention:
    """What Exchange's own policies do with the mail of a mailbox."""

    has_archive: bool
    """An online archive, into which a policy may move mail."""
    policy: str
    """The name of its retention policy; empty: none."""
    is_suspended: bool
    """On retention hold, or not processed at all."""


@dataclass(frozen=True)
class CloudMailbox:
    """A mailbox in Exchange Online."""

    address: str
    """The primary SMTP address, lower case."""
    addresses: tuple[str, ...]
    """Every SMTP address, lower case, the primary one among them."""
    recipient_type: str
    retention: MailboxRetention | None = None
    """None when Exchange did not say."""


# What the service writes for a user that failed, and whose page of the documentation helps. First match wins.
# Source: Microsoft Learn, "Troubleshoot issues with IMAP mailbox migration" (the first three sentences).
_FAILURES = (
    (
        re.compile(
            r"trouble signing in|AUTHENTICATIONFAILED|login failed|invalid credentials|(wrong|incorrect) password",
            re.IGNORECASE,
        ),
        Code.SYNC_LOGIN_REFUSED,
    ),
    (
        re.compile(
            r"recipient wasn.t found|recipient .*(not be found|couldn.t be found)", re.IGNORECASE
        ),
        Code.SYNC_RECIPIENT_MISSING,
    ),
    (re.compile(r"mailbox is full|quota", re.IGNORECASE), Code.SYNC_MAILBOX_FULL),
    (
        re.compile(r"(other|another|already).*\bbatch\b|DuplicateInOtherBatch", re.IGNORECASE),
        Code.SYNC_IN_OTHER_BATCH,
    ),
)


def sync_failure_code(error_text: str) -> Code:
    """Which reason a failed user's error text stands for; SYNC_FAILED when it is none of the known ones."""
    for pattern, code in _FAILURES:
        if pattern.search(error_text):
            return code
    return Code.SYNC_FAILED
