"""Accounts and their addresses: adopted, corrected, or refused with who is in the way."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from activities.check_domains import check_domains
from activities.ensure_account import ensure_account
from activities.find_cloud_mailbox import find_cloud_mailbox
from activities.reserve_seats import reserve_seats
from bascule.domain.codes import Code
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.plan import AccountPlan, CohortPlan, LicenceMode, Plan
from bascule.domain.requests import CloudMailboxQuestion
from bascule.domain.stages import Stage
from sandbox.in_process.simulation import BATCH, Options, Simulation
from sandbox.world.directory import User
from sandbox.world.licences import LicenceChange, Seats
from sandbox.world.mailbox_addresses import change_addresses
from sandbox.world.management_roles import MAIL_RECIPIENTS
from tests.activities.moments import REF, coexisting, first, ref, registered, uploaded


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """One person's migration."""
    with Simulation(Options(people_count=1, messages_each=11)) as made:
        yield made


def refused(code: Code, words: str = "") -> "pytest.RaisesExc[Refusal]":
    """A refusal of this code that says these words."""
    return pytest.raises(Refusal, match=words, check=lambda no: no.code is code)


def somebody(simulation: Simulation, upn: str, *proxies: str) -> str:
    """An account of the tenant with these addresses; its identifier."""
    world = simulation.world
    draft = User("", upn, "Some Body", "some.body", world.kernel.now_utc(), password="Tr0ub4dor&3!")
    made = world.tenant.directory.create(draft)
    world.tenant.directory.stamp_addresses(made.user_id, upn, proxies)
    return made.user_id


def question(simulation: Simulation) -> CloudMailboxQuestion:
    """Is the first person's mailbox open, at the right addresses?"""
    return CloudMailboxQuestion(ref(simulation), first(simulation).account_id)


def test_an_address_of_somebody_else_is_named_with_who_has_it(simulation: Simulation) -> None:
    """The administrator would search the whole tenant for it."""
    registered(simulation)
    anna = first(simulation).address
    somebody(simulation, "old.anna@example.org", anna)

    with refused(Code.ADDRESS_TAKEN, "the user old.anna@example.org"):
        ensure_account(simulation.ports, ref(simulation))


def test_a_deleted_account_of_that_name_is_named(simulation: Simulation) -> None:
    """A new account would leave the old one's mailbox behind for ever."""
    registered(simulation)
    anna = first(simulation).address
    gone = somebody(simulation, anna)
    simulation.world.tenant.directory.delete(gone)

    with refused(Code.ACCOUNT_DELETED, gone):
        ensure_account(simulation.ports, ref(simulation))
    assert simulation.world.tenant.directory.truth(anna) is None

    simulation.world.tenant.directory.restore(gone)
    assert ensure_account(simulation.ports, ref(simulation)).account_id == gone


def test_an_account_that_lags_is_waited_for_and_never_made_twice(simulation: Simulation) -> None:
    """A lost answer and a slow replica together look like a collision."""
    registered(simulation)
    made = ensure_account(simulation.ports, ref(simulation))

    again = ensure_account(simulation.ports, ref(simulation))

    assert again == made
    assert len(simulation.world.tenant.directory.users()) == len(
        {user.upn for user in simulation.world.tenant.directory.users()}
    )


def test_a_cohort_says_the_language_of_new_accounts(simulation: Simulation) -> None:
    """The first letters of the service come in it."""
    registered(simulation)
    cohorts = {"default": CohortPlan("STANDARDWOFFPACK_STUDENT", language="fr-FR")}
    ports = replace(simulation.ports, plan=replace(simulation.plan, cohorts=cohorts))

    made = ensure_account(ports, ref(simulation))
    user = simulation.world.tenant.directory.truth(made.account_id)

    assert user is not None
    assert dict(user.attributes)["preferredLanguage"] == "fr-FR"


def test_wrong_addresses_are_corrected_and_read_back(simulation: Simulation) -> None:
    """Replies would come from another address, and Postfix would forward to nobody."""
    coexisting(simulation)
    anna, world = first(simulation).address, simulation.world
    mailbox = world.tenant.recipients.mailbox(anna)
    mailbox.addresses.discard(simulation.plan.routing_address(anna))
    mailbox.addresses.add("a.long@example.org")
    mailbox.primary_address = "a.long@example.org"

    with pytest.raises(NotYet, match="corrected"):
        find_cloud_mailbox(simulation.ports, question(simulation))

    assert find_cloud_mailbox(simulation.ports, question(simulation)) is True
    assert mailbox.primary_address == anna
    assert mailbox.addresses >= {anna, "a.long@example.org", simulation.plan.routing_address(anna)}
    assert "addresses" in {entry.effect for entry in simulation.ports.journal.entries(BATCH)}


def test_a_routing_address_of_somebody_else_is_named(simulation: Simulation) -> None:
    """Mail of one person would reach another."""
    coexisting(simulation)
    anna, tenant = first(simulation).address, simulation.world.tenant
    routing = simulation.plan.routing_address(anna)
    tenant.recipients.mailbox(anna).addresses.discard(routing)
    tenant.recipients.release(tenant.recipients.mailbox(anna).exchange_guid)
    report = tenant.recipients.mailbox(simulation.plan.tenant.report_mailbox)
    change_addresses(tenant, report, [*report.addresses, routing])

    with refused(Code.ADDRESS_TAKEN, routing):
        find_cloud_mailbox(simulation.ports, question(simulation))


