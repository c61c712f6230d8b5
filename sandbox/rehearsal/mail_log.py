"""What both Postfixes wrote down about each message, found again by its Message-ID.

Source: Postfix, "DEBUG_README", and the format of delivery agents' lines: `QUEUEID: to=<...>, relay=..., status=...`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sandbox.servers.postfix import Postfix

_CLEANUP = re.compile(r"/cleanup\[\d+\]: (\w+): message-id=(<[^>]*>)")
_DELIVERY = re.compile(
    r"/(lmtp|smtp|discard|error|bounce)\[\d+\]: (\w+): to=<([^>]*)>,(?: orig_to=<([^>]*)>,)? "
    r"relay=.*? status=(\w+) \((.*)\)$"
)
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
class MailLog:
    """Every attempt, in the order of each host's log."""

    attempts: tuple[Attempt, ...]

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


def read_logs(postfixes: Iterable[Postfix]) -> MailLog:
    """Read what they have written so far."""
    return MailLog(
        tuple(each for postfix in postfixes for each in _attempts(postfix.name, postfix.log()))
    )


def _attempts(host: str, log: str) -> Iterator[Attempt]:
    ids: dict[str, str] = {}
    for line in log.splitlines():
        opened = _CLEANUP.search(line)
        if opened:
            ids[opened[1]] = opened[2]
            continue
        tried = _DELIVERY.search(line)
        if tried:
            agent, queue_id, destination, original, status, said = tried.groups()
            place = PLACES.get(agent, agent)
            known = ids.get(queue_id, "")
            yield Attempt(host, known, place, destination, original or "", status, said)
