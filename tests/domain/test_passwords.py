"""How passwords are made, and which of them the tenant would refuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bascule.domain.passwords import (
    ADMINISTRATOR_LENGTH_MAX,
    ADMINISTRATOR_LENGTH_MIN,
    LENGTH_MIN,
    NewPassword,
    administrator_password,
    class_count,
    given_problem,
    holds_name,
    length_min,
    padded,
    password_for,
    password_problem,
    random_password,
)
from bascule.domain.plan import CohortPlan, PasswordRule

LOOK_ALIKES = set("0Oo1lI2Z5S8B")
PUPILS = CohortPlan(
    "STUDENT",
    password=PasswordRule.PAD,
    password_suffix="00",
    has_password_complexity=False,
)
STAFF = CohortPlan("FACULTY", password=PasswordRule.GIVEN)


def test_six_characters_are_padded_to_eight_as_the_procedure_does() -> None:
    """A pupil who was told six characters and two zeros must get in."""
    made = password_for(PUPILS, "abc123")

    assert made == NewPassword("abc12300", PasswordRule.PAD)
    assert given_problem("abc123", PUPILS) is None


@given(some.text(max_size=40), some.text(min_size=1, max_size=5), some.integers(8, 64))
def test_padding_ends_at_the_first_whole_suffix_that_is_long_enough(
    text: str, suffix: str, wanted: int
) -> None:
    """One suffix more or less is another password than the one on the letter."""
    made = padded(text, suffix, wanted)

    assert made.startswith(text)
    assert len(made) >= max(wanted, len(text))
    assert made == text or len(made) - len(suffix) < wanted


def test_a_given_password_stays_as_it_is() -> None:
    """Somebody has learnt it by heart."""
    assert password_for(STAFF, "Learnt-by-1-heart").text == "Learnt-by-1-heart"
    assert password_for(PUPILS, "longenough").rule is PasswordRule.GIVEN


@pytest.mark.parametrize("rule", list(PasswordRule))
def test_an_account_without_a_given_password_gets_a_random_one(rule: PasswordRule) -> None:
    """An account without a password cannot be created."""
    cohort = CohortPlan("STUDENT", password=rule)
    first, second = password_for(cohort), password_for(cohort)

    assert first.rule is PasswordRule.RANDOM
    assert first.text != second.text
    assert password_problem(first.text, cohort) is None


def test_random_passwords_can_be_typed_off_paper_and_opened_in_a_spreadsheet() -> None:
    """A letter that says l where 1 was meant costs a call to the help desk for every tenth pupil."""
    for _ in range(200):
        made = random_password()
        assert not LOOK_ALIKES & set(made)
        assert made[0].isalpha()
        assert class_count(made) == 4


def test_a_random_password_is_as_long_as_the_cohort_asks() -> None:
    """A tenant with a longer minimum would refuse each of them."""
    cohort = CohortPlan("STUDENT", password=PasswordRule.RANDOM, password_length_min=20)

    assert len(password_for(cohort).text) == 20
    assert length_min(CohortPlan("STUDENT", password_length_min=3)) == LENGTH_MIN


@pytest.mark.parametrize("length", [ADMINISTRATOR_LENGTH_MIN, ADMINISTRATOR_LENGTH_MAX])
def test_an_administrator_gets_eight_to_sixteen_characters_of_all_classes(length: int) -> None:
    """The sign-in page of the first day refuses anything else."""
    made = administrator_password(length)

    assert len(made) == length
    assert class_count(made) == 4


@pytest.mark.parametrize("length", [7, 17])
def test_an_administrator_gets_no_other_length(length: int) -> None:
    """Asked for more, a shorter one would be a surprise."""
    with pytest.raises(ValueError, match="8 to 16"):
        administrator_password(length)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Short-1", "shorter than 8"),
        ("x" * 257, "longer than 256"),
        ("Pässword-1", "does not take"),
        ("Bell\a-12345", "does not take"),
        ("onlylower-", "three of"),
    ],
)
def test_what_the_tenant_refuses_is_known_before_and_never_repeated(text: str, said: str) -> None:
    """A refusal in the middle of a batch is a mailbox set aside, and a report is read by many."""
    problem = given_problem(text, STAFF)

    assert problem is not None
    assert said in problem[0]
    assert text not in " ".join(problem)


def test_classes_are_not_asked_where_the_plan_says_so() -> None:
    """Education tenants take abcdefgh."""
    assert password_problem("abcdefgh", PUPILS) is None


@pytest.mark.parametrize("rule", [PasswordRule.RANDOM, PasswordRule.KEEP])
def test_a_given_password_that_nobody_would_set_is_a_mistake(rule: PasswordRule) -> None:
    """Its writer believes that the pupils will sign in with it."""
    assert given_problem("Given-12345", CohortPlan("X", password=rule)) is not None


def test_names_are_found_behind_the_usual_substitutions() -> None:
    """The service finds them, too, and refuses."""
    assert holds_name("m@rie-2026", "Marie Curie")
    assert holds_name("CUR1E4ever", "Marie Curle")
    assert not holds_name("Quiet-Lake-7", "Marie Curie", "Li Na")


def test_no_password_is_in_the_text_of_a_value() -> None:
    """The engine keeps what exceptions and logs print."""
    assert "abc12300" not in repr(password_for(PUPILS, "abc123"))
