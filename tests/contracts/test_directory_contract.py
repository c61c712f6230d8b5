"""What every directory must do: the Graph adapter on its wire, and the simulated tenant itself. About 3 s."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bascule.domain.codes import Code
from bascule.domain.directory import (
    Assignment,
    LicenceChange,
    NewAccount,
    mailbox_plans,
)
from bascule.domain.errors import NotYet, Refusal, Throttled, Unreachable
from bascule.domain.service_plans import PlanNeedsAnother
from bascule.ports.directory import Directory
from sandbox.world.licences import Seats
from tests.contracts.licence_examples import ANN, STUDENT, given, only_mailbox, sku_of
from tests.contracts.tenant_doors import DOORS, LOST, THROTTLED, UNWELL, Tenant, directory, tenant

NOBODY = "00000000-0000-0000-0000-000000000001"


@pytest.fixture
def school() -> Tenant:
    """A prepared tenant."""
    return tenant()


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, school: Tenant) -> Iterator[Directory]:
    """The port, through each door."""
    with directory(request.param, school) as found:
        yield found


def _refused(code: Code) -> "pytest.RaisesExc[Refusal]":
    return pytest.raises(Refusal, check=lambda no: no.code is code)


def test_the_stock_names_every_product_with_seats_and_plans(
    door: Directory, school: Tenant
) -> None:
    """Seats are reserved from these figures; plans are switched by these ids."""
    shelf = school.world.tenant.directory.shelf
    stock = {sku.sku_id: sku for sku in door.licence_stock()}

    assert stock.keys() == shelf.products.keys()
    for sku_id, product in shelf.products.items():
        assert stock[sku_id].part_number == product.part_number
        assert {plan.plan_id for plan in stock[sku_id].service_plans} == product.plan_ids()
        assert stock[sku_id].enabled_count == shelf.seats[sku_id].enabled


def test_nobody_is_found_before_and_the_account_after_its_creation(door: Directory) -> None:
    """A wrong answer creates somebody twice, or nobody."""
    assert door.find_account(ANN.address) is None

    made = door.create_account(ANN)
    found = door.find_account("Ann@Example.org")

    assert found is not None
    assert found == made
    assert (found.address, found.is_enabled, found.usage_location) == (ANN.address, True, "FR")


def test_the_password_is_not_asked_to_be_changed(door: Directory, school: Tenant) -> None:
    """Mail programs cannot ask; they would only fail."""
    made = door.create_account(ANN)
    truth = school.world.tenant.directory.truth(made.account_id)

    assert truth is not None
    assert truth.password == ANN.password
    assert truth.password_change_forced is False


def test_an_address_that_is_taken_is_a_conflict(door: Directory) -> None:
    """The step adopts the account; it must not read this as bad input."""
    door.create_account(ANN)

    with _refused(Code.ACCOUNT_CONFLICT):
        door.create_account(ANN)


@pytest.mark.parametrize(
    ("new", "code"),
    [
        (replace(ANN, password="weak"), Code.PASSWORD_REFUSED),
        (replace(ANN, address="ann@elsewhere.example"), Code.ACCOUNT_INVALID),
    ],
    ids=["weak password", "foreign domain"],
)
def test_a_value_the_directory_refuses_is_named_and_no_password_is_shown(
    door: Directory, new: NewAccount, code: Code
) -> None:
    """The operator corrects the CSV; the reason ends in the ledger."""
    with _refused(code) as no:
        door.create_account(new)

    assert ANN.password not in str(no.value)


def test_a_lost_answer_to_a_creation_leaves_an_account_to_be_found(
    door: Directory, school: Tenant
) -> None:
    """The next attempt adopts it."""
    school.fails_once("graph.POST users", LOST)

    with pytest.raises(Unreachable):
        door.create_account(ANN)

    assert door.find_account(ANN.address) is not None


def test_the_same_country_twice_is_no_change(door: Directory) -> None:
    """Steps are repeated."""
    account_id = door.create_account(replace(ANN, usage_location="")).account_id

    door.set_usage_location(account_id, "CA")
    door.set_usage_location(account_id, "CA")
    found = door.find_account(ANN.address)

    assert found is not None
    assert found.usage_location == "CA"


def test_a_licence_has_exactly_the_plans_asked_for_and_one_seat(door: Directory) -> None:
    """First only the mailbox, later the rest; a seat too many would be somebody else's."""
    account_id, sku = door.create_account(ANN).account_id, sku_of(door)

    for disabled in (only_mailbox(sku), only_mailbox(sku), ()):
        door.change_licences(account_id, given(sku.sku_id, disabled))
        account = door.find_account(ANN.address)
        state = account.holds(sku.sku_id) if account else None

        assert state is not None
        assert set(state.disabled_plan_ids) == set(disabled)
        assert (state.is_active, state.error, state.by_group) == (True, "", "")
        assert sku_of(door).consumed_count == 1


