"""The files in which passwords leave: templates, columns, encodings, and what spreadsheets make of them."""

import csv
import io

import pytest

from bascule.domain.hand_out import Person
from bascule.domain.hand_out_form import (
    FIELDS,
    HandOutRow,
    fields_problem,
    misread_count,
    split_name,
    template_problem,
    written,
)
from bascule.domain.plan import HandOutPlan

ANNE = HandOutRow(Person("anne@example.org", "Anne MARTIN", "eleves", "3A", "lot-1"), "abc12300")
BOB = HandOutRow(Person("bob@example.org", "=cmd|'/c calc'!A1", "eleves", "3B"), 'x;"y-12345')


def form(**changes: object) -> HandOutPlan:
    """The plan's form with changes, without header and mark unless they say otherwise."""
    return HandOutPlan(**{"header": "", "encoding": "utf-8", **changes})  # type: ignore[arg-type]


def test_the_procedures_template_writes_what_it_says() -> None:
    """The next program reads exactly these characters."""
    content = written([ANNE], form(template="%USER_ID%;%USER_PASSWORD%00"))

    assert content == b"anne@example.org;abc1230000\r\n"


def test_every_field_can_stand_in_a_template() -> None:
    """A documented field that is refused is found on the day of the hand-out."""
    template = "|".join(f"%{name}%" for name in FIELDS) + " 100%%"

    assert template_problem(template) is None
    assert written([ANNE], form(template=template)).decode() == (
        "anne@example.org|abc12300|anne|anne@example.org|Anne MARTIN|Anne|MARTIN|eleves|3A|lot-1 100%\r\n"
    )


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("%USER_NAME%", "not known"),
        ("%USER_ID%;50%", "by itself"),
        ("no field", "no field"),
        ("", "no field"),
    ],
)
def test_a_template_that_would_write_something_else_is_refused(template: str, said: str) -> None:
    """A thousand letters without a password are printed before somebody looks."""
    problem = template_problem(template)

    assert problem is not None
    assert said in problem[0]


def test_columns_are_read_back_as_they_were() -> None:
    """A password with a quote or a separator in it must survive the file."""
    content = written([ANNE, BOB], form(header="*", separator=","))
    rows = list(csv.DictReader(io.StringIO(content.decode())))

    assert [row["USER_PASSWORD"] for row in rows] == [ANNE.password, BOB.password]
    assert rows[0]["UNIT"] == "3A"


def test_a_name_that_is_a_formula_is_defused_and_a_password_never_changed() -> None:
    """A spreadsheet would run the one; a changed other opens nothing."""
    risky = HandOutRow(BOB.person, "=Passw-12345")
    cells = next(csv.reader([written([risky], form()).decode()], delimiter=";"))

    assert cells[2].startswith("'=")
    assert cells[1] == "=Passw-12345"
    assert misread_count([ANNE, risky], form()) == 1


@pytest.mark.parametrize(
    ("template", "count"),
    [
        ("%DISPLAY_NAME%,%USER_ID%,%USER_PASSWORD%", 1),
        ("%USER_ID%,%USER_PASSWORD%,%DISPLAY_NAME%", 1),
        ("%UNIT%,%USER_PASSWORD%", 0),
        ("%DISPLAY_NAME%;%USER_PASSWORD%", 0),
        ("", 0),
    ],
)
def test_a_name_that_moves_the_columns_of_a_template_is_counted(template: str, count: int) -> None:
    """MARTIN, Anne's import took her first name for her sign-in name and her address for her password, and the export said nothing."""
    martin = HandOutRow(Person("am@example.org", "MARTIN, Anne", "eleves", "3A"), "abc12300")

    assert misread_count([ANNE, martin], form(template=template)) == count


def test_passwords_that_hold_the_templates_own_separator_are_counted() -> None:
    """Nothing is quoted in a template, so its reader would cut them."""
    assert misread_count([ANNE, BOB], form(template="%USER_ID%;%USER_PASSWORD%;x")) == 1
    assert misread_count([ANNE, BOB], form(template="%USER_ID%\t%USER_PASSWORD%")) == 0


@pytest.mark.parametrize(
    ("encoding", "first"),
    [("utf-8", b"H\xc3\xa9"), ("utf-8-bom", b"\xef\xbb\xbf"), ("windows-1252", b"H\xe9")],
)
def test_the_encoding_is_the_one_asked_for(encoding: str, first: bytes) -> None:
    """Accents on a letter are somebody's name."""
    assert written([], form(header="Hé", encoding=encoding)).startswith(first)


def test_a_name_that_the_encoding_lacks_is_refused() -> None:
    """A question mark on a letter is nobody's name."""
    other = HandOutRow(Person("li@example.org", "李娜"), "abc12300")

    with pytest.raises(UnicodeEncodeError):
        written([other], form(encoding="windows-1252"))


def test_pages_after_the_first_have_no_header_and_no_mark() -> None:
    """A second header in the middle is a person called DISPLAY_NAME."""
    assert written([], HandOutPlan(), has_header=False) == b""


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Anne MARTIN DUPONT", ("Anne", "MARTIN DUPONT")),
        ("MARTIN Anne", ("Anne", "MARTIN")),
        ("Anne-Marie Martin", ("Anne-Marie", "Martin")),
        ("Cher", ("", "Cher")),
        ("", ("", "")),
    ],
)
def test_names_are_taken_apart_as_schools_write_them(name: str, parts: tuple[str, str]) -> None:
    """A letter begins with one of them."""
    assert split_name(name) == parts


def test_columns_that_do_not_exist_are_refused() -> None:
    """An empty column is noticed after printing."""
    assert fields_problem(("USER_ID", "PASSWORD")) is not None
    assert fields_problem(()) is not None
    assert fields_problem(("USER_ID", "USER_PASSWORD")) is None


def test_no_password_is_in_the_text_of_a_row() -> None:
    """Logs print what they are given."""
    assert ANNE.password not in repr(ANNE)
