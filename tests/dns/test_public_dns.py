"""The DNS adapter against a real server: every outcome told apart, every question bounded."""

import socket
import threading
from pathlib import Path

import dns.flags
import dns.message
import pytest

from bascule.adapters.dns_memory import ANSWER_COUNT_MAX, DnsMemory
from bascule.adapters.public_dns import DnsPythonPublicDns
from bascule.domain.dns_records import Answer, DnsKind, DnsRecord, NameServer, Outcome
from bascule.domain.errors import Unreachable
from bascule.domain.plan_dns import DnsPlan
from bascule.domain.spf import SpfResult
from sandbox.servers.nsd import Nsd
from tests.dns.town import Town

pytestmark = pytest.mark.slow

Servers = tuple[Nsd, Nsd]
RESOLV_CONF = Path("/etc/resolv.conf")
LONG = "x" * 240
# A question on loopback takes microseconds, also where a thread waits for its turn.
ASKED_WITHIN_S = 30.0
ZONE = """
@ IN NS ns1
@ IN NS ns2
ns1 IN A 127.0.0.1
ns2 IN A 127.0.0.2
@ 600 IN MX 10 MX1
@ 600 IN MX 20 mx2
@ IN TXT "v=spf1 ip4:192.0.2.25 " "include:spf.example.org -all"
spf IN TXT "v=spf1 ip4:198.51.100.0/24 -all"
autodiscover 900 IN CNAME autodiscover.example.net.
_sip._tls IN SRV 100 1 443 sipdir.example.net.
empty.deep IN A 192.0.2.9
long IN TXT "a" "\\233"
""" + "\n".join(f'many IN TXT "{number} {LONG}"' for number in range(12))


@pytest.fixture
def server(two_servers: Servers) -> NameServer:
    """The first server, serving one zone."""
    two_servers[0].publish({"example.org": ZONE})
    return NameServer("one", str(two_servers[0]), is_authority=True)


def test_a_record_set_comes_with_its_values_and_its_ttl(
    public_dns: DnsPythonPublicDns, server: NameServer
) -> None:
    """A TTL that is not known is a wait that is guessed."""
    answer = public_dns.look_up("example.org", DnsKind.MX, server)

    assert answer.outcome is Outcome.FOUND
    assert set(answer.records) == {
        DnsRecord("example.org", DnsKind.MX, "10 mx1.example.org", 600),
        DnsRecord("example.org", DnsKind.MX, "20 mx2.example.org", 600),
    }


def test_texts_are_joined_and_may_hold_any_octet(
    public_dns: DnsPythonPublicDns, server: NameServer
) -> None:
    """A record longer than 255 octets would be read as two, and SPF as broken."""
    spf = public_dns.look_up("example.org", DnsKind.TXT, server)

    assert spf.values == ("v=spf1 ip4:192.0.2.25 include:spf.example.org -all",)
    assert public_dns.look_up("long.example.org", DnsKind.TXT, server).values == ("a\xe9",)


def test_an_answer_too_long_for_a_datagram_comes_whole(
    public_dns: DnsPythonPublicDns, server: NameServer
) -> None:
    """Domains with many TXT records would look as if they had none."""
    assert len(public_dns.look_up("many.example.org", DnsKind.TXT, server).records) == 12


@pytest.mark.parametrize(
    ("name", "kind", "outcome"),
    [
        ("nobody.example.org", DnsKind.A, Outcome.NO_NAME),
        ("example.org", DnsKind.SRV, Outcome.NO_DATA),
        ("deep.example.org", DnsKind.A, Outcome.NO_DATA),
        ("elsewhere.test", DnsKind.MX, Outcome.REFUSED),
        ("_sip._tls.example.org", DnsKind.SRV, Outcome.FOUND),
    ],
)
def test_nothing_there_and_not_telling_are_different_answers(
    public_dns: DnsPythonPublicDns, server: NameServer, name: str, kind: DnsKind, outcome: Outcome
) -> None:
    """A server that does not answer for a zone would be taken for one that has no record."""
    assert public_dns.look_up(name, kind, server).outcome is outcome


