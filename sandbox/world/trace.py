"""The life of every message from acceptance to its end, and the verdict on it."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from sandbox.world.mail import header

# The product's probes go by Graph's sendMail, where only the subject is theirs to choose.
PROBE_SUBJECT = "Bascule probe"


@dataclass
class Journey:
    """One accepted message for one recipient: where it went, in order."""

    journey_id: str
    fingerprint: str
    recipient: str
    accepted_by: str
    accepted_utc: datetime
    hops: list[str] = field(default_factory=list)
    delivered_to: list[str] = field(default_factory=list)
    bounced: str | None = None
    probe: bool = False

    def crossings(self) -> int:
        """How often the message passed between the source and the tenant."""
        return sum(hop in {"postfix->tenant", "tenant->postfix"} for hop in self.hops)


class Trace:
    """Everything that was accepted, and what became of it."""

    def __init__(self) -> None:
        self.journeys: dict[str, Journey] = {}
        self._by_mark: defaultdict[tuple[str, str], list[Journey]] = defaultdict(list)

    def accept(
        self, fingerprint: str, recipient: str, by: str, when_utc: datetime, raw: bytes = b""
    ) -> Journey:
        """Open the journey of one message for one recipient; its id is unique in this world.

        `raw` is looked at only to tell the product's own probes from people's mail.
        """
        journey = Journey(f"j{len(self.journeys) + 1}", fingerprint, recipient, by, when_utc)
        journey.probe = is_probe(raw)
        self.journeys[journey.journey_id] = journey
        self._by_mark[(fingerprint, recipient)].append(journey)
        return journey

    def under_way(self, fingerprint: str, recipient: str) -> Journey | None:
        """The newest journey of this content to this recipient that has not come to an end."""
        known = self._by_mark.get((fingerprint, recipient), [])
        open_ones = (j for j in reversed(known) if not j.delivered_to and j.bounced is None)
        return next(open_ones, None)

    def fork(self, journey: Journey, recipients: list[str]) -> list[Journey]:
        """Give each person behind a list alias an own journey; the first one keeps the given journey."""
        first, *others = recipients
        journey.recipient = first
        self._by_mark[(journey.fingerprint, first)].append(journey)
        return [journey, *(self._twin(journey, recipient) for recipient in others)]

    def _twin(self, journey: Journey, recipient: str) -> Journey:
        twin = self.accept(
            journey.fingerprint, recipient, journey.accepted_by, journey.accepted_utc
        )
        twin.probe = journey.probe
        twin.hops = list(journey.hops)
        return twin

    def loops(self) -> list[Journey]:
        """Journeys that crossed between the two systems more than twice."""
        return [journey for journey in self.journeys.values() if journey.crossings() > 2]

    def hops_max(self) -> int:
        """The largest number of crossings of any journey."""
        return max((journey.crossings() for journey in self.journeys.values()), default=0)

    def expected(self) -> Counter[tuple[str, str]]:
        """How often (recipient, fingerprint) was accepted and must exist at the end; probes and bounces left out."""
        return Counter(
            (journey.recipient, journey.fingerprint)
            for journey in self.journeys.values()
            if not journey.probe and journey.bounced is None
        )


def is_probe(raw: bytes) -> bool:
    """Whether the product sent this message to see where it arrives."""
    return (header(raw, "Subject") or "").startswith(PROBE_SUBJECT)
