"""The life of every message from acceptance to its end, and the verdict on it."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime


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

    def accept(self, fingerprint: str, recipient: str, by: str, when_utc: datetime) -> Journey:
        """Open the journey of one message for one recipient; its id is unique in this world."""
        journey = Journey(f"j{len(self.journeys) + 1}", fingerprint, recipient, by, when_utc)
        self.journeys[journey.journey_id] = journey
        return journey

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
