"""What can be wrong with a domain's records, each on real servers: recognised, and told where and why."""

from dataclasses import replace

import pytest

from bascule.domain.dns_difference import zone_difference
from bascule.domain.dns_findings import (
    FindingKind,
    SpfAim,
    findings,
    high_ttls,
    is_unknown,
    longest_ttl_s,
)
from sandbox.servers.nsd import Nsd
from tests.dns.town import BEFORE, DONE, OUTLOOK, SENDERS, TENANT_MX, Town

pytestmark = pytest.mark.slow


@pytest.fixture
def town(two_servers: tuple[Nsd, Nsd]) -> Town:
    """The town with its records as they have to be."""
    town = Town(two_servers)
    town.publish(DONE)
    return town


def test_the_records_that_the_tenant_asks_for_are_nothing_to_complain_about(town: Town) -> None:
    """A completion that finds fault with a right zone never ends."""
    assert town.found() == {}
    assert not is_unknown(town.look())


def test_records_that_appear_late_are_missing_until_they_are_there(town: Town) -> None:
    """Turning the domain over before would bounce what still goes to Postfix."""
    town.publish(BEFORE)
    before = town.found()
    town.publish(DONE)

    assert {
        FindingKind.RECORD_MISSING,
        FindingKind.MX_LEFTOVER,
        FindingKind.SPF_WITHOUT_TENANT,
        FindingKind.AUTODISCOVER_MISSING,
    } == set(before)
    assert town.found() == {}


def test_records_on_one_of_two_servers_are_told_with_the_server_that_is_behind(town: Town) -> None:
    """Half of the world would write to the old place for as long as nobody looks at the second server."""
    town.publish(DONE, replace(DONE, mx=()))

    finding = town.found()[FindingKind.RECORD_NOT_EVERYWHERE]

    assert finding.servers == (str(town.servers[1]),)
    assert finding.detail == f"MX 0 {TENANT_MX}"


def test_a_wrong_priority_beside_the_old_exchanger_is_told_and_holds_up(town: Town) -> None:
    """The old exchanger would go on getting the mail, with the right record in plain sight."""
    town.publish(replace(DONE, mx=(f"30 {TENANT_MX}.", "10 mx1.example.org.")))

    found = town.found()

    assert "30" in found[FindingKind.MX_PRIORITY].detail
    assert found[FindingKind.MX_PRIORITY].is_blocking
    assert (
        found[FindingKind.MX_LEFTOVER].detail == "MX 10 mx1.example.org stands beside the tenant's"
    )


def test_another_priority_alone_is_told_and_holds_nothing_up(town: Town) -> None:
    """Some providers allow no 0; a single exchanger gets the mail at any number."""
    town.publish(replace(DONE, mx=(f"10 {TENANT_MX}.",)))

    finding = town.found()[FindingKind.MX_PRIORITY]

    assert not finding.is_blocking


def test_an_old_exchanger_left_beside_is_told_even_behind_the_new_one(town: Town) -> None:
    """Whenever the tenant is slow for a minute, mail would go where nobody reads it any more."""
    town.publish(replace(DONE, mx=(f"0 {TENANT_MX}.", "50 mx2.example.org.")))

    found = town.found()

    assert list(found) == [FindingKind.MX_LEFTOVER]
    assert found[FindingKind.MX_LEFTOVER].is_blocking


def test_an_spf_record_of_more_than_ten_look_ups_is_told(town: Town) -> None:
    """Receivers stop counting and reject everything, from whomever it comes."""
    many = " ".join(f"a:h{number}.example.org" for number in range(10))
    hosts = "\n".join(f"h{number} IN A 192.0.2.{number}" for number in range(10))
    record = f"v=spf1 {' '.join(f'ip4:{each}' for each in SENDERS)} {many}"
    record += " include:spf.protection.outlook.com -all"
    town.publish(replace(DONE, spf=(_split(record),), more=hosts))

    assert list(town.found()) == [FindingKind.SPF_TOO_MANY_LOOK_UPS]


def _split(record: str) -> str:
    """A long text as two strings of one record."""
    return f'{record[:200]}" "{record[200:]}'


def test_two_spf_records_are_told(town: Town) -> None:
    """The second one, added with the best of intentions, makes receivers accept neither."""
    town.publish(replace(DONE, spf=(*DONE.spf, "v=spf1 include:spf.protection.outlook.com -all")))

    assert list(town.found()) == [FindingKind.SPF_TWO]


