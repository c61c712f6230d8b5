"""The part of the plan about Postfix's own door: where the probes go that show what Postfix does with an alias."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bascule.domain.plan_shape import PlanMistake, Values

Problem = tuple[str, str] | None
LOOPBACK_PLACES = ("127.0.0.1", "localhost")
PORT_DEFAULT, PORT_MAX = 25, 65_535
# Each Postfix is probed for each mailbox, one after the other.
PLACE_COUNT_MAX = 8
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLACE = re.compile(rf"(?P<host>{_LABEL}(\.{_LABEL})*)(:(?P<port>\d{{1,5}}))?")


@dataclass(frozen=True)
class SubmissionPlan:
    """Every Postfix that mail from outside may reach, and how we speak to it."""

    hosts: tuple[str, ...] = ()
    """`host` or `host:port`; needed when `cutover.source_probe` is on."""
    security: str = "starttls"
    """`starttls`, or `none` for loopback tests only."""
    ca_file: str = ""
    """PEM file of a private certificate authority; empty: the public ones."""
    timeout_s: int = 30

    def place(self, index: int) -> tuple[str, int]:
        """(host, port) of one of them, counted round."""
        host, _, port = self.hosts[index % len(self.hosts)].partition(":")
        return host, int(port or PORT_DEFAULT)


def places_problem(found: tuple[str, ...]) -> Problem:
    """What is wrong with the list of hosts."""
    if len(found) > PLACE_COUNT_MAX:
        return f"names {len(found)} hosts", f"Name at most {PLACE_COUNT_MAX}"
    for text in found:
        place = _PLACE.fullmatch(text)
        if place is None or not 1 <= int(place["port"] or PORT_DEFAULT) <= PORT_MAX:
            # Not repeated: a URL pasted here may hold a password.
            return "has an entry that is no host", "Write mx1.example.org or mx1.example.org:2525"
    if len({text.lower() for text in found}) < len(found):
        return "names a host twice", "Name each once"
    return None


def check_submission(values: Values) -> Iterator[PlanMistake]:
    """Yield the mistakes between the switch and the section."""
    hosts: tuple[str, ...] | None = values.get("submission.hosts")
    if values.get("cutover.source_probe") and hosts == ():
        yield PlanMistake(
            "submission.hosts",
            "is empty although cutover.source_probe is on",
            "Name every Postfix that mail from outside may reach",
        )
    is_far = any(host.partition(":")[0].lower() not in LOOPBACK_PLACES for host in hosts or ())
    if values.get("submission.security") == "none" and is_far:
        yield PlanMistake(
            "submission.security",
            "is 'none' for a host that is not this machine",
            "Write starttls; none is for this machine itself",
        )