def test_a_missing_country_is_named(door: Directory) -> None:
    """Only a person can know it."""
    account_id = door.create_account(replace(ANN, usage_location="")).account_id

    with _refused(Code.USAGE_LOCATION_INVALID):
        door.change_licences(account_id, given(sku_of(door).sku_id, ()))


def test_no_seat_left_is_named(door: Directory, school: Tenant) -> None:
    """Somebody has to buy."""
    account_id, sku = door.create_account(ANN).account_id, sku_of(door)
    shelf = school.world.tenant.directory.shelf
    shelf.seats[sku.sku_id] = replace(shelf.seats[sku.sku_id], enabled=0, warning=0)

    with _refused(Code.NO_SEAT):
        door.change_licences(account_id, given(sku.sku_id, ()))


def test_a_licence_the_tenant_never_bought_is_named(door: Directory) -> None:
    """A typing error in the plan."""
    account_id = door.create_account(ANN).account_id

    with _refused(Code.LICENCE_UNKNOWN):
        door.change_licences(account_id, given(NOBODY, ()))


def test_a_plan_without_the_one_it_needs_is_refused(door: Directory) -> None:
    """Office for the web needs its SharePoint."""
    account_id, sku = door.create_account(ANN).account_id, sku_of(door)
    sharepoint = [p.plan_id for p in sku.service_plans if p.name == "SHAREPOINTSTANDARD_EDU"]

    with pytest.raises(PlanNeedsAnother) as no:
        door.change_licences(account_id, given(sku.sku_id, tuple(sharepoint)))

    assert (no.value.code, no.value.parent_ids) == (Code.PLAN_DEPENDENCY, tuple(sharepoint))


def test_one_licence_takes_the_place_of_another_in_one_change(
    door: Directory, school: Tenant
) -> None:
    """Between two calls the mailbox would be without a licence."""
    account_id = door.create_account(ANN).account_id
    pack, sku = sku_of(door, "EXCHANGESTANDARD"), sku_of(door)
    door.change_licences(account_id, given(pack.sku_id, ()))
    seen: list[set[str]] = []
    school.world.tenant.directory.on_licences_changed.append(
        lambda user: seen.append({licence.sku_id for licence in user.licences})
    )

    door.change_licences(account_id, LicenceChange((Assignment(sku.sku_id),), (pack.sku_id,)))

    assert seen == [{sku.sku_id}]


def test_what_is_gone_already_cannot_be_taken_away_and_is_looked_at_again(
    door: Directory,
) -> None:
    """Somebody took it meanwhile: the whole change came to nothing, and the account has to be read anew."""
    account_id, sku = door.create_account(ANN).account_id, sku_of(door)

    with pytest.raises(NotYet):
        door.change_licences(
            account_id,
            LicenceChange((Assignment(sku.sku_id),), (sku_of(door, "EXCHANGESTANDARD").sku_id,)),
        )


def test_a_licence_from_a_group_cannot_be_taken_from_the_user(
    door: Directory, school: Tenant
) -> None:
    """Only leaving the group takes it away."""
    account_id, sku = door.create_account(ANN).account_id, sku_of(door)
    school.world.tenant.directory.inherit(account_id, "g-1", sku.sku_id, frozenset())

    with _refused(Code.LICENCE_INHERITED):
        door.change_licences(account_id, LicenceChange(remove=(sku.sku_id,)))