def test_an_spf_record_without_the_old_servers_is_told_for_each(town: Town) -> None:
    """Replies of everybody not yet moved would be rejected by half of the world."""
    town.publish(replace(DONE, spf=("v=spf1 include:spf.protection.outlook.com -all",)))

    kinds = [each.detail for each in findings(town.look(), SpfAim.BOTH)]

    assert kinds == [f"makes fail of mail from the source's {each}" for each in SENDERS]
    assert FindingKind.SPF_WITHOUT_SOURCE in town.found()


def test_an_spf_record_without_the_tenant_is_told(town: Town) -> None:
    """Everything sent by those who have moved would land in junk."""
    town.publish(replace(DONE, spf=BEFORE.spf))

    assert list(town.found()) == [FindingKind.SPF_WITHOUT_TENANT]


def test_an_spf_record_that_still_lets_the_old_servers_send_is_told_at_the_end(town: Town) -> None:
    """Servers that are given back to a provider would go on speaking for the town."""
    alone = replace(DONE, spf=("v=spf1 include:spf.protection.outlook.com -all",))

    assert list(town.found(SpfAim.TENANT_ALONE)) == [FindingKind.SPF_WITH_SOURCE]
    town.publish(alone)
    assert town.found(SpfAim.TENANT_ALONE) == {}


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ("v=spf1 ipv4:203.0.113.25 -all", FindingKind.SPF_INVALID),
        ("v=spf1 include:nobody.example.org -all", FindingKind.SPF_INVALID),
        ("v=spf1 include:spf.elsewhere.test -all", FindingKind.SPF_UNDECIDED),
    ],
)
def test_an_spf_record_that_receivers_cannot_read_is_told(
    town: Town, record: str, kind: FindingKind
) -> None:
    """A slip of the pen looks like a record, and means none."""
    town.publish(replace(DONE, spf=(record,)))

    assert list(town.found()) == [kind]


def test_no_spf_record_at_all_is_told(town: Town) -> None:
    """Without one, anybody may speak for the town."""
    town.publish(replace(DONE, spf=("some other text",)))

    assert list(town.found()) == [FindingKind.SPF_MISSING]


def test_a_ttl_that_is_too_high_is_told_for_what_will_change(town: Town) -> None:
    """After the change half of the world remembers yesterday for a day."""
    town.publish(BEFORE)
    look = town.look()

    assert {(each.name, each.kind) for each in high_ttls(look, 3600)} == {
        ("example.org", FindingKind.TTL_HIGH)
    }
    assert len(high_ttls(look, 3600)) == 2  # MX and TXT
    assert longest_ttl_s(look) == 86_400
    assert high_ttls(look, 86_400) == ()


def test_the_ttl_of_what_stays_as_it_is_does_not_matter(town: Town) -> None:
    """A zone that is right already must not be edited for the sake of a rule."""
    town.publish(replace(DONE, ttl_s=86_400))

    assert high_ttls(town.look(), 3600) == ()
    assert longest_ttl_s(town.look()) == 0


def test_an_alias_where_an_exchanger_must_be_is_told(town: Town) -> None:
    """Providers offer it as a convenience; mail servers disagree about what it means."""
    # NSD refuses an alias beside other records at the head of a zone, so the domain sits below it here.
    parent = "example IN CNAME www.host.test.\n@ IN NS ns1.host.test."
    for server in town.servers:
        server.publish({"org": parent, "outlook.com": "", "host.test": "www IN A 192.0.2.80"})

    kinds = {each.kind for each in findings(town.look(), SpfAim.BOTH)}

    assert FindingKind.ALIAS_IN_PLACE in kinds


def test_a_missing_autodiscover_is_told(town: Town) -> None:
    """Outlook would ask everybody for a server name that nobody knows."""
    town.publish(replace(DONE, autodiscover=""))

    assert list(town.found()) == [FindingKind.AUTODISCOVER_MISSING]


ADDRESS = "autodiscover 86400 IN A 192.0.2.80"


