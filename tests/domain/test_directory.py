"""What the directory says of licences: what opens a mailbox, what can still be given, whose assignment counts."""

from bascule.domain.directory import (
    Account,
    LicenceState,
    ServicePlan,
    Sku,
    mailbox_plans,
)

EXCHANGE = ServicePlan("p-exchange", "EXCHANGE_S_STANDARD", applies_to_user=True)
TEAMS = ServicePlan("p-teams", "TEAMS1", applies_to_user=True)
SHAREPOINT = ServicePlan("p-sharepoint", "SHAREPOINTSTANDARD_EDU", applies_to_user=True)
COMPANY = ServicePlan("p-company", "EXCHANGE_S_FOUNDATION", applies_to_user=False)
STUDENT = Sku("sku", "STANDARDWOFFPACK_STUDENT", 10, 4, (EXCHANGE, TEAMS, SHAREPOINT, COMPANY))


def test_a_foundation_plan_is_no_mailbox() -> None:
    """A licence without a mailbox leaves its user waiting for one for ever."""
    assert mailbox_plans(STUDENT) == (EXCHANGE,)
    assert mailbox_plans(Sku("s", "VISIO", 1, 0, (COMPANY,))) == ()


def test_free_seats_are_never_less_than_none() -> None:
    """A tenant in its grace period has more assigned than bought."""
    assert STUDENT.free_count == 6
    assert Sku("s", "X", 2, 2, (), warning_count=3).assignable_count == 3
    assert Sku("s", "X", 2, 0, (), state="Suspended").assignable_count == 0
    assert Sku("s", "X", 2, 5, ()).free_count == 0


def test_a_direct_assignment_counts_before_one_from_a_group() -> None:
    """What comes from a group cannot be corrected by us."""
    direct = LicenceState("sku", ())
    by_group = LicenceState("sku", ("p-teams",), by_group="g")
    account = Account("id", "a@example.org", True, "FR", (by_group, direct))

    assert account.holds("sku") == direct
    assert account.holds("other") is None
