"""Which cohort a mailbox gets, and who is left alone."""

from dataclasses import replace

import pytest

from bascule.domain.cohorts import CohortChoice, CohortsAmbiguous, is_never_touched
from bascule.domain.plan import AccountPlan, CohortPlan
from tests.domain.batch_samples import PLAN, described, read

COHORTS = {
    "default": CohortPlan("A1"),
    "pupils": CohortPlan("A1", addresses=("*@eleves.example.org",), units=("Eleves/*",)),
    "teachers": CohortPlan("A3", addresses=("prof.*@example.org",), units=("Profs",)),
    "guests": CohortPlan("A1", addresses=("*.invite@example.org",)),
}
SCHOOL = replace(PLAN, cohorts=COHORTS, accounts=AccountPlan(never_touch=("Admin@example.org",)))
HEADER = "EmailAddress,UserName,Password,Cohort,Unit\r\n"


@pytest.mark.parametrize(
    ("address", "unit", "named", "chosen"),
    [
        ("lea@eleves.example.org", "", "", "pupils"),
        ("LEA@Eleves.Example.ORG", "", "", "pupils"),
        ("lea@eleves.example.org", "Profs", "", "pupils"),
        ("lea@eleves.example.org", "", "teachers", "teachers"),
        ("lea@example.org", "eleves/3A", "", "pupils"),
        ("lea@example.org", "Eleves", "", ""),
        ("lea@example.org", "", "", ""),
        ("xprof.max@example.org", "", "", ""),
    ],
)
def test_the_row_counts_before_the_address_and_the_address_before_the_unit(
    address: str, unit: str, named: str, chosen: str
) -> None:
    """A teacher with a pupil's licence has no room for the class's work, and a pupil with a teacher's costs money."""
    assert CohortChoice(COHORTS).choose(address, unit, named) == chosen


def test_two_cohorts_that_fit_are_never_chosen_by_chance() -> None:
    """The order of sections in a file must not decide who gets which licence."""
    with pytest.raises(CohortsAmbiguous, match="guests, teachers"):
        CohortChoice(COHORTS).choose("prof.invite@example.org".replace("invite", "x.invite"))


def test_a_pattern_takes_every_other_sign_by_its_word() -> None:
    """A dot that fits any character would choose strangers."""
    cohorts = {"default": CohortPlan("A1"), "staff": CohortPlan("A1", addresses=("a.b@x.org",))}

    assert CohortChoice(cohorts).choose("aXb@x.org") == ""
    assert CohortChoice(cohorts).choose("a.b@x.org") == "staff"


def test_a_batch_file_gives_every_row_its_cohort() -> None:
    """Seats are reserved by it before the first write."""
    batch = read(
        HEADER
        + "prof.max@example.org,max,x,,\r\n"
        + "lea@example.org,lea,x,,Eleves/3A\r\n"
        + "ida@example.org,ida,x,teachers,Eleves/3A\r\n"
        + "tom@example.org,tom,x,,\r\n",
        SCHOOL,
    )

    assert [row.cohort for row in batch.rows] == ["teachers", "pupils", "teachers", ""]
    assert [row.unit for row in batch.rows] == ["", "Eleves/3A", "Eleves/3A", ""]


def test_ambiguous_and_protected_rows_are_named_with_line_and_column() -> None:
    """The whole file is refused before the first write, and the operator reads all of it at once."""
    found = described(
        HEADER
        + "tom@example.org,tom,x,,\r\n"
        + "prof.x.invite@example.org,max,x,,\r\n"
        + "admin@example.org,root,x,,\r\n",
        SCHOOL,
    )

    assert [place[:3] for place in found] == [(3, 1, "EmailAddress"), (4, 1, "EmailAddress")]
    assert "guests, teachers" in found[0][3]
    assert "never_touch" in found[1][3]


def test_a_protected_account_is_known_in_any_spelling() -> None:
    """The administrator who is locked out cannot put it right."""
    accounts = AccountPlan(never_touch=("Admin@Example.org",))

    assert is_never_touched(accounts, " aDMIN@example.org ")
    assert not is_never_touched(accounts, "admin2@example.org")