def test_what_stands_where_an_alias_must_stand_alone_is_told_and_waited_for(town: Town) -> None:
    """The server would refuse the new zone whole, on the evening of the change."""
    town.publish(replace(DONE, autodiscover="", more=f'{ADDRESS}\nautodiscover IN TXT "old"'))
    look = town.look()
    found = [each for each in findings(look, SpfAim.BOTH) if each.name.startswith("autodiscover.")]

    assert [(each.kind, each.is_blocking) for each in found] == [
        (FindingKind.AUTODISCOVER_MISSING, True),
        (FindingKind.ALIAS_OBSTRUCTED, True),
        (FindingKind.ALIAS_OBSTRUCTED, True),
    ]
    assert "A 192.0.2.80 stands where CNAME autodiscover.outlook.com" in found[1].detail
    assert longest_ttl_s(look) == 86_400
    assert [each.name for each in high_ttls(look, 3600)] == ["autodiscover.example.org"]


def test_an_alias_does_not_come_to_stand_beside_an_address(town: Town) -> None:
    """Beside a CNAME nothing may stand: a zone with both is not loaded."""
    town.publish(
        replace(DONE, autodiscover="", more=f"{ADDRESS}\nautodiscover IN AAAA 2001:db8::8")
    )

    lines = zone_difference(town.look(), SpfAim.BOTH, SENDERS, 300)
    for server in town.servers:
        server.publish(
            {
                "example.org": "\n".join(line[1:] for line in lines if line[0] in "+ "),
                "outlook.com": OUTLOOK,
            }
        )

    assert [line for line in lines if "autodiscover.example" in line] == [
        "-autodiscover.example.org. 86400 IN A 192.0.2.80",
        "-autodiscover.example.org. 3600 IN AAAA 2001:db8::8",
        "+autodiscover.example.org. 300 IN CNAME autodiscover.outlook.com.",
    ]
    assert town.found() == {}


def test_an_address_on_the_server_that_is_behind_is_no_line_to_take_out(town: Town) -> None:
    """The zone is right already; what its secondary still shows goes by itself."""
    town.publish(DONE, replace(DONE, autodiscover="", more=ADDRESS))
    lines = zone_difference(town.look(), SpfAim.BOTH, SENDERS, 300)

    assert [line[0] for line in lines if "autodiscover" in line] == [" "]
    assert FindingKind.ALIAS_OBSTRUCTED in town.found()


def test_an_autodiscover_that_points_elsewhere_is_told(town: Town) -> None:
    """Outlook would go on connecting to the old provider, with success."""
    town.publish(replace(DONE, autodiscover="mail.example.net."))

    assert "mail.example.net" in town.found()[FindingKind.RECORD_DIFFERENT].detail


def test_a_server_that_does_not_answer_is_told_and_nothing_is_concluded(town: Town) -> None:
    """The server that is away for maintenance may hold the old zone."""
    town.servers[1].stop()

    found = town.found()

    assert found[FindingKind.SERVER_SILENT].servers == (str(town.servers[1]),)
    assert is_unknown(town.look())


def test_a_server_that_does_not_know_the_zone_is_told(town: Town) -> None:
    """A delegation to a server that forgot the zone costs every third correspondent a retry."""
    town.servers[1].publish({"example.net": ""})

    assert town.found()[FindingKind.SERVER_FAILED].servers == (str(town.servers[1]),)


def test_the_difference_can_be_pasted_into_the_zone(town: Town) -> None:
    """A record typed by hand from a screenshot has a slip in it one time in ten."""
    town.publish(replace(BEFORE, spf=(*BEFORE.spf, 'MS=ms1 \\"quoted\\"')))

    lines = zone_difference(town.look(), SpfAim.BOTH, SENDERS, 300)

    assert lines == (
        "-example.org. 86400 IN MX 10 mx1.example.org.",
        "-example.org. 86400 IN MX 20 mx2.example.org.",
        f"+example.org. 300 IN MX 0 {TENANT_MX}.",
        ' example.org. 86400 IN TXT "MS=ms1 \\"quoted\\""',
        '-example.org. 86400 IN TXT "v=spf1 ip4:203.0.113.25 ip4:203.0.113.26 -all"',
        f'+example.org. 300 IN TXT "{DONE.spf[0]}"',
        "+autodiscover.example.org. 300 IN CNAME autodiscover.outlook.com.",
    )


def test_the_zone_after_the_difference_is_what_the_tenant_asks_for(town: Town) -> None:
    """Advice that leads to the next complaint is worse than none."""
    town.publish(BEFORE)
    lines = zone_difference(town.look(), SpfAim.BOTH, SENDERS, 300)
    kept = [line[1:] for line in lines if line[0] in "+ "]
    for server in town.servers:
        server.publish({"example.org": "\n".join(kept), "outlook.com": OUTLOOK})

    assert town.found() == {}