def test_without_the_power_to_correct_them_a_person_is_told_what_is_wanted(
    simulation: Simulation,
) -> None:
    """The power is granted by name, and not every tenant grants it."""
    coexisting(simulation)
    anna, tenant = first(simulation).address, simulation.world.tenant
    routing = simulation.plan.routing_address(anna)
    tenant.recipients.mailbox(anna).addresses.discard(routing)
    tenant.exchange_roles.discard(MAIL_RECIPIENTS)

    with refused(Code.ADDRESS_MISMATCH, f"{routing} another one"):
        find_cloud_mailbox(simulation.ports, question(simulation))


def federate(simulation: Simulation) -> str:
    """Let another system sign in the users of the domain that moves."""
    domains = simulation.world.tenant.directory.domains
    name = simulation.plan.tenant.domains[0]
    domains.add_verified(name, "Federated")
    return name


def test_a_federated_domain_is_refused_before_the_first_write(simulation: Simulation) -> None:
    """Accounts made here could never sign in."""
    federate(simulation)
    simulation.upload()

    assert simulation.batch() is None
    assert simulation.report(f"{BATCH}/refused.json")["code"] == Code.DOMAIN_FEDERATED
    assert simulation.ports.ledger.claimed() == {}
    assert simulation.world.tenant.directory.truth(simulation.people[0].address) is None


def test_accounts_made_elsewhere_may_be_federated() -> None:
    """Then nobody here gives them a password."""

    def elsewhere(plan: Plan) -> Plan:
        return replace(plan, accounts=AccountPlan(create=False))

    with Simulation(Options(people_count=1, change_plan=elsewhere)) as simulation:
        federate(simulation)
        uploaded(simulation)

        assert check_domains(simulation.ports, REF) == 0


def test_a_domain_that_nobody_verified_is_refused(simulation: Simulation) -> None:
    """No account can be made in it."""
    uploaded(simulation)
    domains = simulation.world.tenant.directory.domains
    name = simulation.plan.tenant.domains[0]
    domains._by_name[name] = replace(domains.get(name), is_verified=False)

    with refused(Code.DOMAIN_FEDERATED, name):
        check_domains(simulation.ports, REF)


def test_a_seat_taken_by_somebody_else_sets_aside_only_who_finds_none() -> None:
    """A colleague who licenses a new employee must not stop the others."""
    with Simulation(Options(people_count=3, messages_each=11)) as simulation:
        shelf = simulation.world.tenant.directory.shelf
        sku_id = shelf.by_part_number("STANDARDWOFFPACK_STUDENT").sku_id
        shelf.seats[sku_id] = replace(shelf.seats[sku_id], enabled=3, warning=0)
        registered(simulation)
        shelf.seats[sku_id] = replace(shelf.seats[sku_id], enabled=2)
        simulation.start_all()
        simulation.run_until_all(Stage.SYNCED, Stage.SET_ASIDE)

        aside = [record for record in simulation.records() if record.stage is Stage.SET_ASIDE]
        assert [record.code for record in aside] == [Code.NO_SEAT]


def keeping(plan: Plan) -> Plan:
    """Whoever has a mailbox licence keeps it."""
    kept = CohortPlan("STANDARDWOFFPACK_STUDENT", LicenceMode.KEEP, usage_location="FR")
    return replace(plan, cohorts={"default": kept})


def test_who_keeps_a_licence_needs_no_seat() -> None:
    """A batch would be refused for seats that nobody takes."""
    with Simulation(Options(people_count=2, messages_each=11, change_plan=keeping)) as simulation:
        directory = simulation.world.tenant.directory
        directory.buy("STANDARDWOFFPACK_STUDENT", Seats(enabled=1, warning=5))
        pack = directory.shelf.by_part_number("EXCHANGESTANDARD").sku_id
        anna = somebody(simulation, simulation.people[0].address)
        directory.update(anna, lambda user: replace(user, usage_location="FR"))
        directory.assign(anna, LicenceChange({pack: frozenset()}, frozenset()))
        uploaded(simulation)

        assert reserve_seats(simulation.ports, REF) == 2

        directory.buy("STANDARDWOFFPACK_STUDENT", Seats(enabled=0, warning=5))
        with refused(Code.NO_SEAT, "1 seats are missing: 1 needed, 0 left.*5 in the grace period"):
            reserve_seats(simulation.ports, REF)


def test_a_licence_without_a_mailbox_refuses_the_batch(simulation: Simulation) -> None:
    """Every mailbox would wait a day for what cannot come."""
    uploaded(simulation)
    shelf = simulation.world.tenant.directory.shelf
    product = shelf.by_part_number("STANDARDWOFFPACK_STUDENT")
    plans = tuple(plan for plan in product.plans if plan.service != "exchange")
    shelf.products[product.sku_id] = replace(product, plans=plans)

    with refused(Code.LICENCE_WITHOUT_MAILBOX, "STANDARDWOFFPACK_STUDENT"):
        reserve_seats(simulation.ports, REF)
