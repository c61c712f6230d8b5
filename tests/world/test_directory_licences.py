"""Licences of the simulated tenant, their rules, and the mailboxes they open."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.world import licences
from sandbox.world.directory import Directory, User
from sandbox.world.directory_errors import DirectoryRefused, Reason
from sandbox.world.licences import LicenceChange, Seats
from sandbox.world.weather import CALM, Span, Weather
from sandbox.world.world import World

OPEN_AFTER = timedelta(seconds=CALM.mailbox_provisioning.max_s)
NOTHING = frozenset[str]()


class Tenancy:
    """A tenant with one account, Anna's, and a clock that a test turns."""

    def __init__(self, weather: Weather = CALM) -> None:
        self.now_utc = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
        self.world = World(7, lambda: self.now_utc, weather)
        self.directory: Directory = self.world.tenant.directory
        self.anna = self.add("anna")

    def add(self, local: str, country: str | None = "FR") -> User:
        """One more account."""
        draft = User(
            "",
            f"{local}@example.org",
            local,
            local,
            self.now_utc,
            password="Tr0ub4dor&3",
            usage_location=country,
        )
        return self.directory.create(draft)

    def sku_id(self, part_number: str) -> str:
        """The identifier of a product."""
        return self.directory.shelf.by_part_number(part_number).sku_id

    def give(self, part_number: str, *off: licences.Plan, to: User | None = None) -> User:
        """Assign a product with some plans off."""
        disabled = frozenset(plan.plan_id for plan in off)
        change = LicenceChange({self.sku_id(part_number): disabled}, NOTHING)
        return self.directory.assign((to or self.anna).user_id, change)

    def take(self, part_number: str) -> User:
        """Remove a product from Anna."""
        change = LicenceChange({}, frozenset({self.sku_id(part_number)}))
        return self.directory.assign(self.anna.user_id, change)

    def has_mailbox(self) -> bool:
        """Whether Anna's mailbox is open."""
        return self.world.tenant.provisioning.why_not_ready(self.anna.user_id) is None

    def wait(self, span: timedelta = OPEN_AFTER) -> None:
        """Let time pass."""
        self.now_utc += span


@pytest.fixture
def tenancy() -> Tenancy:
    """Anna without a licence."""
    return Tenancy()


def refusal_of(act: Callable[[], object]) -> DirectoryRefused:
    """What the directory says."""
    with pytest.raises(DirectoryRefused) as refusal:
        act()
    return refusal.value


def test_the_last_seat_is_the_last(tenancy: Tenancy) -> None:
    """More people than seats would be told that they are licensed."""
    tenancy.directory.buy("EXCHANGESTANDARD", Seats(enabled=1))
    tenancy.give("EXCHANGESTANDARD")
    ben = tenancy.add("ben")
    no = refusal_of(lambda: tenancy.give("EXCHANGESTANDARD", to=ben))

    assert no.reason is Reason.OUT_OF_SEATS
    assert no.message == (
        "Subscription with SKU 4b9405b0-7788-4568-add1-99614e613b69 does not have any available licenses."
    )


def test_seats_in_their_grace_period_can_be_given_suspended_ones_not(tenancy: Tenancy) -> None:
    """The stock would be counted wrong on the day a subscription ends."""
    tenancy.directory.buy("EXCHANGESTANDARD", Seats(warning=1, suspended=5))
    tenancy.give("EXCHANGESTANDARD")
    ben = tenancy.add("ben")

    assert (
        refusal_of(lambda: tenancy.give("EXCHANGESTANDARD", to=ben)).reason is Reason.OUT_OF_SEATS
    )


def test_asked_twice_a_licence_takes_one_seat(tenancy: Tenancy) -> None:
    """A retry after a lost answer would eat the stock."""
    tenancy.give("EXCHANGESTANDARD")
    again = tenancy.give("EXCHANGESTANDARD")

    assert len(again.licences) == 1
    assert tenancy.directory.consumed(tenancy.sku_id("EXCHANGESTANDARD")) == 1


