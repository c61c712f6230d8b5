"""The batch file as a whole: encodings, lines, separators, the header."""

import re
from pathlib import Path

import pytest

from bascule.domain.batch_encoding import FILE_SIZE_MAX_BYTES
from bascule.domain.batch_file import read_batch_file
from bascule.domain.batch_header import COLUMNS
from tests.domain.batch_samples import HEADER, PLAN, described, mistakes_of, read

ROW = "anna@example.org,anna,Grüße\r\n"


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        ((HEADER + ROW).encode(), "utf-8"),
        ((HEADER + ROW).encode("utf-8-sig"), "utf-8-sig"),
        (b"\xff\xfe" + (HEADER + ROW).encode("utf-16-le"), "utf-16-le"),
        (b"\xfe\xff" + (HEADER + ROW).encode("utf-16-be"), "utf-16-be"),
        ((HEADER + ROW).encode("utf-16-le"), "utf-16-le"),
        ((HEADER + ROW).encode("utf-16-be"), "utf-16-be"),
        ((HEADER + ROW).encode("windows-1252"), "windows-1252"),
    ],
)
def test_a_password_with_accents_survives_every_encoding_spreadsheets_write(
    raw: bytes, encoding: str
) -> None:
    """One wrong letter in a password is a mailbox that does not sync."""
    batch = read_batch_file(raw, PLAN)

    assert batch.rows[0].password == "Grüße"
    assert batch.encoding == encoding
    assert [warning.line for warning in batch.warnings] == ([2] if "1252" in encoding else [])


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"\xef\xbb\xbf" + HEADER.encode() + b"a@example.org,a,\xff\r\n", 2),
        (HEADER.encode() + b"a@example.org,a,x\r\nb@example.org,b,\x81\r\n", 3),
        (b"\xff\xfe" + HEADER.encode("utf-16-le") + b"a", 2),
    ],
)
def test_bytes_that_are_no_text_are_refused_with_their_line(raw: bytes, line: int) -> None:
    """Guessing an encoding further would invent characters in passwords."""
    assert mistakes_of(raw) == [(line, 0, "")]


@pytest.mark.parametrize("raw", ["", "\r\n \r\n", "\ufeff", ",,,\r\n", HEADER, HEADER + ",,\r\n"])
def test_a_file_without_rows_is_one_mistake(raw: str) -> None:
    """An empty batch would be reported as wholly migrated."""
    assert mistakes_of(raw) == [(0, 0, "")]


def test_a_file_beyond_exchanges_limits_is_one_mistake() -> None:
    """Exchange refuses it after the upload; a hundred thousand messages would hide why."""
    rows = "x,y\n" * 50_001

    assert mistakes_of(HEADER + rows) == [(0, 0, "")]
    assert mistakes_of(b"x" * (FILE_SIZE_MAX_BYTES + 1)) == [(0, 0, "")]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_every_line_end_is_taken_and_trailing_blank_rows_are_nothing(end: str) -> None:
    """Spreadsheets end files with rows of separators; each would be an empty address."""
    batch = read(HEADER.strip() + end + "anna@example.org,anna,x" + end * 3 + ",," + end)

    assert [row.line for row in batch.rows] == [2]
    assert batch.warnings == ()


def test_a_blank_row_between_others_is_ignored_and_told() -> None:
    """Somebody may have meant to fill it."""
    batch = read(HEADER + "a@example.org,a,x\r\n,,\r\nb@example.org,b,x\r\n")

    assert [row.line for row in batch.rows] == [2, 4]
    assert [warning.line for warning in batch.warnings] == [3]


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    """A display name broken over lines must not shift every line number behind it."""
    text = "EmailAddress,UserName,Password,DisplayName\n"
    text += 'a@example.org,a,x,"A\nB\n\nC"\nb@example.org,b,,B\n'

    assert mistakes_of(text) == [(6, 3, "Password")]


def test_a_quote_never_closed_hides_no_mistake_behind_it() -> None:
    """The rows it swallows would be checked only at the next upload."""
    text = HEADER + 'a@example.org,a,"x\nb@example.org,,x\nc@example.org,c,"y\nd@example.org,d,\n'

    assert mistakes_of(text) == [
        (2, 3, "Password"),
        (3, 2, "UserName"),
        (4, 3, "Password"),
        (5, 3, "Password"),
    ]


@pytest.mark.parametrize(
    "broken", ['"x"y\n' * 60_000, "a" * 40 + ",a" * 100_000, "\n" * 100_000 + "a,b,c\n"]
)
def test_a_file_made_to_overwhelm_is_one_mistake(broken: str) -> None:
    """A mistake for each of a million broken fields would take the app down with it."""
    assert len(mistakes_of(HEADER + broken if '"' in broken else broken)) == 1


def test_a_file_of_nothing_but_open_quotes_is_read_in_bounded_time() -> None:
    """Reading again after each slip must not become quadratic."""
    places = mistakes_of(HEADER + '"\n""\n' * 20_000)

    assert 0 < len(places) <= 40_001


def test_semicolons_are_found_by_the_header() -> None:
    """Excel writes them in half of Europe."""
    batch = read("EmailAddress;UserName;Password\nanna@example.org;anna;a,b,c,d\n")

    assert (batch.delimiter, batch.rows[0].password) == (";", "a,b,c,d")


def test_a_header_spelt_otherwise_is_taken_and_told() -> None:
    """We write Exchange's spelling ourselves; the operator should still learn it."""
    batch = read("emailaddress, UserName ,Password\nanna@example.org,anna,x\n")

    assert [(warning.line, warning.column_name) for warning in batch.warnings] == [
        (1, "EmailAddress"),
        (1, "UserName"),
    ]
    assert batch.columns == ("EmailAddress", "UserName", "Password")


@pytest.mark.parametrize(
    "text", ["anna@example.org,anna,x\n", "a;b;c\n", "EmailAddress\tUserName\tPassword\n"]
)
def test_a_missing_header_is_one_mistake_that_says_what_to_write(text: str) -> None:
    """Without names, every cell of the file would be a mistake of its own."""
    found = described(text)

    assert len(found) == 1
    assert "EmailAddress,UserName,Password" in found[0][3]


def test_columns_missing_unknown_and_doubled_are_named_together_with_the_rows_mistakes() -> None:
    """Header and rows are corrected in one go."""
    found = described("EmailAddress,UserNam,EmailAddress\n,x,y\n")

    assert [place[:3] for place in found] == [
        (1, 0, "Password"),
        (1, 0, "UserName"),
        (1, 2, ""),
        (1, 3, "EmailAddress"),
        (2, 1, "EmailAddress"),
    ]
    assert "Did you mean UserName?" in found[2][3]


def test_the_reference_names_every_column_in_order() -> None:
    """A column that is not documented is not used, or is used wrongly."""
    reference = Path(__file__).parents[2] / "docs" / "reference" / "batch-csv.md"
    table = reference.read_text("utf-8").partition("## Columns")[2].partition("##")[0]

    assert tuple(re.findall(r"(?m)^\| `(\w+)`", table)) == COLUMNS
