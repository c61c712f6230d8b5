"""Mail that came back to its sender: each message is accounted for, by the log that says why and that the sender knows.

A full mailbox is no fault of a migration. What it refuses is not lost as long as its sender is told; a message that
came back from any other mailbox, or of which nobody was told, is a broken promise.
"""

from dataclasses import dataclass

from sandbox.rehearsal.letters import Letters
from sandbox.rehearsal.mail_log import BOUNCED, Attempt, MailLog
from sandbox.rehearsal.real_source import RealSource
from sandbox.world.mail import fingerprint, header
from sandbox.world.trace import Journey
from sandbox.world.world import World

# Source: RFC 3463 3.3: X.2.2, mailbox full.
MAILBOX_FULL = "5.2.2"


@dataclass(frozen=True)
class Returned:
    """One message that came back from one recipient."""

    recipient: str
    attempt: Attempt
    is_told: bool
    """Whether a notice reached its sender."""
    is_full: bool
    """Whether its recipient's mailbox was full, by the log and by the story."""

    @property
    def is_accounted_for(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.is_told and self.is_full

    def __str__(self) -> str:
        told = "its sender was told" if self.is_told else "nobody was told"
        return f"{self.attempt.message_id} to {self.recipient}: {self.attempt.said[:80]}; {told}"


def settle_returned(
    world: World, source: RealSource, letters: Letters, log: MailLog
) -> tuple[Returned, ...]:
    """Every message that Postfix gave back; its journey ends with that, and notices are mail that must arrive."""
    marks = {header(raw, "Message-ID"): mark for mark, raw in letters.sent.items()}
    notices = {each.message_id for each in log.notices}
    found: list[Returned] = []
    for attempt in log.with_status(BOUNCED):
        recipient = world.naming.public_address(attempt.destination)
        journey = _journey(world, marks.get(attempt.message_id, ""), recipient, attempt.said)
        if journey is not None:
            journey.bounced = attempt.said
        is_full = recipient in source.filled and MAILBOX_FULL in attempt.said
        found.append(Returned(recipient, attempt, log.is_told(attempt.message_id), is_full))
    _expect_notices(world, notices)
    return tuple(found)


def _journey(world: World, mark: str, recipient: str, said: str) -> Journey | None:
    """The way of the message, also when an earlier look has ended it with the same words."""
    ways = (
        each
        for each in world.trace.journeys.values()
        if (each.fingerprint, each.recipient) == (mark, recipient) and each.bounced in (None, said)
    )
    return next(ways, None)


def _expect_notices(world: World, notices: set[str]) -> None:
    """A notice in a mailbox at the source is that person's mail like any other; the tenant traces its own."""
    known = {(each.fingerprint, each.recipient) for each in world.trace.journeys.values()}
    for box in world.source.all():
        for _, message in box.store.walk():
            mark = fingerprint(message.raw)
            is_new = (mark, box.address) not in known
            if is_new and (header(message.raw, "Message-ID") or "") in notices:
                world.trace.accept(mark, box.address, "postfix", world.kernel.now_utc())