def test_plans_that_exclude_each_other_are_named(door: Directory, school: Tenant) -> None:
    """Neither trying again nor buying seats would help."""
    account_id, sku, other = (
        door.create_account(ANN).account_id,
        sku_of(door),
        sku_of(door, "ENTERPRISEPACK"),
    )
    plans = frozenset({mailbox_plans(sku)[0].plan_id, mailbox_plans(other)[0].plan_id})
    school.world.tenant.directory.shelf.exclusive_plans = frozenset({plans})
    door.change_licences(account_id, given(sku.sku_id, only_mailbox(sku)))

    with _refused(Code.PLAN_CONFLICT):
        door.change_licences(account_id, given(other.sku_id, only_mailbox(other)))


def test_seats_in_the_grace_period_and_suspended_ones_are_told_apart(
    door: Directory, school: Tenant
) -> None:
    """The first can still be given and will end; the second cannot be given at all."""
    school.world.tenant.directory.buy(STUDENT, Seats(enabled=0, warning=5, suspended=3))

    sku = sku_of(door)

    assert (sku.state, sku.warning_count, sku.suspended_count) == ("Warning", 5, 3)
    assert (sku.free_count, sku.assignable_count) == (0, 5)


def test_the_list_of_accounts_is_whole_and_says_of_each_what_a_look_at_it_says(
    door: Directory, school: Tenant
) -> None:
    """Seats are counted over it; one account left out is one seat promised twice."""
    made = [door.create_account(replace(ANN, address=f"p{at}@example.org")) for at in range(3)]
    door.change_licences(made[1].account_id, given(sku_of(door).sku_id, ()))

    listed = {account.address: account for account in door.accounts()}

    assert len(listed) == len(school.world.tenant.directory.users())
    assert {account.address for account in made} <= set(listed)
    assert listed["p1@example.org"] == door.find_account("p1@example.org")


def test_verified_domains_say_how_their_users_sign_in(door: Directory) -> None:
    """Nobody can be given a password in a federated one."""
    assert door.verified_domains()["example.org"] == "Managed"


@pytest.mark.parametrize(("state", "wanted"), [(None, False), (False, False), (True, True)])
def test_a_directory_on_site_is_seen(
    door: Directory, school: Tenant, state: bool | None, wanted: bool
) -> None:
    """Accounts made here would be doubled by it, or never let themselves be changed."""
    school.world.tenant.is_synchronised = state

    assert door.is_synchronised() is wanted


def test_who_has_an_address_is_found_whatever_their_name(door: Directory, school: Tenant) -> None:
    """The collision's other side has to be named."""
    account_id = door.create_account(ANN).account_id
    school.world.tenant.directory.stamp_addresses(account_id, ANN.address, ("o'hara@example.org",))

    assert [holder.address for holder in door.holders_of("O'Hara@example.org")] == [ANN.address]
    assert door.holders_of("nobody@example.org") == ()


def test_a_deleted_account_is_known_by_its_former_name(door: Directory, school: Tenant) -> None:
    """A new account of that name would leave the old mailbox behind."""
    account_id = door.create_account(ANN).account_id
    assert door.deleted_accounts() == ()

    school.world.tenant.directory.delete(account_id)
    found = door.deleted_accounts()

    assert [(gone.account_id, gone.addresses[0]) for gone in found] == [(account_id, ANN.address)]


def test_the_mailbox_opens_some_time_after_the_licence(door: Directory, school: Tenant) -> None:
    """Every 404 until then means not yet."""
    account_id, sku = door.create_account(ANN).account_id, sku_of(door)
    assert door.is_mailbox_open(account_id) is False

    door.change_licences(account_id, given(sku.sku_id, only_mailbox(sku)))
    assert door.is_mailbox_open(account_id) is False

    school.pass_time(hours=1)
    assert door.is_mailbox_open(account_id) is True


def test_a_missing_permission_is_named(door: Directory, school: Tenant) -> None:
    """The first thing to go wrong in a new tenant."""
    school.world.tenant.app.roles.clear()

    with _refused(Code.PERMISSION_MISSING):
        door.licence_stock()


def test_throttling_says_how_long_and_a_failing_service_is_unreachable(
    door: Directory, school: Tenant
) -> None:
    """One becomes a durable timer, the other the host's retry."""
    school.fails_once("graph.GET subscribedSkus", THROTTLED)
    with pytest.raises(Throttled, check=lambda busy: busy.wait_s == 7):
        door.licence_stock()

    school.fails_once("graph.GET subscribedSkus", UNWELL)
    with pytest.raises(Unreachable):
        door.licence_stock()
