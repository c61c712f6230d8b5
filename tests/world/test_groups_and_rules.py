"""Groups, their stale copies, and the rules that route by them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.world.cloud import CloudMailbox
from sandbox.world.coexistence import CONNECTOR_NAME, RULE_NAME, STAMP_NAME, prepare_coexistence
from sandbox.world.exchange_refusals import (
    DomainNotAccepted,
    InvalidArgument,
    MemberAlready,
    MemberMissing,
    NotFound,
)
from sandbox.world.groups import DistributionGroup
from sandbox.world.mail import with_header
from sandbox.world.rules import RuleErrorAction
from sandbox.world.weather import CALM, Span, Weather
from sandbox.world.world import World

ANNA = "anna@example.org"
ANNA_ROUTING = "anna@exampleorg.onmicrosoft.com"
LETTER = b"Subject: hello\r\n\r\nHello.\r\n"


class Hand:
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        self.now_utc = datetime(2026, 3, 1, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now_utc

    def pass_time(self, **units: float) -> None:
        self.now_utc += timedelta(**units)


def with_anna(world: World) -> None:
    world.tenant.mailboxes.open(
        CloudMailbox(
            user_id="u-anna",
            exchange_guid="g-anna",
            primary_address=ANNA,
            addresses={ANNA, ANNA_ROUTING},
            opened_utc=world.kernel.now_utc(),
        )
    )


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def prepared(hand: Hand) -> Callable[[Weather], World]:
    def make(weather: Weather = CALM) -> World:
        world = World(7, hand, weather)
        with_anna(world)
        prepare_coexistence(world)
        return world

    return make


def group_of(world: World) -> str:
    return f"utilisateurs.non.migres@{world.tenant.initial_domain}"


def servers_routing_home(world: World, raw: bytes = LETTER, to: str = ANNA) -> int:
    count = world.weather.transport_server_count
    return sum(world.tenant.rules.route(to, raw, server) is not None for server in range(count))


def test_a_member_is_routed_home_under_every_address(prepared: Callable[..., World]) -> None:
    """Were only the primary address matched, mail relayed to the routing address would slip past the rule."""
    world = prepared()
    world.tenant.groups.add_member(group_of(world), ANNA)

    decision = world.tenant.rules.route(ANNA_ROUTING, LETTER, 0)

    assert decision is not None
    assert decision.connector_name == CONNECTOR_NAME
    assert decision.stamp == (STAMP_NAME, "1")


def test_stamped_mail_is_spared_by_the_rule(prepared: Callable[..., World]) -> None:
    """The stamp is the second line of defence against loops."""
    world = prepared()
    world.tenant.groups.add_member(group_of(world), ANNA)

    assert servers_routing_home(world, with_header(LETTER, STAMP_NAME, "1")) == 0


def test_some_servers_go_on_routing_by_a_removed_member_until_their_copy_expires(
    prepared: Callable[..., World], hand: Hand
) -> None:
    """Without stale copies a cutover that trusts the written membership would look safe and lose mail."""
    world = prepared(Weather(group_cache_age=Span(600, 3600)))
    world.tenant.groups.add_member(group_of(world), ANNA)
    hand.pass_time(hours=2)
    world.tenant.groups.remove_member(group_of(world), ANNA)

    seen = [servers_routing_home(world)]
    for _ in range(60):
        hand.pass_time(minutes=1)
        seen.append(servers_routing_home(world))

    assert world.tenant.groups.members(group_of(world)) == []
    assert seen[0] == 4
    assert set(seen) >= {0, 1, 2, 3, 4}
    assert seen == sorted(seen, reverse=True)


def test_when_a_copy_was_taken_does_not_depend_on_who_asked(hand: Hand) -> None:
    """The simulation must live the same life under one seed, however often it is looked at."""

    def life(looks: int) -> list[int]:
        clock = Hand()
        world = World(11, clock, Weather(group_cache_age=Span(60, 900)))
        with_anna(world)
        prepare_coexistence(world, members=(ANNA,))
        clock.pass_time(hours=3)
        world.tenant.groups.remove_member(group_of(world), ANNA)
        for _ in range(looks):
            clock.pass_time(minutes=8 / looks)
            servers_routing_home(world)
        return [servers_routing_home(world)]

    assert life(1) == life(8)


def test_a_reader_sees_a_member_only_after_the_replication_delay(
    prepared: Callable[..., World], hand: Hand
) -> None:
    """A read-back right after a write may lie; the product must ask again."""
    world = prepared(Weather(exchange_replication=Span(30, 30)))
    hand.pass_time(minutes=1)
    world.tenant.groups.add_member(group_of(world), ANNA)

    before = world.tenant.groups.members_seen(group_of(world))
    hand.pass_time(seconds=31)
    after = world.tenant.groups.members_seen(group_of(world))

    assert before == []
    assert [member.primary_address for member in after] == [ANNA]


def test_adding_twice_and_removing_twice_are_told_apart(prepared: Callable[..., World]) -> None:
    """The product takes these two refusals for success; a silent second success would hide it."""
    world = prepared()
    world.tenant.groups.add_member(group_of(world), ANNA)
    with pytest.raises(MemberAlready):
        world.tenant.groups.add_member(group_of(world), ANNA_ROUTING)
    world.tenant.groups.remove_member(group_of(world), ANNA)
    with pytest.raises(MemberMissing):
        world.tenant.groups.remove_member(group_of(world), ANNA)


def test_a_deleted_group_silently_disables_the_rule_even_when_made_again(
    prepared: Callable[..., World],
) -> None:
    """The drift guard exists because of this; a rule that healed by itself would never exercise it."""
    world = prepared()
    world.tenant.groups.add_member(group_of(world), ANNA)
    world.tenant.groups.remove(group_of(world))
    groups = world.tenant.groups
    groups.create(DistributionGroup(groups.new_guid(), "again", "again", "again", group_of(world)))
    groups.add_member(group_of(world), ANNA)

    assert servers_routing_home(world) == 0
    assert world.tenant.rules.rule_written(RULE_NAME).is_enabled


def test_members_of_a_member_group_are_routed_home(prepared: Callable[..., World]) -> None:
    """Administrators nest groups; the rule sees through them."""
    world = prepared()
    groups = world.tenant.groups
    groups.create(
        DistributionGroup(groups.new_guid(), "staff", "Staff", "staff", "staff@example.org")
    )
    groups.add_member("staff", ANNA)
    groups.add_member(group_of(world), "staff@example.org")

    assert servers_routing_home(world) == 4


def test_a_rule_change_reaches_each_server_in_its_own_time(
    prepared: Callable[..., World], hand: Hand
) -> None:
    """A rule just made does not hold everywhere at once; preparation must wait for it."""
    world = prepared(Weather(rule_change=Span(60, 1800)))
    world.tenant.groups.add_member(group_of(world), ANNA)

    at_once = servers_routing_home(world)
    hand.pass_time(minutes=31)

    assert at_once < 4
    assert servers_routing_home(world) == 4


def test_a_rule_without_usable_connector_defers_or_delivers_as_told(
    prepared: Callable[..., World],
) -> None:
    """Mail for a mailbox that is not migrated must wait, not land where nobody reads it."""
    world = prepared()
    rules = world.tenant.rules
    world.tenant.groups.add_member(group_of(world), ANNA)
    off = rules.outbound_written(CONNECTOR_NAME)
    rules.change_outbound(replace(off, is_enabled=False))

    deferred = rules.route(ANNA, LETTER, 0)
    rule = rules.rule_written(RULE_NAME)
    rules.change_rule(replace(rule, error_action=RuleErrorAction.IGNORE))

    assert deferred is not None
    assert deferred.is_deferred
    assert rules.route(ANNA, LETTER, 0) is None


def test_a_connector_in_use_cannot_be_removed(prepared: Callable[..., World]) -> None:
    """Taking the tenant apart in the wrong order is refused, as the service refuses it."""
    world = prepared()
    with pytest.raises(InvalidArgument, match="used by the transport rule"):
        world.tenant.rules.remove_outbound(CONNECTOR_NAME)


def test_addresses_of_groups_must_lie_in_an_accepted_domain(prepared: Callable[..., World]) -> None:
    """A typing error in the plan's domain shows at once."""
    groups = prepared().tenant.groups
    with pytest.raises(DomainNotAccepted):
        groups.create(DistributionGroup(groups.new_guid(), "x", "x", "x", "x@elsewhere.test"))


def test_unknown_groups_and_members_are_not_found(prepared: Callable[..., World]) -> None:
    """Not found is what the product turns into a reason code."""
    world = prepared()
    with pytest.raises(NotFound):
        world.tenant.groups.add_member("nobody@example.org", ANNA)
    with pytest.raises(NotFound):
        world.tenant.groups.add_member(group_of(world), "nobody@example.org")
