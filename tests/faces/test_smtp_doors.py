"""The SMTP doors of the world, spoken to by smtplib."""

import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.faces.server import Faces
from sandbox.world.mail import fingerprint
from sandbox.world.world import World

ANNA = "anna@example.org"
LONG = b"Subject: long\r\n\r\n" + b"x" * 5_000 + b"\r\n.dot\r\n" + "é".encode("latin-1") + b"\r\n"


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now_utc = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now_utc


@pytest.fixture
def clock() -> Clock:
    """Time stands until the test turns it."""
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    """A world with Anna at the source."""
    world = World(1, clock)
    world.source.add(ANNA, "pw")
    world.aliases.edit_by_hand(ANNA, ["anna@ca.example.org"])
    return world


@pytest.fixture
def faces(world: World) -> Iterator[Faces]:
    """The running faces."""
    with Faces(world) as running:
        yield running


def door(faces: Faces, name: str) -> smtplib.SMTP:
    """A connection to one of the SMTP doors."""
    place = faces.addresses[name]
    return smtplib.SMTP(place["host"], place["port"], timeout=10)


def test_what_postfix_said_250_to_arrives_octet_for_octet(
    faces: Faces, world: World, clock: Clock
) -> None:
    """250 is the promise that the rest of the world is judged by."""
    with door(faces, "source_smtp") as client:
        client.sendmail("zoe@example.net", [ANNA], LONG)
    clock.now_utc += timedelta(hours=1)

    assert world.mail_in_flight_count() == 0
    anna = world.source.at_address(ANNA)
    assert anna is not None
    (message,) = anna.store.folder("INBOX").messages.values()
    assert message.raw.endswith(LONG)
    assert {fingerprint(LONG)} == {mark for _, mark in world.trace.expected()}


def test_postfix_refuses_strangers_and_other_domains(faces: Faces) -> None:
    """An open relay, or a 250 for nobody, would make the judgement worthless."""
    with door(faces, "source_smtp") as client:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as unknown:
            client.sendmail("zoe@example.net", ["nobody@example.org"], LONG)
        with pytest.raises(smtplib.SMTPRecipientsRefused) as foreign:
            client.sendmail("zoe@example.net", ["a@example.com"], LONG)

    assert unknown.value.recipients["nobody@example.org"][0] == 550
    assert foreign.value.recipients["a@example.com"][0] == 554


def test_the_tenant_refuses_unknown_recipients_of_an_authoritative_domain(faces: Faces) -> None:
    """So does the service, at its edge."""
    with door(faces, "tenant_smtp") as client, pytest.raises(smtplib.SMTPRecipientsRefused):
        client.sendmail("zoe@example.net", [ANNA], LONG)
