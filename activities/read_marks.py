"""See whether the source got new mail."""

import hashlib

from activities.subject import login_of, record_of
from bascule.domain.mail import Marks
from bascule.domain.records import MailboxRef
from bascule.domain.requests import MarkFacts
from bascule.ports.bundle import Ports


def read_marks(ports: Ports, ref: MailboxRef) -> MarkFacts:
    """A digest of every folder's UIDVALIDITY and UIDNEXT. Raises Refusal(SOURCE_LOGIN_REFUSED)."""
    record = record_of(ports, ref)
    with ports.source_mail.open(login_of(ports, record)) as mailbox:
        return MarkFacts(_digest(mailbox.marks()))


def _digest(marks: Marks) -> str:
    lines = (
        f"{name}\0{mark.uid_validity}\0{mark.uid_next}" for name, mark in sorted(marks.items())
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
