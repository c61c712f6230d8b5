"""Mail between Postfix, Dovecot and the tenant, before any protocol."""

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.world.cloud import CloudMailbox
from sandbox.world.groups import DistributionGroup
from sandbox.world.mail import fingerprint, header
from sandbox.world.population import populate
from sandbox.world.recipients import DomainType
from sandbox.world.traffic import Refused
from sandbox.world.transport import RelayDecision
from sandbox.world.verdict import judge
from sandbox.world.weather import CALM, Span, Weather
from sandbox.world.world import World

ANNA = "anna@example.org"
ANNA_SOURCE = "anna@ca.example.org"
ANNA_CLOUD = "anna@exampleorg.onmicrosoft.com"


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now_utc = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now_utc

    def pass_time(self, seconds: float) -> None:
        """Move on."""
        self.now_utc += timedelta(seconds=seconds)


class Village:
    """A world with Anna, who has a mailbox on both sides."""

    def __init__(self, weather: Weather = CALM) -> None:
        self.clock = Clock()
        self.world = World(7, self.clock, weather)
        self.anna = self.world.source.add(ANNA, "secret")
        self.world.aliases.edit_by_hand(ANNA, [ANNA_SOURCE])
        self.cloud = CloudMailbox("u1", "guid-1", ANNA, {ANNA, ANNA_CLOUD}, self.clock())

    def open_cloud_mailbox(self) -> None:
        """As a licence does."""
        self.world.tenant.mailboxes.open(self.cloud)

    def settle(self, seconds: float = 3600) -> None:
        """Let the mail arrive."""
        self.clock.pass_time(seconds)
        assert self.world.mail_in_flight_count() == 0

    def at_source(self) -> list[bytes]:
        """Anna's INBOX at the source."""
        return [m.raw for m in self.anna.store.folder("INBOX").messages.values()]

    def in_cloud(self) -> list[bytes]:
        """Anna's Inbox in the tenant."""
        return [m.raw for m in self.cloud.store.folder("Inbox").messages.values()]


class RelayEverything:
    """A rule that sends every recipient, or one, back to Postfix, stamped or not."""

    def __init__(self, except_header: str | None = None, only: str | None = None) -> None:
        self._except_header = except_header
        self._only = only
        self.servers_asked: set[int] = set()
        self.addresses_asked: set[str] = set()

    def route(self, recipient: str, raw: bytes, server_index: int) -> RelayDecision | None:
        """Relay unless the message carries the stamp."""
        self.servers_asked.add(server_index)
        self.addresses_asked.add(recipient)
        if self._except_header and header(raw, self._except_header):
            return None
        if self._only and recipient != self._only:
            return None
        return RelayDecision("To Postfix", ("X-Bascule-Routed", "1"))


def test_mail_from_outside_reaches_the_inbox_with_the_headers_of_the_way() -> None:
    """Without it no rehearsal has mail at all."""
    village = Village()

    journey = village.world.mail_from_outside(ANNA)
    village.settle()

    (raw,) = village.at_source()
    assert header(raw, "Delivered-To") == ANNA_SOURCE
    assert header(raw, "Return-Path") == "<client@example.net>"
    assert header(raw, "Received") is not None
    assert fingerprint(raw) == journey.fingerprint
    assert journey.delivered_to == [f"source:{ANNA}"]


def test_an_alias_to_the_tenant_moves_new_mail() -> None:
    """The cutover is this one row; it must turn the mail."""
    village = Village()
    village.open_cloud_mailbox()
    village.world.aliases.edit_by_hand(ANNA, [ANNA_CLOUD])

    journey = village.world.mail_from_outside(ANNA)
    village.settle()

    assert len(village.in_cloud()) == 1
    assert village.at_source() == []
    assert journey.hops == ["postfix->tenant"]


def test_queued_mail_keeps_the_destination_of_the_moment_it_entered() -> None:
    """A final sync that believes otherwise leaves stragglers at the source."""
    village = Village()
    village.open_cloud_mailbox()
    village.world.mail_from_outside(ANNA)
    village.world.aliases.edit_by_hand(ANNA, [ANNA_CLOUD])

    village.settle()

    assert len(village.at_source()) == 1
    assert village.in_cloud() == []


