"""What the tenant's mail flow must do: the Exchange adapter on its wire, and the simulated tenant itself. About 4 s."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bascule.domain.codes import Code
from bascule.domain.errors import NotYet, Refusal, Throttled, Unreachable
from bascule.domain.tenant import (
    AUTHORITATIVE,
    INTERNAL_RELAY,
    AcceptedDomain,
    CoexistenceGroup,
    InboundConnector,
    MigrationEndpoint,
    OutboundConnector,
    ReportMailbox,
    RoutingRule,
    TenantObject,
    differences,
)
from bascule.ports.mail_flow import MailFlow
from sandbox.world.weather import CALM, Span
from tests.contracts.tenant_doors import DOORS, LOST, THROTTLED, UNWELL, Tenant, mail_flow, tenant

GROUP = "non.migres@{initial}"
CONNECTOR = OutboundConnector("To Postfix", ("mx1.example.org", "mx2.example.org"))
INBOUND = InboundConnector("From Postfix", ("192.0.2.1", "192.0.2.2"))
ENDPOINT = MigrationEndpoint("imap-2", "imap.example.org", 993, "Ssl", 12, 6)


@pytest.fixture
def school() -> Tenant:
    """A prepared tenant, beside whose parts others of other names are made."""
    return tenant()


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, school: Tenant) -> Iterator[MailFlow]:
    """The port, through each door."""
    with mail_flow(request.param, school) as found:
        yield found


def parts(school: Tenant) -> tuple[TenantObject, ...]:
    """One of each kind, in an order in which they can be made."""
    group = GROUP.format(initial=school.world.tenant.initial_domain)
    rule = RoutingRule(
        "Not migrated", (group,), CONNECTOR.name, "X-Routed", "1", "X-Routed", ("1",)
    )
    report = ReportMailbox(f"rapport-2@{school.world.tenant.initial_domain}")
    return (CoexistenceGroup(group), CONNECTOR, rule, INBOUND, ENDPOINT, report)


def made(door: MailFlow, wanted: TenantObject) -> TenantObject:
    """The object, created and where need be corrected, as it is read back."""
    door.create(wanted)
    found = door.find(type(wanted), wanted.name)
    assert found is not None
    if differences(wanted, found):
        door.correct(wanted, found)
        found = door.find(type(wanted), wanted.name)
    assert found is not None
    return found


def test_every_part_is_missing_then_made_and_read_back_as_wanted(
    door: MailFlow, school: Tenant
) -> None:
    """A part that reads back otherwise would be corrected at every look, for ever."""
    for wanted in parts(school):
        assert door.find(type(wanted), wanted.name) is None
        assert differences(wanted, made(door, wanted)) == ()


def test_every_part_is_removed_and_removing_it_again_is_no_error(
    door: MailFlow, school: Tenant
) -> None:
    """The end of a migration is walked more than once."""
    everything = parts(school)
    for wanted in everything:
        made(door, wanted)

    # The rule first: a connector that a rule uses stays.
    for wanted in sorted(everything, key=lambda each: not isinstance(each, RoutingRule)):
        if not isinstance(wanted, ReportMailbox):
            door.remove(type(wanted), wanted.name)
            door.remove(type(wanted), wanted.name)
            assert door.find(type(wanted), wanted.name) is None


def test_a_domain_is_relayed_and_authoritative_again(door: MailFlow, school: Tenant) -> None:
    """Authoritative too early rejects everybody who is not migrated."""
    name = school.plan.domains[0]
    for kind in (AUTHORITATIVE, INTERNAL_RELAY):
        found = door.find(AcceptedDomain, name)
        assert found is not None
        door.correct(AcceptedDomain(name, kind), found)
        assert door.find(AcceptedDomain, name) == AcceptedDomain(name, kind)


def test_a_domain_that_exchange_does_not_know_is_waited_for(door: MailFlow) -> None:
    """It comes by itself some time after its proof; nobody can create it."""
    with pytest.raises(NotYet):
        door.create(AcceptedDomain("new.example", INTERNAL_RELAY))


@pytest.mark.parametrize(
    "changed",
    [
        replace(
            CONNECTOR, hosts=("mx3.example.org",), tls="DomainValidation", tls_domain="*.x.org"
        ),
        replace(CONNECTOR, is_enabled=False),
    ],
    ids=["hosts and TLS", "disabled"],
)
def test_what_was_changed_by_hand_is_corrected(door: MailFlow, changed: OutboundConnector) -> None:
    """TLS that was added is taken away again: no empty value can say so."""
    made(door, changed)

    door.correct(CONNECTOR, changed)

    assert door.find(OutboundConnector, CONNECTOR.name) == CONNECTOR


def test_an_inbound_connector_turns_from_addresses_to_a_certificate(door: MailFlow) -> None:
    """A list that is emptied is the one thing the service overlooks."""
    made(door, INBOUND)
    wanted = replace(INBOUND, ips=(), certificate="mail.example.org")

    door.correct(wanted, INBOUND)

    assert door.find(InboundConnector, INBOUND.name) == wanted


def test_a_disabled_rule_is_enabled(door: MailFlow, school: Tenant) -> None:
    """The commonest hand edit; Set-TransportRule cannot undo it."""
    rule = next(each for each in parts(school) if isinstance(each, RoutingRule))
    for wanted in parts(school)[:2]:
        made(door, wanted)
    made(door, replace(rule, is_enabled=False, error_action="Ignore"))
    found = door.find(RoutingRule, rule.name)
    assert found is not None
    assert {each.setting for each in differences(rule, found)} == {"is_enabled", "error_action"}

    door.correct(rule, found)

    assert door.find(RoutingRule, rule.name) == rule


def test_a_name_that_is_taken_by_what_is_not_seen_yet_is_waited_for(
    school: Tenant,
) -> None:
    """Created a moment ago by a call whose answer was lost; a second one must not be made."""
    for name in DOORS:
        lagging = tenant(replace(CALM, exchange_replication=Span(30, 60)))
        with mail_flow(name, lagging) as door:
            door.create(CONNECTOR)
            with pytest.raises(NotYet):
                door.create(CONNECTOR)
            lagging.pass_time(minutes=2)
            assert door.find(OutboundConnector, CONNECTOR.name) == CONNECTOR
        assert len(lagging.world.tenant.rules.outbound_seen()) == 2


def test_the_endpoint_is_tested_before_it_is_needed(door: MailFlow, school: Tenant) -> None:
    """A source that Exchange cannot reach is found on the first day, not with the first batch."""
    assert door.test_endpoint(ENDPOINT) == ""

    school.world.tenant.migration.endpoints.unreachable_servers[ENDPOINT.host] = "no route"
    assert "no route" in door.test_endpoint(ENDPOINT)


def test_a_lost_answer_to_a_creation_leaves_something_to_be_found(
    door: MailFlow, school: Tenant
) -> None:
    """The next attempt finds it by its name."""
    school.fails_once("exchange.New-OutboundConnector", LOST)

    with pytest.raises(Unreachable):
        door.create(CONNECTOR)

    assert door.find(OutboundConnector, CONNECTOR.name) == CONNECTOR


def test_a_missing_role_is_named(door: MailFlow, school: Tenant) -> None:
    """Rules are a power that many tenants give for an hour."""
    school.world.tenant.exchange_roles.clear()

    with pytest.raises(Refusal, check=lambda no: no.code is Code.PERMISSION_MISSING):
        door.find(RoutingRule, "any")


def test_throttling_says_how_long_and_a_failing_service_is_unreachable(
    door: MailFlow, school: Tenant
) -> None:
    """One becomes a durable timer, the other the host's retry."""
    school.fails_once("exchange.Get-TransportRule", THROTTLED)
    with pytest.raises(Throttled, check=lambda busy: busy.wait_s == 7):
        door.find(RoutingRule, "any")

    school.fails_once("exchange.Get-TransportRule", UNWELL)
    with pytest.raises(Unreachable):
        door.find(RoutingRule, "any")