def test_an_alias_is_told_with_its_target(
    public_dns: DnsPythonPublicDns, server: NameServer
) -> None:
    """A CNAME where a mail exchanger must be looks like no record at all, or like the wrong one."""
    asked = public_dns.look_up("autodiscover.example.org", DnsKind.CNAME, server)
    beside = public_dns.look_up("autodiscover.example.org", DnsKind.MX, server)

    assert asked.values == ("autodiscover.example.net",)
    assert (beside.alias, beside.alias_ttl_s, beside.records) == (
        "autodiscover.example.net",
        900,
        (),
    )


def test_a_server_that_is_away_is_silent_within_the_time_given() -> None:
    """One dead server out of four would hold every step until the host kills it."""
    public_dns = DnsPythonPublicDns(DnsPlan(timeout_s=1))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        silent = NameServer("mute", f"127.0.0.1:{mute.getsockname()[1]}")
        assert public_dns.look_up("example.org", DnsKind.MX, silent).outcome is Outcome.SILENT
    closed = NameServer("closed", silent.address)
    assert public_dns.look_up("example.org", DnsKind.MX, closed).outcome is Outcome.SILENT
    nowhere = NameServer("nowhere", "")
    assert public_dns.look_up("example.org", DnsKind.MX, nowhere).outcome is Outcome.SILENT


def test_a_silent_resolver_is_asked_once_in_a_look_however_much_spf_asks(
    two_servers: Servers,
) -> None:
    """Eight terms and three senders would make minutes of one resolver that is being restarted."""
    hosts = "\n".join(f"h{n} IN A 192.0.2.{n}" for n in range(8))
    terms = " ".join(f"a:h{n}.example.org" for n in range(8))
    two_servers[0].publish({"example.org": f'@ IN TXT "v=spf1 {terms} -all"\n{hosts}'})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        silent, real = f"127.0.0.1:{mute.getsockname()[1]}", str(two_servers[0])
        plan = DnsPlan(
            resolvers=(silent, real),
            authorities=(real,),
            source_senders=("192.0.2.7", "203.0.113.1"),
            timeout_s=1,
        )
        look = Town(two_servers, plan).look()
        mute.setblocking(False)
        datagrams = list(iter(lambda: _received(mute), b""))

    results = {each.address: each.verdict.result for each in look.verdicts}
    assert (results["192.0.2.7"], results["203.0.113.1"]) == (SpfResult.PASS, SpfResult.FAIL)
    assert len(datagrams) == 1


def _received(mute: socket.socket) -> bytes:
    try:
        return mute.recv(4096)
    except BlockingIOError:
        return b""


def test_a_look_remembers_no_more_than_its_bound(server: NameServer) -> None:
    """A record made by a stranger may ask for as many names as it likes."""
    memory, asked = DnsMemory(), 0

    def ask(name: str, kind: DnsKind, server: NameServer) -> Answer:
        nonlocal asked
        asked += 1
        return Answer(server, name, kind, Outcome.NO_NAME)

    for _ in range(2):
        for number in range(ANSWER_COUNT_MAX + 1):
            memory.answer(f"h{number}.example.org", DnsKind.A, server, ask)

    assert asked == ANSWER_COUNT_MAX + 2


@pytest.mark.parametrize("rcode", [2, 4])
def test_a_server_with_an_error_of_its_own_has_failed(
    public_dns: DnsPythonPublicDns, rcode: int
) -> None:
    """SERVFAIL read as `no such record` would let a leftover record pass for gone."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ill:
        ill.settimeout(ASKED_WITHIN_S)
        ill.bind(("127.0.0.1", 0))
        answering = threading.Thread(target=_answer_once, args=(ill, rcode))
        answering.start()
        server = NameServer("ill", f"127.0.0.1:{ill.getsockname()[1]}")
        outcome = public_dns.look_up("example.org", DnsKind.MX, server).outcome
        answering.join(ASKED_WITHIN_S)

    assert not answering.is_alive()
    assert outcome is Outcome.FAILED


def _answer_once(ill: socket.socket, rcode: int) -> None:
    wire, asker = ill.recvfrom(4096)
    response = dns.message.make_response(dns.message.from_wire(wire))
    response.set_rcode(rcode)  # type: ignore[arg-type]
    ill.sendto(response.to_wire(), asker)


def test_a_server_that_only_points_elsewhere_does_not_hold_the_zone(
    public_dns: DnsPythonPublicDns, two_servers: Servers
) -> None:
    """A forgotten delegation shows yesterday's zone to one correspondent in three."""
    parent = "sub IN NS ns.sub\nns.sub IN A 192.0.2.53"
    two_servers[0].publish({"example.org": parent})
    server = NameServer("parent", str(two_servers[0]), is_authority=True)

    answer = public_dns.look_up("sub.example.org", DnsKind.MX, server)

    assert answer.outcome is Outcome.REFUSED


