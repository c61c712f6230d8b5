"""What the completion concludes from real DNS servers, phase by phase; the rest of its world is simulated."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from activities.watch_dns import watch_dns
from bascule.domain.completion import COMPLETION, CompletionRecord, CompletionRef, Phase
from sandbox.bound.ports import BoundPorts, bound_ports
from sandbox.in_process.plan import plan_of
from sandbox.local_host.clock import VirtualClock
from sandbox.servers.nsd import Nsd
from sandbox.world.coexistence import prepare_coexistence
from sandbox.world.world import World
from tests.dns.town import BEFORE, DONE, Town

pytestmark = pytest.mark.slow


class Evening:
    """A completion that has begun, on the town's real servers."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.clock = VirtualClock(datetime(2026, 3, 2, 18, tzinfo=UTC))
        world = World(1, self.clock.now_utc)
        ports = bound_ports(world, plan_of(world, prepare_coexistence(world)))
        self.ports: BoundPorts = replace(
            ports,
            plan=replace(ports.plan, dns=town.plan),
            public_dns=town.ports.public_dns,
        )
        begun = CompletionRecord(phase_since_utc=self.clock.now_utc())
        ports.documents.amend(COMPLETION, CompletionRecord, lambda _: begun)

    def look(self, *, hours: float = 0.0) -> CompletionRecord:
        """One look after so many hours; the document after it."""
        self.clock.advance_to(self.clock.now_utc() + timedelta(hours=hours))
        watch_dns(self.ports, CompletionRef())
        record = self.ports.documents.find(COMPLETION, CompletionRecord)
        assert record is not None
        return record


@pytest.fixture
def evening(two_servers: tuple[Nsd, Nsd]) -> Evening:
    """The town before its change."""
    town = Town(two_servers)
    town.publish(BEFORE)
    return Evening(town)


def test_a_change_on_real_servers_is_followed_from_the_high_ttl_to_the_last_server(
    evening: Evening,
) -> None:
    """Every conclusion of the evening rests on answers like these."""
    assert evening.look().findings[0].startswith("ttl_high")
    low = replace(BEFORE, ttl_s=300)
    evening.town.publish(low)
    assert evening.look(hours=1).lowered_utc is not None
    assert evening.look(hours=23).phase is Phase.LOWERING
    assert evening.look(hours=1).phase is Phase.CHANGING

    evening.town.publish(DONE, low)
    behind = evening.look(hours=1)
    assert behind.shown_utc is None
    evening.town.publish(DONE)
    assert evening.look(hours=1).phase is Phase.CHANGING  # the old records are remembered for 300 s
    assert evening.look(hours=1).phase is Phase.READY

    evening.town.publish(low)
    assert evening.look(hours=1).phase is Phase.CHANGING


def test_a_silent_server_stops_every_conclusion(evening: Evening) -> None:
    """It may hold the old zone, and come back with it."""
    evening.town.publish(replace(BEFORE, ttl_s=300))
    evening.town.servers[1].stop()
    assert evening.look(hours=30).lowered_utc is None
    evening.town.publish(DONE)
    assert evening.look(hours=1).phase is Phase.CHANGING
