"""The judgement itself: whatever goes wrong with a message must become a broken promise. No server is needed."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from sandbox.rehearsal.judgement import Judgement, is_as_sent, weigh
from sandbox.rehearsal.letters import Letters
from sandbox.rehearsal.mail_log import MailLog, host_log
from sandbox.rehearsal.real_source import RealSource
from sandbox.rehearsal.report import Outcome, broken_ends
from sandbox.servers.dovecot import Room
from sandbox.world.mail import fingerprint
from sandbox.world.population import populate
from sandbox.world.trace import PROBE_SUBJECT
from sandbox.world.world import World

SENDER, RECEIVED = "client@example.net", b"Received: by mx1\r\n\tfor anna\r\n"
ENTERED = """\
Nov 22 12:00:00 h mx1/cleanup[7]: Q1: message-id=<1@courrier.example.net>
Nov 22 12:00:00 h mx1/qmgr[8]: Q1: from=<client@example.net>, size=300, nrcpt=1 (queue active)
"""
TRIED = "Nov 22 12:00:01 h mx1/lmtp[9]: Q1: to=<{home}>, orig_to=<{to}>, relay=x, delay=1, status="
SENT, REMOVED = "sent (250 saved)\n", "Nov 22 12:00:01 h mx1/qmgr[8]: Q1: removed\n"
FULL = "bounced (host said: 552 5.2.2 Quota exceeded)\n"
TOLD = """\
Nov 22 12:00:02 h mx1/bounce[9]: Q1: sender non-delivery notification: Q2
Nov 22 12:00:02 h mx1/cleanup[7]: Q2: message-id=<notice@mx1>
Nov 22 12:00:02 h mx1/qmgr[8]: Q2: from=<>, size=900, nrcpt=1 (queue active)
Nov 22 12:00:03 h mx1/discard[9]: Q2: to=<client@example.net>, relay=none, delay=1, status=sent (example.net)
Nov 22 12:00:03 h mx1/qmgr[8]: Q2: removed
"""


class Town:
    """One mailbox at home, and one letter to it that a Postfix has taken."""

    def __init__(self) -> None:
        self.world = World(1, lambda: datetime(2026, 11, 22, 12, tzinfo=UTC))
        (person,) = populate(self.world, 1, messages_each=2)
        self.address = person.address
        self.source, self.letters = RealSource(), Letters()
        self.raw = self.letters.letter(SENDER, self.address)
        now_utc = self.world.kernel.now_utc()
        self.world.trace.accept(fingerprint(self.raw), self.address, "postfix", now_utc, self.raw)

    def deliver(self, raw: bytes) -> None:
        """Put something into the INBOX."""
        box = self.world.source.at_address(self.address)
        assert box is not None
        box.store.folder("INBOX").add(raw, frozenset(), self.world.kernel.now_utc())

    def log(self, *parts: str) -> MailLog:
        """The log of one Postfix."""
        home = self.world.naming.source_address(self.address)
        text = "".join(parts).format(home=home, to=self.address)
        return host_log("mx1", text.splitlines())

    def judged(self, *parts: str) -> Judgement:
        """The judgement with this log."""
        return weigh(self.world, self.source, self.letters, self.log(*parts), waiting_count=0)


@pytest.fixture
def town() -> Town:
    """A new one."""
    return Town()


def test_a_letter_that_arrived_whole_breaks_no_promise(town: Town) -> None:
    """A judgement that finds fault with everything is read by nobody."""
    town.deliver(RECEIVED + town.raw)

    judgement = town.judged(ENTERED, TRIED, SENT, REMOVED)

    assert judgement.named == ()
    assert judgement.compared_count == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: RECEIVED + raw.replace(b"\r\n\r\n", b"\r\n\r\n\r\n", 1),
        lambda raw: RECEIVED + raw + b"\r\n",
        lambda raw: b"X-Scanned: yes\r\n" + raw,
        lambda raw: b"Message-ID: <another@mx1>\r\n" + raw,
        lambda raw: b"Received: by mx1" + raw,
        lambda raw: raw.replace(b"Subject", b"subject", 1),
    ],
)
def test_an_altered_octet_is_seen(spoil: Callable[[bytes], bytes]) -> None:
    """A changed octet breaks signatures, and the certificate would be about another message."""
    raw = Letters().letter(SENDER, "anna@example.org")

    assert is_as_sent(RECEIVED + raw, raw)
    assert not is_as_sent(spoil(raw), raw)


def test_an_altered_message_is_a_broken_promise(town: Town) -> None:
    """What is seen and not named is not seen. The folding of a header changes octets and not the content."""
    town.raw = town.raw.replace(b"Subject: ", b"Subject:\r\n ", 1)
    town.deliver(RECEIVED + town.raw)

    assert list(town.judged(ENTERED, TRIED, SENT, REMOVED).named) == [
        f"altered: Courrier 1 in the mailbox of {town.address} at the source"
    ]


@pytest.mark.parametrize(
    ("is_full", "notice", "is_kept"), [(True, TOLD, True), (True, "", False), (False, TOLD, False)]
)
def test_a_message_that_came_back_is_accounted_for_only_if_its_sender_was_told_why(
    town: Town, *, is_full: bool, notice: str, is_kept: bool
) -> None:
    """A bounce of which nobody hears is a lost message, and one without a full mailbox is our fault."""
    if is_full:
        town.source.filled[town.address] = Room.NONE_REFUSING

    named = town.judged(ENTERED, TRIED, FULL, notice, REMOVED).named

    assert [each.partition(":")[0] for each in named] == ([] if is_kept else ["returned"])


def test_a_probe_that_was_left_is_a_broken_promise(town: Town) -> None:
    """People would find messages of ours in their mailboxes."""
    town.deliver(RECEIVED + town.raw)
    town.deliver(f"Subject: {PROBE_SUBJECT} 1\r\n\r\n.\r\n".encode())

    assert town.judged(ENTERED, TRIED, SENT, REMOVED).named == (
        f"a probe was left in the mailbox of {town.address} at the source",
    )


def test_a_bounce_that_no_postfix_gave_is_a_broken_promise(town: Town) -> None:
    """The tenant may give mail back too, and there is no full mailbox to excuse it."""
    (journey,) = town.world.trace.journeys.values()
    journey.bounced = "5.4.14 Hop count exceeded"

    assert town.judged().named == (f"bounced: to {town.address}: 5.4.14 Hop count exceeded",)


@pytest.mark.parametrize("parts", [(), (ENTERED,), (ENTERED, TRIED, SENT)])
def test_a_letter_that_the_log_loses_is_a_broken_promise(
    town: Town, parts: tuple[str, ...]
) -> None:
    """A copy is in its mailbox; another one may still come, or the log is not the one of this mail."""
    town.deliver(RECEIVED + town.raw)

    (named,) = town.judged(*parts).named

    assert named.startswith(f"no end: Courrier 1 to {town.address}")


def test_every_broken_promise_is_in_the_report() -> None:
    """A program reads the report, and would take a rehearsal that failed for one that did not."""
    rows = [
        {"address": "a", "stage": "MIGRATED", "code": "", "certificate": "a.json"},
        {"address": "b", "stage": "SET_ASIDE", "code": "alias_changed", "certificate": ""},
        {"address": "c", "stage": "MIGRATED", "code": "", "certificate": ""},
    ]

    outcome = Outcome({"broken": list(broken_ends(rows, 7, 8))})

    assert outcome.broken == (
        "b ended SET_ASIDE (alias_changed)",
        "c has no certificate",
        "only 7 messages were sent during the cutover",
    )
