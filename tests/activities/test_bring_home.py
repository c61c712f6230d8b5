"""Hundreds of messages on their way home: the source is listed once for many of them, and a go comes to its end."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import cast

import pytest

from activities.bring_home import MOVED_COUNT_MAX, bring_home
from bascule.domain.errors import Unreachable
from bascule.domain.mail import Login, MessageFacts, RawMessage
from bascule.domain.records import MailboxRef
from bascule.domain.requests import HomeFacts, HomeRequest
from bascule.ports.bundle import Ports
from bascule.ports.source_mail import SourceMailbox
from sandbox.in_process.simulation import BATCH, START_UTC, Options, Simulation
from sandbox.world.mail import MailStore
from sandbox.world.source import INBOX
from tests.activities import moments

COUNT = 2 * MOVED_COUNT_MAX + 7


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """One migrated mailbox that has received hundreds of messages in the cloud."""
    with Simulation(Options(people_count=1)) as made:
        moments.synced(made)
        for number in range(COUNT):
            message = EmailMessage()
            message["Message-ID"] = f"<{number}@example.net>"
            message.set_content("Only in the cloud.")
            folder = cloud(made).folder(INBOX)
            folder.add(message.as_bytes(), frozenset(), made.clock.now_utc())
        yield made


def cloud(simulation: Simulation) -> MailStore:
    """What the only person has in the cloud."""
    mailbox = simulation.world.tenant.mailboxes.at_address(simulation.people[0].address)
    assert mailbox is not None
    return mailbox.store


def home(simulation: Simulation) -> MailStore:
    """What the only person has at the source."""
    mailbox = simulation.world.source.at_address(simulation.people[0].address)
    assert mailbox is not None
    return mailbox.store


def fails(*_: object) -> None:
    """A service that is away just then."""
    raise Unreachable("removing: away")


class Listings:
    """Counts how often the source's INBOX is listed."""

    def __init__(self, simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._open = simulation.ports.source_mail.open
        monkeypatch.setattr(simulation.ports.source_mail, "open", self._opened)

    @contextmanager
    def _opened(self, login: Login) -> Iterator[SourceMailbox]:
        opened: AbstractContextManager[SourceMailbox] = self._open(login)
        with opened as mailbox:
            listed = mailbox.messages

            def counted(folder: str) -> Iterator[MessageFacts]:
                self.count += folder == INBOX
                return listed(folder)

            mailbox.messages = counted  # type: ignore[method-assign]
            yield mailbox


def gone(simulation: Simulation, since_utc: datetime) -> HomeFacts:
    """One go of the step."""
    ref = MailboxRef(BATCH, moments.first(simulation).key)
    return bring_home(cast("Ports", simulation.ports), HomeRequest(ref, since_utc))


def test_one_listing_of_the_source_serves_hundreds_of_messages(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source of half a million messages takes minutes to list."""
    listings = Listings(simulation, monkeypatch)
    facts = gone(simulation, START_UTC)

    assert facts == HomeFacts(COUNT, 0)
    assert listings.count == 1
    assert gone(simulation, START_UTC).moved_count == 0


def test_a_message_without_an_id_comes_home_once_though_its_removal_was_interrupted(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A draft has none: it stopped the whole way back, and each new attempt left one more copy at home."""
    draft = b"From: anna@example.org\r\nSubject: brouillon\r\n\r\nChers tous,\r\n"
    cloud(simulation).folder(INBOX).messages.clear()
    drafts = cloud(simulation).folder("Drafts")
    drafts.messages = {}
    drafts.add(draft, frozenset(), simulation.clock.now_utc())
    monkeypatch.setattr(simulation.ports.cloud_mail, "remove", fails)
    for _ in range(2):
        with pytest.raises(Unreachable):
            gone(simulation, START_UTC)
    monkeypatch.undo()
    gone(simulation, START_UTC)

    assert [each.raw for _, each in home(simulation).walk() if b"brouillon" in each.raw] == [draft]
    assert not drafts.messages
    assert gone(simulation, START_UTC) == HomeFacts(0, 0)


def test_a_message_whose_content_names_another_id_comes_home_once(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a listing shows of a message and what its content holds are two answers of the service."""
    read = simulation.ports.cloud_mail.read

    def renamed(account_id: str, handle: str) -> RawMessage | None:
        raw = read(account_id, handle)
        return raw and replace(raw, content=raw.content.replace(b"<0@", b"<other@"))

    monkeypatch.setattr(simulation.ports.cloud_mail, "read", renamed)

    assert gone(simulation, START_UTC) == HomeFacts(COUNT, 0)
    assert sum(b"<other@" in each.raw for _, each in home(simulation).walk()) == 1
    assert gone(simulation, START_UTC) == HomeFacts(0, 0)


def test_a_go_ends_in_time_and_the_next_one_takes_the_rest(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host ends a step after half an hour, and everything since the last written word would be done again."""
    now = simulation.ports.clock.now_utc
    looks = iter(range(1_000_000))
    monkeypatch.setattr(
        simulation.ports.clock, "now_utc", lambda: now() + timedelta(minutes=6 * next(looks))
    )
    facts = gone(simulation, START_UTC)

    assert 0 < facts.moved_count < COUNT
    assert facts.moved_count + facts.remaining_count == COUNT
    monkeypatch.undo()
    assert gone(simulation, START_UTC) == HomeFacts(facts.remaining_count, 0)
