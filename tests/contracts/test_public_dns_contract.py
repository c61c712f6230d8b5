"""What public DNS promises, on real servers and in the simulated world; the real one starts two servers, about 5 s."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from bascule.adapters.public_dns import DnsPythonPublicDns
from bascule.domain.dns_records import DnsKind, DnsRecord, NameServer, Outcome
from bascule.domain.plan_dns import DnsPlan
from bascule.domain.spf import SpfResult
from bascule.ports.public_dns import PublicDns
from sandbox.bound.public_dns import WorldPublicDns
from sandbox.faces.server import Faces
from sandbox.servers.machine import ServersMissing, private_folder
from sandbox.servers.nsd import Nsd, require_nsd
from sandbox.world.world import World

ZONE = """
@ 600 IN MX 10 mx1
@ 600 IN TXT "v=spf1 include:spf.example.org -all"
spf 600 IN TXT "v=spf1 ip4:198.51.100.0/24 -all"
autodiscover 900 IN CNAME autodiscover.example.org.test.
"""


@dataclass(frozen=True)
class Door:
    """Public DNS with one zone on two servers."""

    dns: PublicDns
    silence: Callable[[], None]
    """Let the second server fall silent."""


@pytest.fixture(params=["world", "face", pytest.param("servers", marks=pytest.mark.slow)])
def door(request: pytest.FixtureRequest) -> Iterator[Door]:
    """The same zone behind either door."""
    if request.param == "world":
        world = zoned_world()
        yield Door(WorldPublicDns(world), silencing(world))
        return
    if request.param == "face":
        world = zoned_world()
        with Faces(world) as faces:
            said = faces.addresses["dns"]
            plan = DnsPlan(
                resolvers=tuple(said["resolvers"]),
                authorities=tuple(said["authorities"]),
                timeout_s=1,
            )
            yield Door(DnsPythonPublicDns(plan), silencing(world))
        return
    try:
        require_nsd()
    except ServersMissing as missing:
        pytest.fail(str(missing), pytrace=False)
    with private_folder() as folder:
        servers = Nsd(folder / "one"), Nsd(folder / "two")
        try:
            for server in servers:
                server.publish({"example.org": ZONE})
            names = (str(servers[0]), str(servers[1]))
            plan = DnsPlan(resolvers=names[:1], authorities=names, timeout_s=1)
            yield Door(DnsPythonPublicDns(plan), servers[1].stop)
        finally:
            for server in servers:
                server.stop()


def zoned_world() -> World:
    """A world with the same zone as the servers have."""
    world = World(1, lambda: datetime(2026, 3, 2, tzinfo=UTC))
    zones = world.dns
    zones.publish("example.org", "MX", ("10 mx1.example.org",), 600)
    zones.publish("example.org", "TXT", ("v=spf1 include:spf.example.org -all",), 600)
    zones.publish("spf.example.org", "TXT", ("v=spf1 ip4:198.51.100.0/24 -all",), 600)
    target = ("autodiscover.example.org.test",)
    zones.publish("autodiscover.example.org", "CNAME", target, 900)
    return world


def silencing(world: World) -> Callable[[], None]:
    """How the second server of a world falls silent."""
    return lambda: world.dns.silent.add(world.dns.SERVERS[1])


def authority(door: Door, number: int = 0) -> NameServer:
    """One of the two servers."""
    return door.dns.authorities("example.org")[number]


def test_the_servers_of_a_zone_are_authoritative_and_resolvers_are_not(door: Door) -> None:
    """A resolver's TTL is what is left of one; taken for the zone's it ends a wait too early."""
    servers = door.dns.authorities("example.org")

    assert len(servers) == 2
    assert all(each.is_authority and each.address for each in servers)
    assert [each.is_authority for each in door.dns.resolvers()] == [False]


def test_records_come_with_values_and_ttl(door: Door) -> None:
    """The difference and the waits are made of nothing else."""
    for server in (authority(door), authority(door, 1), door.dns.resolvers()[0]):
        answer = door.dns.look_up("example.org", DnsKind.MX, server)

        assert (answer.outcome, answer.alias, answer.alias_ttl_s) == (Outcome.FOUND, "", 0)
        assert answer.records == (DnsRecord("example.org", DnsKind.MX, "10 mx1.example.org", 600),)


@pytest.mark.parametrize(
    ("name", "kind", "outcome"),
    [
        ("nobody.example.org", DnsKind.MX, Outcome.NO_NAME),
        ("spf.example.org", DnsKind.MX, Outcome.NO_DATA),
        ("elsewhere.test", DnsKind.MX, Outcome.REFUSED),
        ("autodiscover.example.org", DnsKind.CNAME, Outcome.FOUND),
    ],
)
def test_outcomes_are_told_apart(door: Door, name: str, kind: DnsKind, outcome: Outcome) -> None:
    """Not there, not yet there, and not to be known lead to three different waits."""
    assert door.dns.look_up(name, kind, authority(door)).outcome is outcome


def test_an_alias_beside_is_told_with_its_own_ttl(door: Door) -> None:
    """A CNAME where an exchanger must be has to be taken out, and is remembered as long as it says."""
    answer = door.dns.look_up("autodiscover.example.org", DnsKind.MX, authority(door))

    assert (answer.alias, answer.alias_ttl_s) == ("autodiscover.example.org.test", 900)
    assert answer.records == ()
    assert answer.is_known


def test_a_silent_server_is_an_answer_and_no_error(door: Door) -> None:
    """One dead server must not hide what the others say."""
    second = authority(door, 1)
    door.silence()

    assert door.dns.look_up("example.org", DnsKind.MX, second).outcome is Outcome.SILENT
    assert door.dns.look_up("example.org", DnsKind.MX, authority(door)).is_known


def test_a_session_says_again_what_it_was_told_and_the_next_one_asks_anew(door: Door) -> None:
    """Half a look at the old zone and half at the new one would find fault with both."""
    second, session = authority(door, 1), door.dns.session()
    told = session.look_up("example.org", DnsKind.MX, second)
    door.silence()

    assert told.outcome is Outcome.FOUND
    assert session.look_up("example.org", DnsKind.MX, second) == told
    assert session.look_up("example.org", DnsKind.TXT, second).outcome is Outcome.SILENT
    assert session.authorities("example.org") == door.dns.authorities("example.org")
    anew = door.dns.session().look_up("example.org", DnsKind.MX, second)
    assert anew.outcome is Outcome.SILENT


@pytest.mark.parametrize(
    ("sender", "result"), [("198.51.100.7", SpfResult.PASS), ("192.0.2.1", SpfResult.FAIL)]
)
def test_spf_is_judged_over_what_it_includes(door: Door, sender: str, result: SpfResult) -> None:
    """A record is only as right as those that it includes."""
    record = "v=spf1 include:spf.example.org -all"

    assert door.dns.check_sender("example.org", record, sender).result is result
