"""What both Postfixes wrote down about each message, found again by its Message-ID.

Source: Postfix, "DEBUG_README", and the format of delivery agents' lines: `QUEUEID: to=<...>, relay=..., status=...`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sandbox.servers.postfix import Postfix

_CLEANUP = re.compile(r"/cleanup\[\d+\]: (\w+): message-id=(<[^>]*>)")
_ACTIVE = re.compile(r"/qmgr\[\d+\]: (\w+): from=<[^>]*>, .*\(queue active\)$")
_REMOVED = re.compile(r"/qmgr\[\d+\]: (\w+): removed$")
_DELIVERY = re.compile(
    r"/(lmtp|smtp|discard|error|bounce)\[\d+\]: (\w+): to=<([^>]*)>,(?: orig_to=<([^>]*)>,)? "
    r"relay=.*? status=(\w+) \((.*)\)$"
)
_NOTICE = re.compile(r"/bounce\[\d+\]: (\w+): sender non-delivery notification: (\w+)$")
SENT, DEFERRED, BOUNCED = "sent", "deferred", "bounced"
# Which of Postfix's agents delivers where.
PLACES = {"lmtp": "Dovecot", "smtp": "tenant", "discard": "outside"}


@dataclass(frozen=True)
class Attempt:
    """One try at delivering one message to one destination."""

    host: str
    message_id: str
    place: str
    destination: str
    original: str
    status: str
    said: str

    def __str__(self) -> str:
        way = f"{self.original} > {self.destination}" if self.original else self.destination
        return f"{self.host}: {way} at {self.place}: {self.status} ({self.said[:80]})"


@dataclass(frozen=True)
class Notice:
    """What a sender was told of a message that came back; both by Message-ID."""

    about: str
    message_id: str


@dataclass(frozen=True)
class MailLog:
    """Every attempt, in the order of each host's log, and every notice to a sender."""

    attempts: tuple[Attempt, ...]
    notices: tuple[Notice, ...] = ()
    entered: frozenset[str] = frozenset()
    """The Message-IDs of everything that was in a queue."""
    unended: frozenset[str] = frozenset()
    """Those of them that were not removed from it, delivered or returned to everybody, as often as they were in one."""

    def life_of(self, message_id: str) -> tuple[str, ...]:
        """What happened to one message."""
        return tuple(str(each) for each in self.attempts if each.message_id == message_id)

    def counts(self) -> dict[str, int]:
        """How many attempts ended how, such as `{"sent to Dovecot": 12}`."""
        found = Counter(f"{each.status} to {each.place}" for each in self.attempts)
        return dict(sorted(found.items()))

    def with_status(self, status: str) -> tuple[Attempt, ...]:
        """The attempts that ended so."""
        return tuple(each for each in self.attempts if each.status == status)

    def is_told(self, message_id: str) -> bool:
        """Whether a notice about this message reached its sender, or a server outside."""
        told_by = {each.message_id for each in self.notices if each.about == message_id}
        return any(each.message_id in told_by for each in self.with_status(SENT))


def read_logs(postfixes: Iterable[Postfix]) -> MailLog:
    """Read what they have written so far."""
    logs = [host_log(postfix.name, postfix.log().splitlines()) for postfix in postfixes]
    return MailLog(
        tuple(each for log in logs for each in log.attempts),
        tuple(each for log in logs for each in log.notices),
        frozenset[str]().union(*(log.entered for log in logs)),
        frozenset[str]().union(*(log.unended for log in logs)),
    )


def host_log(host: str, lines: list[str]) -> MailLog:
    """What one Postfix wrote."""
    # First all ids: a notice is announced before its own Message-ID is written down.
    ids = {found[1]: found[2] for line in lines if (found := _CLEANUP.search(line))}
    tried = (_DELIVERY.search(line) for line in lines)
    announced = (_NOTICE.search(line) for line in lines)
    # Only what the queue's manager took up has to come to an end: of a broken conversation there is an id and no message.
    active = {found[1] for line in lines if (found := _ACTIVE.search(line))}
    removed = {found[1] for line in lines if (found := _REMOVED.search(line))}
    return MailLog(
        tuple(_attempt(host, ids, each) for each in tried if each),
        tuple(Notice(ids.get(each[1], ""), ids.get(each[2], "")) for each in announced if each),
        frozenset(ids.get(each, "") for each in active),
        frozenset(ids.get(each, "") for each in active - removed),
    )


def _attempt(host: str, ids: Mapping[str, str], tried: re.Match[str]) -> Attempt:
    agent, queue_id, destination, original, status, said = tried.groups()
    place = PLACES.get(agent, agent)
    return Attempt(host, ids.get(queue_id, ""), place, destination, original or "", status, said)
