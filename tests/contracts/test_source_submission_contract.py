"""What every door to Postfix promises: over SMTP, and straight into the simulated world."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bascule.adapters.source_submission import SmtpSubmission
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Unreachable
from bascule.domain.plan_submission import SubmissionPlan
from bascule.ports.source_submission import SourceSubmission
from sandbox.bound.clock import WorldClock
from sandbox.bound.source_submission import WorldSourceSubmission
from sandbox.faces.server import Faces
from sandbox.rig.azurite import free_ports
from sandbox.world.mail import header
from sandbox.world.verdict import judge
from sandbox.world.weather import CALM, Weather
from sandbox.world.world import World

ANNA, HOME = "anna@example.org", "anna@ca.example.org"
PROBER = "probe@exampleorg.onmicrosoft.com"
SUBJECT = "Bascule probe 1234"


class Door:
    """Anna at the source, a clock that a test turns, and one door to her Postfix."""

    def __init__(self, weather: Weather = CALM) -> None:
        self.now_utc = datetime(2026, 11, 22, 12, tzinfo=UTC)
        self.world = World(4, lambda: self.now_utc, weather)
        self.anna = self.world.source.add(ANNA, "secret")
        self.world.aliases.edit_by_hand(ANNA, [HOME])
        self.submission: SourceSubmission = WorldSourceSubmission(self.world)

    def send(self, recipient: str = ANNA) -> None:
        """One probe."""
        self.submission.send(1, PROBER, recipient, SUBJECT, "It removes itself.")

    def arrived(self) -> list[bytes]:
        """What reaches Anna within an hour."""
        self.now_utc += timedelta(hours=1)
        with self.world.kernel.look():
            return [m.raw for m in self.anna.store.folder("INBOX").messages.values()]


@pytest.fixture(params=["world", "smtp"])
def door(request: pytest.FixtureRequest) -> Iterator[Door]:
    """Each door."""
    opened = Door()
    if request.param == "world":
        yield opened
        return
    with Faces(opened.world) as faces:
        place = "{host}:{port}".format(**faces.addresses["source_smtp"])
        plan = SubmissionPlan((place, place), security="none")
        opened.submission = SmtpSubmission(plan, WorldClock(opened.world))
        yield opened


def test_a_probe_that_was_taken_arrives_under_its_subject(door: Door) -> None:
    """By the subject it is found and removed again; under another one it would stay for its user."""
    door.send()

    (raw,) = door.arrived()
    assert header(raw, "Subject") == SUBJECT
    assert (header(raw, "From"), header(raw, "To")) == (PROBER, ANNA)


def test_a_probe_is_nobodys_mail_in_the_verdict(door: Door) -> None:
    """Counted as a message it would have to be kept, and it must not."""
    door.send()
    door.arrived()

    assert judge(door.world).expected_count == 0


def test_a_postfix_that_does_not_know_the_address_refuses(door: Door) -> None:
    """A row that is not read there is for a person, not for patience."""
    with pytest.raises(Refusal) as refused:
        door.send("nobody@example.org")

    assert refused.value.code is Code.REDIRECT_NOT_PROVEN
    assert "550" in refused.value.detail


def test_a_postfix_that_is_away_is_unreachable() -> None:
    """A restart passes by itself; nobody has to be called for it."""
    (nobody,) = free_ports(1)
    away = Door()
    away.submission = SmtpSubmission(
        SubmissionPlan((f"127.0.0.1:{nobody}",), security="none"), WorldClock(away.world)
    )
    in_world = Door(Weather(source_unreachable_probability=1.0))

    for each in (away, in_world):
        with pytest.raises(Unreachable):
            each.send()
