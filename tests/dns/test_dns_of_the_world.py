"""Public DNS of the simulated world: the same looks as at real servers, with resolvers that remember."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from activities.dns_looks import look_at
from activities.watch_dns import watch_dns
from bascule.domain.completion import COMPLETION, CompletionRecord, CompletionRef, Phase
from bascule.domain.dns_findings import FindingKind, SpfAim, findings, high_ttls
from bascule.domain.plan_dns import DnsPlan
from bascule.domain.tenant_domains import DomainRecord, RecordKind
from sandbox.bound.ports import BoundPorts, bound_ports
from sandbox.in_process.plan import plan_of
from sandbox.local_host.clock import VirtualClock
from sandbox.world.coexistence import prepare_coexistence
from sandbox.world.dns import POSTFIX_ADDRESSES
from sandbox.world.world import World
from triggers.dns_view import look_view

PLAN = DnsPlan(source_senders=POSTFIX_ADDRESSES)
MX = "0 example-org.mail.protection.outlook.com"
BOTH = "v=spf1 ip4:203.0.113.25 ip4:203.0.113.26 include:spf.protection.outlook.com -all"


@pytest.fixture
def clock() -> VirtualClock:
    """Time that only the test moves."""
    return VirtualClock(datetime(2026, 3, 2, 8, tzinfo=UTC))


@pytest.fixture
def ports(clock: VirtualClock) -> BoundPorts:
    """The ports of an app in a world with yesterday's zone."""
    world = World(1, clock.now_utc)
    plan = replace(plan_of(world, prepare_coexistence(world)), dns=PLAN)
    return bound_ports(world, plan)


def publish_all(ports: BoundPorts, *servers: str) -> None:
    """What the operator does with the zone-file difference."""
    dns = ports.public_dns.zones
    dns.publish("example.org", "MX", (MX,), 300, *servers)
    dns.publish("example.org", "TXT", (BOTH,), 300, *servers)
    dns.publish("autodiscover.example.org", "CNAME", ("autodiscover.outlook.com",), 300, *servers)


def kinds(ports: BoundPorts) -> set[FindingKind]:
    """What is wrong now."""
    return {each.kind for each in findings(look_at(ports, "example.org"), SpfAim.BOTH)}


def test_yesterday_s_zone_is_told_with_everything_that_must_change(ports: BoundPorts) -> None:
    """A simulated zone that complains of something else would rehearse another evening."""
    assert kinds(ports) == {
        FindingKind.RECORD_MISSING,
        FindingKind.MX_LEFTOVER,
        FindingKind.SPF_WITHOUT_TENANT,
        FindingKind.AUTODISCOVER_MISSING,
    }
    assert len(high_ttls(look_at(ports, "example.org"), 3_600)) == 2


def test_a_resolver_remembers_for_as_long_as_the_old_ttl_said(
    ports: BoundPorts, clock: VirtualClock
) -> None:
    """A wait for the TTL that the simulation does not need is never tested."""
    kinds(ports)
    publish_all(ports)
    at_once = findings(look_at(ports, "example.org"), SpfAim.BOTH)
    clock.advance_to(clock.now_utc() + timedelta(days=1))

    assert {each.servers for each in at_once} == {("resolver.example.net",)}
    assert kinds(ports) == set()


def test_a_server_that_is_behind_or_silent_is_told(ports: BoundPorts) -> None:
    """The two ways in which real zones go wrong must be possible in a simulated one."""
    zones = ports.public_dns.zones
    publish_all(ports, zones.SERVERS[0])

    assert FindingKind.RECORD_NOT_EVERYWHERE in kinds(ports)
    zones.silent.add(zones.SERVERS[1])
    assert FindingKind.SERVER_SILENT in kinds(ports)


def test_a_look_over_http_is_plain_json_with_its_explanations(ports: BoundPorts) -> None:
    """An operator reads it in a terminal, a script compares it with yesterday's."""
    view = look_view(look_at(ports, "example.org"), PLAN, SpfAim.BOTH)

    assert json.loads(json.dumps(view)) == view
    assert f"+example.org. 3600 IN MX {MX}." in view["difference"]
    assert view["wanted"] == [
        f"example.org. 3600 IN MX {MX}.",
        'example.org. 3600 IN TXT "v=spf1 include:spf.protection.outlook.com -all"',
        "autodiscover.example.org. 3600 IN CNAME autodiscover.outlook.com.",
    ]
    assert {each["explained"] for each in view["findings"]} >= {
        "docs/how-to/dns-findings.md#mx_leftover"
    }


