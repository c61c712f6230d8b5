"""Lists of passwords from other programs: columns as they call them, every mistake at once, nothing repeated."""

import pytest

from bascule.domain.batch_mistakes import BatchFileInvalid
from bascule.domain.hand_out import Person
from bascule.domain.hand_out_file import ROW_COUNT_MAX, Columns, columns_of, read_list
from bascule.domain.plan import CohortPlan, PasswordRule

MAPPED = columns_of("login=USER_ID,mdp=USER_PASSWORD")
COHORTS = {
    "pupils": CohortPlan(
        "S", password=PasswordRule.PAD, password_suffix="00", has_password_complexity=False
    ),
    "staff": CohortPlan("F", password=PasswordRule.KEEP),
}
CANARY = "kanari-vögel"


def known(address: str) -> Person | str:
    """Pupils and one teacher; nobody else."""
    if address.startswith("boss"):
        return "is protected"
    cohort = "staff" if address.startswith("prof") else "pupils"
    return Person(address, cohort=cohort)


def passwords_of(text: str, columns: Columns = MAPPED) -> dict[str, str]:
    """What the list brings, by address."""
    file = read_list(text.encode(), columns, known, COHORTS)
    return {row.person.address: row.password for row in file.rows}


def places_of(text: str, columns: Columns = MAPPED) -> list[tuple[int, int]]:
    """(line, column) of every mistake; none repeats a cell."""
    with pytest.raises(BatchFileInvalid) as invalid:
        passwords_of(text, columns)
    assert CANARY not in str(invalid.value)
    return [(mistake.line, mistake.column) for mistake in invalid.value.mistakes]


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_columns_are_found_by_their_names_wherever_they_stand(delimiter: str) -> None:
    """Every school program has its own order and its own words."""
    lines = (("classe", "mdp", "login"), ("3A", "abc123", "Anne@Example.org "), ("", "", ""))
    text = "\n".join(delimiter.join(cells) for cells in lines)

    assert passwords_of(text) == {"anne@example.org": "abc123"}


def test_a_list_without_a_header_is_mapped_by_numbers() -> None:
    """What a template without a header wrote must come back in."""
    columns = columns_of("2=USER_PASSWORD, 1=USER_ID")

    assert passwords_of("anne@example.org;abc12300\r\nbob@example.org;abc12301\r\n", columns) == {
        "anne@example.org": "abc12300",
        "bob@example.org": "abc12301",
    }


@pytest.mark.parametrize(
    "text",
    ["", "login", "login=USER_ID", "mdp=USER_PASSWORD", "a=NOBODY,b=USER_ID", "=USER_ID,b=COHORT"],
)
def test_a_mapping_that_leaves_something_out_is_refused(text: str) -> None:
    """A list read by the wrong columns gives everybody somebody else's password."""
    with pytest.raises(ValueError, match=r"COLUMN=FIELD|no field|name a column"):
        columns_of(text)


def test_every_mistake_is_named_at_its_place() -> None:
    """One mistake an attempt makes an evening of it."""
    text = "\n".join(
        (
            "login,mdp",
            "anne@example.org,abc123",
            f"ANNE@example.org,{CANARY}",
            f"{CANARY},abc123",
            "bob@example.org,",
            f"carl@example.org,{CANARY}",
            "prof@example.org,Given-12345",
            "boss@example.org,abc123",
            "dora@example.org",
        )
    )

    assert places_of(text) == [(3, 1), (4, 1), (5, 2), (6, 2), (7, 2), (8, 1), (9, 0)]


def test_a_header_without_the_columns_is_one_mistake_each() -> None:
    """Somebody has mapped last year's file."""
    assert places_of(f"user,{CANARY}\n") == [(1, 0), (1, 0)]


@pytest.mark.parametrize("text", ["login,mdp\n", "login,mdp\n,\n\n"])
def test_a_list_without_rows_is_refused(text: str) -> None:
    """Zero passwords imported looks like success."""
    assert places_of(text) == [(0, 0)]


def test_a_list_that_is_too_long_for_one_request_is_refused() -> None:
    """Half a list sealed when the front door closes is worse than none."""
    rows = "".join(
        f"p{number}@example.org,abc{number:05d}\n" for number in range(ROW_COUNT_MAX + 1)
    )

    assert places_of("login,mdp\n" + rows) == [(0, 0)]


def test_equal_passwords_are_told_once() -> None:
    """Three hundred pupils with one password know each other's."""
    text = "login,mdp\na@example.org,abc123\nb@example.org,abc123\nc@example.org,abc124\n"
    warnings = read_list(text.encode(), MAPPED, known, COHORTS).warnings

    assert [(warning.line, warning.column) for warning in warnings] == [(2, 2)]
    assert "abc123" not in str(warnings[0])
    assert "abc123" not in repr(read_list(text.encode(), MAPPED, known, COHORTS))
