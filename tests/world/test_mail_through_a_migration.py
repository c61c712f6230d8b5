"""A migration done by hand in the simulated world: done right it is clean, done wrong the judgement says how."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.world.cloud import CloudMailbox
from sandbox.world.coexistence import Coexistence, prepare_coexistence
from sandbox.world.migration_states import UserStatus
from sandbox.world.population import Person, populate
from sandbox.world.verdict import canonical_hash, judge, marks_over
from sandbox.world.weather import ORDINARY, Weather
from sandbox.world.world import World

MESSAGE_BYTES_MAX = 40_000
WEATHER = replace(ORDINARY, migration_message_max_bytes=MESSAGE_BYTES_MAX)
# Longer than any transport server keeps its copy of a group.
CACHE_PATIENCE = timedelta(hours=2)


class ByHand:
    """An administrator with a runbook."""

    def __init__(self, weather: Weather = WEATHER, seed: int = 9) -> None:
        self.now_utc = datetime(2026, 3, 1, 8, tzinfo=UTC)
        self.world = World(seed, lambda: self.now_utc, weather)
        self.people = populate(self.world, 3, messages_each=22, over_limit_bytes=60_000)
        for person in self.people:
            self.open_cloud_mailbox(person)
        self.names: Coexistence = prepare_coexistence(
            self.world, members=tuple(person.address for person in self.people)
        )
        self.pass_time(hours=2)

    def open_cloud_mailbox(self, person: Person) -> None:
        addresses = {person.address, self.world.naming.routing_address(person.address)}
        guid = f"g-{person.user_name}"
        mailbox = CloudMailbox(guid, guid, person.address, addresses, self.now_utc)
        self.world.tenant.mailboxes.open(mailbox)

    def pass_time(self, **units: float) -> None:
        """Let hours pass in which people write to each other, from outside and from inside."""
        steps = 6
        for _ in range(steps):
            self.now_utc += timedelta(**units) / steps
            for person in self.people:
                self.world.mail_from_outside(person.address)
                self.world.mail_from_inside("boss@exampleorg.onmicrosoft.com", person.address)

    def rest(self) -> None:
        """Let everything under way arrive; nobody writes any more."""
        self.now_utc += timedelta(hours=12)
        assert self.world.mail_in_flight_count() == 0

    def sync(self) -> None:
        """Copy, until the service says Synced."""
        lines = [
            f'"{p.address}","{p.user_name}","{p.password.replace(chr(34), chr(34) * 2)}"'
            for p in self.people
        ]
        csv = "\r\n".join(["EmailAddress,UserName,Password", *lines]).encode()
        migration = self.world.tenant.migration
        migration.create_batch("lot-1", self.names.endpoint_name, csv)
        migration.start_batch("lot-1")
        self.pass_time(hours=4)
        assert {user.status for user in migration.users()} == {UserStatus.SYNCED}

    def detach(self) -> None:
        """Take everybody out of the group."""
        for person in self.people:
            self.world.tenant.groups.remove_member(self.names.group_address, person.address)

    def redirect(self) -> None:
        """Point everybody's alias at the tenant."""
        naming = self.world.naming
        for person in self.people:
            home = naming.source_address(person.address)
            away = naming.routing_address(person.address)
            assert self.world.aliases.replace(person.address, home, away) == 1

    def final_sync(self) -> None:
        """One more delta, after the queue has run dry."""
        self.now_utc += timedelta(hours=12)
        self.world.tenant.migration.sync_batch_now("lot-1")
        self.now_utc += timedelta(hours=4)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_right_order_loses_nothing_and_doubles_nothing(seed: int) -> None:
    """If the world cannot be lived well by hand, it judges the product wrongly."""
    runbook = ByHand(seed=seed)

    runbook.sync()
    runbook.detach()
    runbook.pass_time(hours=CACHE_PATIENCE.total_seconds() / 3600)
    runbook.redirect()
    runbook.pass_time(hours=1)
    runbook.final_sync()
    runbook.rest()

    verdict = judge(runbook.world, named=marks_over(runbook.world, MESSAGE_BYTES_MAX))
    assert verdict.lost == ()
    assert verdict.doubled == ()
    assert verdict.clean
    assert verdict.named_count == 1
    assert verdict.hops_max <= 2


def test_without_the_last_sync_late_mail_is_lost() -> None:
    """Mail that came home after the last delta must be missed by name."""
    runbook = ByHand()
    runbook.sync()
    runbook.detach()
    runbook.redirect()
    runbook.rest()

    verdict = judge(runbook.world, named=marks_over(runbook.world, MESSAGE_BYTES_MAX))

    assert len(verdict.lost) > 0
    assert verdict.nowhere == ()


def test_an_alias_turned_before_the_caches_are_fresh_makes_mail_go_round() -> None:
    """The order is a promise; breaking it has to show."""
    runbook = ByHand(replace(WEATHER, postfix_deferral_probability=0.0))
    runbook.sync()
    runbook.redirect()
    runbook.pass_time(hours=1)
    runbook.rest()

    verdict = judge(runbook.world, named=marks_over(runbook.world, MESSAGE_BYTES_MAX))

    assert verdict.loop_count > 0
    assert not verdict.clean


def test_the_same_life_ends_in_the_same_state() -> None:
    """Crash tests compare end states; what is not the same by itself cannot be compared."""

    def life() -> str:
        runbook = ByHand()
        runbook.sync()
        runbook.detach()
        runbook.rest()
        return canonical_hash(runbook.world)

    assert life() == life()