def test_what_a_stranger_wrote_into_a_record_reaches_no_terminal_as_it_is(
    ports: BoundPorts, clock: VirtualClock
) -> None:
    """A record of a domain that was bought yesterday must not steer the operator's screen, nor fill a row."""
    publish_all(ports)
    hostile = "v=spf1 \x1b[2J" + "x" * 60_000 + " -all"
    ports.public_dns.zones.publish("example.org", "TXT", (hostile,), 300)
    begun = CompletionRecord(Phase.CHANGING, clock.now_utc())
    ports.documents.amend(COMPLETION, CompletionRecord, lambda _: begun)
    watch_dns(ports, CompletionRef())
    record = ports.documents.find(COMPLETION, CompletionRecord)

    assert record is not None
    assert any(each.startswith("spf_invalid") for each in record.findings)
    assert all(each.isprintable() and len(each) <= 500 for each in record.findings)


@pytest.mark.parametrize("phase", [Phase.READY, Phase.SEPARATING])
def test_what_holds_nothing_up_alarms_nobody(
    ports: BoundPorts, clock: VirtualClock, phase: Phase
) -> None:
    """An operator whose provider allows no preference 0 would be told every third day that the zone is wrong."""
    publish_all(ports)
    zones = ports.public_dns.zones
    zones.publish("example.org", "MX", (f"10 {MX.partition(' ')[2]}",), 300)
    if phase is Phase.SEPARATING:
        alone = "v=spf1 include:spf.protection.outlook.com -all"
        zones.publish("example.org", "TXT", (alone,), 300)
    at_phase = CompletionRecord(phase, clock.now_utc(), closed_utc=clock.now_utc())
    ports.documents.amend(COMPLETION, CompletionRecord, lambda _: at_phase)
    facts = watch_dns(ports, CompletionRef())
    record = ports.documents.find(COMPLETION, CompletionRecord)

    assert record is not None
    assert [each.partition(" ")[0] for each in record.findings] == ["mx_priority"]
    assert facts.is_done
    assert (ports.notifier.alerts, record.told_utc) == ([], None)


def test_a_mail_about_the_zone_names_only_what_holds_it_up(
    ports: BoundPorts, clock: VirtualClock
) -> None:
    """Between two lines that do not matter the one that does is overlooked."""
    publish_all(ports)
    zones = ports.public_dns.zones
    zones.publish("example.org", "MX", (f"10 {MX.partition(' ')[2]}",), 300)
    zones.publish("autodiscover.example.org", "CNAME", (), 300)
    changing = CompletionRecord(Phase.CHANGING, clock.now_utc())
    ports.documents.amend(COMPLETION, CompletionRecord, lambda _: changing)
    watch_dns(ports, CompletionRef())
    ((_, text),) = ports.notifier.alerts

    assert "autodiscover_missing" in text
    assert "mx_priority" not in text


def test_a_dkim_record_is_passed_through_where_the_directory_names_one(ports: BoundPorts) -> None:
    """It names none today; the day it does, mail must not go on unsigned because nobody was told."""
    publish_all(ports)
    name, target = "selector1._domainkey.example.org", "selector1-example-org._domainkey.x.example"
    signing = DomainRecord(RecordKind.CNAME, name, target, 3600, service="Email")
    asked = ports.domains.service_records("example.org")

    def more(name: str) -> tuple[DomainRecord, ...]:
        return (*asked, signing) if name == "example.org" else ()

    ports.domains.service_records = more  # type: ignore[method-assign]
    view = look_view(look_at(ports, "example.org"), PLAN, SpfAim.BOTH)

    assert f"+{name}. 3600 IN CNAME {target}." in view["difference"]
    assert ("record_missing", name, True) in {
        (each["kind"], each["name"], each["blocking"]) for each in view["findings"]
    }


def test_records_of_other_services_hold_nothing_up(ports: BoundPorts) -> None:
    """The mail of a whole school would wait for a telephone that nobody ordered."""
    publish_all(ports)
    asked = ports.domains.service_records("example.org")
    sip = DomainRecord(
        RecordKind.SRV, "_sip._tls.example.org", "sipdir.online.lync.com", 3600, service="Calls"
    )
    spare = DomainRecord(
        RecordKind.CNAME, "selector1.example.org", "s1.example.net", 3600, is_optional=True
    )

    def more(name: str) -> tuple[DomainRecord, ...]:
        return (*asked, sip, spare) if name == "example.org" else ()

    ports.domains.service_records = more  # type: ignore[method-assign]

    found = findings(look_at(ports, "example.org"), SpfAim.BOTH)

    assert [(each.name, each.is_blocking) for each in found] == [("selector1.example.org", False)]