def test_two_rows_deliver_a_copy_to_both_sides() -> None:
    """A kept copy comes back as a double by the next delta; the world must show it."""
    village = Village()
    village.open_cloud_mailbox()
    village.world.aliases.edit_by_hand(ANNA, [ANNA_SOURCE, ANNA_CLOUD])

    village.world.mail_from_outside(ANNA)
    village.settle()

    assert len(village.at_source()) == len(village.in_cloud()) == 1


def test_a_list_alias_gives_each_person_an_own_journey() -> None:
    """A message lost for one member of a list must be seen as lost for that one."""
    village = Village()
    bela = village.world.source.add("bela@example.org", "secret")
    village.world.aliases.edit_by_hand("bela@example.org", ["bela@ca.example.org"])
    village.world.aliases.edit_by_hand("team@example.org", [ANNA, "bela@example.org"])

    village.world.mail_from_outside("team@example.org")
    village.settle()

    assert len(village.at_source()) == len(bela.store.folder("INBOX").messages) == 1
    assert {m for m, _ in village.world.trace.expected()} == {ANNA, "bela@example.org"}
    assert judge(village.world).clean


def test_a_group_is_opened_before_the_rules_and_reaches_each_member_on_their_own_side() -> None:
    """The classic misroute: one message to people at home and in the cloud, some of them in two groups."""
    village = Village()
    village.open_cloud_mailbox()
    bela = "bela@example.org"
    box = CloudMailbox("u2", "guid-2", bela, {bela}, village.clock())
    village.world.tenant.mailboxes.open(box)
    village.world.source.add(bela, "secret")
    village.world.aliases.edit_by_hand(bela, ["bela@ca.example.org"])
    village.world.tenant.transport.rules = RelayEverything(only=bela)
    groups = village.world.tenant.groups
    for name, members in (("inner", [ANNA, bela]), ("team", [ANNA, "inner@example.org"])):
        groups.create(DistributionGroup(f"g-{name}", name, name, name, f"{name}@example.org"))
        for member in members:
            groups.add_member(name, member)

    village.world.mail_from_inside("boss@example.org", "team@example.org")
    village.settle()

    assert len(village.in_cloud()) == 1
    assert box.store.folder("Inbox").messages == {}
    assert judge(village.world, in_cloud=[ANNA]).clean


def test_a_catch_all_row_serves_addresses_without_a_row() -> None:
    """virtual(5) asks the domain's row last; a survey that forgets it misreads the route."""
    village = Village()
    village.world.aliases.edit_by_hand("@example.org", [ANNA_SOURCE])

    village.world.mail_from_outside("whoever@example.org")
    village.settle()

    assert len(village.at_source()) == 1


def test_a_row_that_names_a_domain_keeps_the_local_part() -> None:
    """virtual(5) moves a whole domain with one row; it goes past the rows of everybody in it."""
    village = Village()
    village.world.aliases.edit_by_hand("@example.com", ["@ca.example.org"])

    village.world.postfix.receive(b"Subject: x\r\n\r\n", ["anna@example.com"])
    village.settle()

    assert len(village.at_source()) == 1


def test_rows_that_lead_in_a_circle_take_no_mail() -> None:
    """A table edited in a hurry must show as mail that came back, not as mail that vanished."""
    village = Village()
    village.world.aliases.edit_by_hand(ANNA, ["a.nna@example.org"])
    village.world.aliases.edit_by_hand("a.nna@example.org", [ANNA])

    journey = village.world.mail_from_outside(ANNA)

    assert journey.bounced is not None


def test_an_unknown_recipient_is_refused_before_acceptance() -> None:
    """Mail that was never accepted must not count as lost."""
    village = Village()

    with pytest.raises(Refused, match=r"550 5\.1\.1"):
        village.world.mail_from_outside("nobody@example.org")

    assert village.world.trace.journeys == {}


def test_a_row_to_nowhere_bounces() -> None:
    """A typing mistake in the table loses mail; the judgement has to count it."""
    village = Village()
    village.world.aliases.edit_by_hand(ANNA, ["anna.typo@ca.example.org"])

    journey = village.world.mail_from_outside(ANNA)
    village.settle()

    assert journey.bounced is not None
    assert not judge(village.world).clean


def test_deferred_mail_arrives_in_the_end() -> None:
    """A mailbox is not quiet while Postfix still holds a message for it."""
    village = Village(Weather(postfix_deferral_probability=0.7, postfix_retry=Span(300, 600)))
    for _ in range(10):
        village.world.mail_from_outside(ANNA)
    village.clock.pass_time(30)
    assert village.world.mail_in_flight_count() > 0

    village.settle(86_400)

    assert len(village.at_source()) == 10


