"""The smallest licence change: which services are on before and after."""

from bascule.domain.directory import (
    Account,
    LicenceState,
    ServicePlan,
    Sku,
    disabled_after,
    disabled_before,
    mailbox_plans,
)

EXCHANGE = ServicePlan("p-exchange", "EXCHANGE_S_STANDARD", applies_to_user=True)
TEAMS = ServicePlan("p-teams", "TEAMS1", applies_to_user=True)
SHAREPOINT = ServicePlan("p-sharepoint", "SHAREPOINTSTANDARD_EDU", applies_to_user=True)
COMPANY = ServicePlan("p-company", "EXCHANGE_S_FOUNDATION", applies_to_user=False)
STUDENT = Sku("sku", "STANDARDWOFFPACK_STUDENT", 10, 4, (EXCHANGE, TEAMS, SHAREPOINT, COMPANY))


def test_before_the_migration_only_the_mailbox_is_on() -> None:
    """A user who finds an empty Teams calls the help desk."""
    assert disabled_before(STUDENT) == ("p-sharepoint", "p-teams")


def test_plans_of_the_whole_company_are_never_switched() -> None:
    """The directory refuses the whole assignment when one of them is named."""
    assert "p-company" not in disabled_before(STUDENT)


def test_after_the_migration_a_star_means_everything() -> None:
    """New services of the vendor must not need a new plan file."""
    assert disabled_after(STUDENT, ("*",)) == ()


def test_after_the_migration_the_mailbox_stays_on_whatever_is_named() -> None:
    """A list of services without the mailbox would close it."""
    assert disabled_after(STUDENT, ("TEAMS1",)) == ("p-sharepoint",)
    assert disabled_after(STUDENT, ()) == ("p-sharepoint", "p-teams")


def test_a_foundation_plan_is_no_mailbox() -> None:
    """A licence without a mailbox leaves its user waiting for one for ever."""
    assert mailbox_plans(STUDENT) == (EXCHANGE,)
    assert mailbox_plans(Sku("s", "VISIO", 1, 0, (COMPANY,))) == ()


def test_free_seats_are_never_less_than_none() -> None:
    """A tenant in its grace period has more assigned than bought."""
    assert STUDENT.free_count == 6
    assert Sku("s", "X", 2, 5, ()).free_count == 0


def test_a_direct_assignment_counts_before_one_from_a_group() -> None:
    """What comes from a group cannot be corrected by us."""
    direct = LicenceState("sku", ())
    by_group = LicenceState("sku", ("p-teams",), by_group="g")
    account = Account("id", "a@example.org", True, "FR", (by_group, direct))

    assert account.holds("sku") == direct
    assert account.holds("other") is None