def test_the_servers_of_a_zone_are_found_from_any_name_in_it(two_servers: Servers) -> None:
    """Records seen on one of two servers reach half of the world."""
    two_servers[0].publish({"example.org": ZONE})
    plan = DnsPlan(resolvers=(str(two_servers[0]),))
    public_dns = DnsPythonPublicDns(plan, port=two_servers[0].port)
    port = two_servers[0].port

    assert public_dns.authorities("eleves.example.org") == (
        NameServer("ns1.example.org", f"127.0.0.1:{port}", is_authority=True),
        NameServer("ns2.example.org", f"127.0.0.2:{port}", is_authority=True),
    )


def test_a_zone_that_nobody_knows_is_unreachable(two_servers: Servers) -> None:
    """An empty list of servers would agree with everything."""
    two_servers[0].publish({"example.org": ZONE})
    plan = DnsPlan(resolvers=(str(two_servers[0]),))

    with pytest.raises(Unreachable):
        DnsPythonPublicDns(plan).authorities("elsewhere.test")


def test_without_a_resolver_in_the_plan_the_machine_s_own_is_asked() -> None:
    """A plan without a section on DNS must do in an ordinary network."""
    words = [line.split() for line in RESOLV_CONF.read_text(encoding="utf-8").splitlines()]
    own = tuple(each[1] for each in words if each[:1] == ["nameserver"])
    public_dns = DnsPythonPublicDns(DnsPlan())

    if not own:
        with pytest.raises(Unreachable):
            public_dns.resolvers()
    else:
        assert tuple(each.address for each in public_dns.resolvers()) == own


SPF_CASES = [
    ("v=spf1 ip4:192.0.2.25 include:spf.example.org -all", "192.0.2.25", SpfResult.PASS),
    ("v=spf1 include:spf.example.org -all", "198.51.100.7", SpfResult.PASS),
    ("v=spf1 include:spf.example.org -all", "192.0.2.25", SpfResult.FAIL),
    ("v=spf1 ip6:2001:db8::/32 -all", "2001:db8::25", SpfResult.PASS),
    ("v=spf1 mx ~all", "192.0.2.25", SpfResult.SOFT_FAIL),
    ("v=spf1 redirect=spf.example.org", "198.51.100.7", SpfResult.PASS),
    ("v=spf1 include:missing.example.org -all", "192.0.2.25", SpfResult.PERMANENT),
    ("v=spf1 include:spf.elsewhere.test -all", "192.0.2.25", SpfResult.TEMPORARY),
    ("v=spf1 ipv4:192.0.2.25 -all", "192.0.2.25", SpfResult.PERMANENT),
]


@pytest.mark.parametrize(("record", "sender", "result"), SPF_CASES)
def test_spf_is_judged_as_a_receiver_judges_it(
    public_dns: DnsPythonPublicDns, server: NameServer, record: str, sender: str, result: SpfResult
) -> None:
    """A record that looks right and is not sends everybody's mail to junk on the evening of the change."""
    assert public_dns.check_sender("example.org", record, sender).result is result


def test_the_eleventh_look_up_is_one_too_many_however_it_is_written(
    public_dns: DnsPythonPublicDns, two_servers: Servers
) -> None:
    """A receiver gives up there, and every message of the domain fails."""
    leaves = "".join(f"h{n} IN A 192.0.2.{n}\n" for n in range(1, 12))
    two_servers[0].publish({"example.org": leaves + 'tail IN TXT "v=spf1 a:h11.example.org -all"'})
    ten = " ".join(f"a:h{n}.example.org" for n in range(1, 11))

    fitting = public_dns.check_sender("example.org", f"v=spf1 {ten} -all", "203.0.113.1")
    over = public_dns.check_sender(
        "example.org", f"v=spf1 {ten} a:h11.example.org -all", "203.0.113.1"
    )
    hidden = public_dns.check_sender(
        "example.org", f"v=spf1 {ten} redirect=tail.example.org", "203.0.113.1"
    )

    assert (fitting.result, fitting.has_too_many_look_ups) == (SpfResult.FAIL, False)
    assert over.has_too_many_look_ups
    assert hidden.has_too_many_look_ups