def test_a_product_given_directly_and_by_a_group_takes_one_seat(tenancy: Tenancy) -> None:
    """The stock would shrink twice for one person."""
    sku_id = tenancy.sku_id("EXCHANGESTANDARD")
    tenancy.directory.inherit(tenancy.anna.user_id, "group-1", sku_id, NOTHING)
    both = tenancy.give("EXCHANGESTANDARD")

    assert len(both.licences) == 2
    assert tenancy.directory.consumed(sku_id) == 1


def test_a_deleted_account_gives_its_seat_back(tenancy: Tenancy) -> None:
    """Seats of people who left would never be free again."""
    tenancy.give("EXCHANGESTANDARD")
    tenancy.directory.delete(tenancy.anna.user_id)

    assert tenancy.directory.consumed(tenancy.sku_id("EXCHANGESTANDARD")) == 0


def test_without_a_country_no_licence(tenancy: Tenancy) -> None:
    """The commonest mistake of a first batch would not be rehearsed."""
    ben = tenancy.add("ben", country=None)
    no = refusal_of(lambda: tenancy.give("EXCHANGESTANDARD", to=ben))

    assert no.reason is Reason.USAGE_LOCATION
    assert no.message == "License assignment cannot be done for user with invalid usage location."


def test_a_plan_does_not_work_without_the_one_it_needs(tenancy: Tenancy) -> None:
    """Switching off SharePoint alone is refused by the service; here it would pass."""
    no = refusal_of(
        lambda: tenancy.give("STANDARDWOFFPACK_STUDENT", licences.SHAREPOINTSTANDARD_EDU)
    )
    tenancy.give(
        "STANDARDWOFFPACK_STUDENT", licences.SHAREPOINTSTANDARD_EDU, licences.SHAREPOINTWAC_EDU
    )

    assert no.reason is Reason.PLAN_DEPENDENCY
    assert licences.SHAREPOINTWAC_EDU.plan_id in no.message
    assert licences.SHAREPOINTSTANDARD_EDU.plan_id in no.message


def test_plans_that_exclude_each_other_are_refused(tenancy: Tenancy) -> None:
    """Keeping the old pack beside the new one fails in some tenants; the product must survive it."""
    pair = frozenset({licences.EXCHANGE_S_STANDARD.plan_id, licences.EXCHANGE_S_ENTERPRISE.plan_id})
    tenancy.directory.shelf.exclusive_plans = frozenset({pair})
    tenancy.give("EXCHANGESTANDARD")
    no = refusal_of(lambda: tenancy.give("ENTERPRISEPACK"))

    assert no.reason is Reason.PLAN_CONFLICT
    assert no.message.endswith("are mutually exclusive")


def test_what_a_group_gave_only_the_group_takes(tenancy: Tenancy) -> None:
    """Replacing a pack would pretend to work for users licensed by a group."""
    sku_id = tenancy.sku_id("EXCHANGESTANDARD")
    tenancy.directory.inherit(tenancy.anna.user_id, "group-1", sku_id, NOTHING)

    assert refusal_of(lambda: tenancy.take("EXCHANGESTANDARD")).reason is Reason.GROUP_MANAGED
    assert refusal_of(lambda: tenancy.take("ENTERPRISEPACK")).reason is Reason.NOT_LICENSED


def test_a_refused_change_changes_nothing(tenancy: Tenancy) -> None:
    """Half a replacement would leave the mailbox without a licence."""
    tenancy.directory.buy("ENTERPRISEPACK", Seats(enabled=0))
    tenancy.give("EXCHANGESTANDARD")
    change = LicenceChange(
        {tenancy.sku_id("ENTERPRISEPACK"): NOTHING},
        frozenset({tenancy.sku_id("EXCHANGESTANDARD")}),
    )
    refusal_of(lambda: tenancy.directory.assign(tenancy.anna.user_id, change))

    assert tenancy.directory.consumed(tenancy.sku_id("EXCHANGESTANDARD")) == 1


