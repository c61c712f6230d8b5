"""What the tenant's domains must do: the Graph adapter on its wire, and the simulated tenant itself. About 2 s."""

from collections.abc import Iterator

import pytest

from bascule.domain.codes import Code
from bascule.domain.errors import NotYet, Refusal, Throttled, Unreachable
from bascule.domain.tenant_domains import RecordKind
from bascule.ports.domains import Domains
from tests.contracts.tenant_doors import DOORS, LOST, THROTTLED, UNWELL, Tenant, domains, tenant

NEW = "school.example"


@pytest.fixture
def school() -> Tenant:
    """A prepared tenant that may write domains."""
    made = tenant()
    made.world.tenant.app.roles.add("Domain.ReadWrite.All")
    return made


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, school: Tenant) -> Iterator[Domains]:
    """The port, through each door."""
    with domains(request.param, school) as found:
        yield found


def test_a_domain_is_missing_added_proved_and_used(door: Domains, school: Tenant) -> None:
    """The first steps of every new tenant."""
    assert door.find(NEW) is None
    assert door.add(NEW.upper()).is_verified is False
    assert door.verify(NEW) is False

    proof = next(r for r in door.verification_records(NEW) if r.kind is RecordKind.TXT)
    school.world.tenant.directory.domains.publish(proof.name, proof.value)
    assert door.verify(NEW) is True
    assert door.service_records(NEW) == ()

    door.set_services(NEW, ("Email",))
    found = door.find(NEW)

    assert found is not None
    assert (found.is_verified, found.services, found.is_federated) == (True, ("Email",), False)
    assert found in door.all()


def test_a_domain_added_twice_is_answered_as_it_is(door: Domains) -> None:
    """An answer that was lost is asked for again."""
    assert door.add(NEW) == door.add(NEW)


def test_a_lost_answer_to_an_addition_leaves_the_domain(door: Domains, school: Tenant) -> None:
    """The next attempt finds it."""
    school.fails_once("graph.POST domains", LOST)

    with pytest.raises(Unreachable):
        door.add(NEW)

    assert door.find(NEW) is not None


def test_the_service_records_name_exchanger_sender_policy_and_autodiscover(
    door: Domains, school: Tenant
) -> None:
    """What the operator publishes at the end."""
    records = {record.kind: record for record in door.service_records(school.plan.domains[0])}

    assert set(records) == {RecordKind.MX, RecordKind.TXT, RecordKind.CNAME}
    assert records[RecordKind.MX].value.endswith(".mail.protection.outlook.com")
    assert records[RecordKind.MX].preference == 0
    assert records[RecordKind.TXT].value.startswith("v=spf1 ")
    assert records[RecordKind.CNAME].name == f"autodiscover.{school.plan.domains[0]}"
    assert all(record.ttl_s > 0 for record in records.values())


def test_records_of_a_domain_that_is_not_there_are_not_there_yet(door: Domains) -> None:
    """A new domain may be unknown to the next server."""
    with pytest.raises(NotYet):
        door.verification_records("nowhere.example")


def test_what_is_no_domain_is_refused(door: Domains) -> None:
    """A slip in the plan must not look like patience."""
    with pytest.raises(Refusal):
        door.add("nodot")


def test_a_missing_permission_is_named(door: Domains, school: Tenant) -> None:
    """Writing domains is a power that many tenants will not give."""
    school.world.tenant.app.roles.discard("Domain.ReadWrite.All")

    with pytest.raises(Refusal, check=lambda no: no.code is Code.PERMISSION_MISSING):
        door.add(NEW)


def test_throttling_says_how_long_and_a_failing_service_is_unreachable(
    door: Domains, school: Tenant
) -> None:
    """One becomes a durable timer, the other the host's retry."""
    school.fails_once("graph.GET domains", THROTTLED)
    with pytest.raises(Throttled, check=lambda busy: busy.wait_s == 7):
        door.all()

    school.fails_once("graph.GET domains", UNWELL)
    with pytest.raises(Unreachable):
        door.all()