def test_a_rule_and_an_alias_together_are_a_loop_that_somebody_stops() -> None:
    """Both redirects at once is the one thing that must never be; the world has to show it loudly."""
    village = Village()
    village.open_cloud_mailbox()
    village.world.tenant.transport.rules = RelayEverything()
    village.world.aliases.edit_by_hand(ANNA, [ANNA_CLOUD])

    journey = village.world.mail_from_outside(ANNA)
    village.settle()

    assert journey.bounced is not None
    assert journey.bounced.startswith("5.4.14")
    verdict = judge(village.world)
    assert verdict.loop_count == 1
    assert verdict.hops_max >= 20


def test_the_stamp_ends_the_loop_after_one_round() -> None:
    """The second line of defence: stamped mail is delivered where it comes back to."""
    village = Village()
    village.open_cloud_mailbox()
    village.world.tenant.transport.rules = RelayEverything(except_header="X-Bascule-Routed")
    village.world.aliases.edit_by_hand(ANNA, [ANNA_CLOUD])

    journey = village.world.mail_from_outside(ANNA)
    village.settle()

    assert journey.hops == ["postfix->tenant", "tenant->postfix", "postfix->tenant"]
    assert len(village.in_cloud()) == 1


def test_mail_from_inside_meets_every_transport_server_in_time() -> None:
    """Only repeated probes meet the server whose memory of the group is old."""
    village = Village()
    village.open_cloud_mailbox()
    rules = RelayEverything()
    village.world.tenant.transport.rules = rules

    for _ in range(40):
        village.world.mail_from_inside("boss@example.org", ANNA)
    village.settle()

    assert rules.servers_asked == {0, 1, 2, 3}
    assert rules.addresses_asked == {ANNA}
    assert len(village.at_source()) == 40


def test_an_internal_relay_domain_sends_unknown_recipients_to_postfix() -> None:
    """Colleagues without an account in the tenant must stay reachable from inside."""
    village = Village()
    village.world.tenant.accepted_domains["example.org"] = DomainType.INTERNAL_RELAY

    village.world.mail_from_inside("boss@example.org", ANNA)
    village.settle()

    assert len(village.at_source()) == 1


def test_an_authoritative_domain_bounces_unknown_recipients() -> None:
    """Making the domain authoritative too early loses mail; the world has to do the same."""
    village = Village()

    journey = village.world.mail_from_inside("boss@example.org", ANNA)
    village.settle()

    assert journey.bounced is not None


def test_a_message_without_message_id_gets_one_in_the_cloud_and_keeps_its_identity() -> None:
    """The certificate matches by content where there was no Message-ID."""
    village = Village()
    village.open_cloud_mailbox()
    raw = b"From: scan@example.net\r\nSubject: Scan\r\n\r\nPage\r\n"

    village.world.tenant.transport.receive(raw, [ANNA])
    village.settle()

    (stored,) = village.in_cloud()
    assert header(stored, "Message-ID") is not None
    assert fingerprint(stored) == fingerprint(raw)


def test_mail_that_returns_by_a_real_protocol_is_recognised() -> None:
    """With a real Postfix outside the process the same message must not count twice."""
    village = Village()
    village.open_cloud_mailbox()
    raw = b"From: a@example.net\r\nSubject: Once\r\n\r\nOnce\r\n"
    first = village.world.trace.accept(fingerprint(raw), ANNA, "postfix", village.clock(), raw)

    (journey,) = village.world.tenant.transport.receive(raw, [ANNA_CLOUD], from_source=True)

    assert journey is first


def test_the_same_seed_lives_the_same_life() -> None:
    """A failing seed that cannot be lived again cannot be understood."""

    def life() -> list[tuple[str, tuple[str, ...]]]:
        clock = Clock()
        world = World(11, clock, Weather(postfix_deferral_probability=0.5))
        people = populate(world, 3)
        for person in people * 3:
            world.mail_from_outside(person.address)
            clock.pass_time(60)
        clock.pass_time(86_400)
        assert world.mail_in_flight_count() == 0
        return [(j.recipient, tuple(j.delivered_to)) for j in world.trace.journeys.values()]

    assert life() == life()