def test_a_product_or_plan_the_tenant_has_not_is_refused(tenancy: Tenancy) -> None:
    """A typing mistake in the plan would be taken for a licence."""
    unknown = LicenceChange({"00000000-0000-0000-0000-000000000000": NOTHING}, NOTHING)
    by_unknown = refusal_of(lambda: tenancy.directory.assign(tenancy.anna.user_id, unknown))
    by_foreign = refusal_of(lambda: tenancy.give("EXCHANGESTANDARD", licences.TEAMS1))

    assert by_unknown.reason is by_foreign.reason is Reason.UNKNOWN_LICENCE


def test_a_mailbox_opens_after_its_licence_with_all_its_addresses(tenancy: Tenancy) -> None:
    """Mail would be redirected to a routing address that nobody has."""
    tenancy.give("STANDARDWOFFPACK_STUDENT")
    assert not tenancy.has_mailbox()
    tenancy.wait()
    assert tenancy.has_mailbox()
    mailbox = tenancy.world.tenant.mailboxes.at_address("anna@exampleorg.onmicrosoft.com")

    assert mailbox is not None
    assert mailbox.primary_address == "anna@example.org"
    assert tenancy.directory.user(tenancy.anna.user_id).proxy_addresses == (
        "SMTP:anna@example.org",
        "smtp:anna@exampleorg.onmicrosoft.com",
    )


def test_a_licence_with_its_mailbox_plan_off_opens_nothing(tenancy: Tenancy) -> None:
    """The product would wait a day for a mailbox it switched off itself."""
    tenancy.give("STANDARDWOFFPACK_STUDENT", licences.EXCHANGE_S_STANDARD)
    tenancy.wait(timedelta(days=1))

    assert not tenancy.has_mailbox()


def test_a_licence_taken_away_before_the_mailbox_opened_opens_nothing(tenancy: Tenancy) -> None:
    """A mailbox would appear that no licence pays for."""
    tenancy.give("EXCHANGESTANDARD")
    tenancy.take("EXCHANGESTANDARD")
    tenancy.wait()

    assert not tenancy.has_mailbox()


def test_a_mailbox_comes_back_with_its_mail_when_the_licence_does(tenancy: Tenancy) -> None:
    """A gap between two packs would empty the mailbox."""
    tenancy.give("EXCHANGESTANDARD")
    tenancy.wait()
    assert tenancy.has_mailbox()
    before = tenancy.world.tenant.mailboxes.at_address("anna@example.org")
    tenancy.take("EXCHANGESTANDARD")
    assert not tenancy.has_mailbox()
    tenancy.give("STANDARDWOFFPACK_FACULTY")
    tenancy.wait()
    assert tenancy.has_mailbox()

    assert tenancy.world.tenant.mailboxes.at_address("anna@example.org") is before


def test_one_pack_replaced_by_another_in_one_call_keeps_the_mailbox_open(
    tenancy: Tenancy,
) -> None:
    """The provisional pack is swapped for the real one while people read their mail."""
    tenancy.give("EXCHANGESTANDARD")
    tenancy.wait()
    assert tenancy.has_mailbox()
    change = LicenceChange(
        {tenancy.sku_id("STANDARDWOFFPACK_STUDENT"): NOTHING},
        frozenset({tenancy.sku_id("EXCHANGESTANDARD")}),
    )
    tenancy.directory.assign(tenancy.anna.user_id, change)

    assert tenancy.has_mailbox()


def test_the_reason_why_a_mailbox_is_not_ready_alternates() -> None:
    """A product that trusts one code gives up on the others, as happens in the field."""
    tenancy = Tenancy(Weather(mailbox_provisioning=Span(1000, 1000)))
    tenancy.give("EXCHANGESTANDARD")
    provisioning = tenancy.world.tenant.provisioning
    early = {provisioning.why_not_ready(tenancy.anna.user_id) for _ in range(20)}
    tenancy.wait(timedelta(seconds=950))
    late = provisioning.why_not_ready(tenancy.anna.user_id)

    assert {state.code for state in early if state} == {
        "MailboxNotEnabledForRESTAPI",
        "ResourceNotFound",
    }
    assert late is not None
    assert late.code == "ErrorItemNotFound"


def test_the_same_seed_gives_the_same_tenant() -> None:
    """A failing simulation could not be lived again."""
    first, second = Tenancy(), Tenancy()

    assert first.anna == second.anna
