"""What is made of a batch file: the CSV for Exchange, the copy at rest, the difference; and round trips."""

import csv
import dataclasses
import io
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from bascule.domain.batch_difference import Difference, RowChange, RowFacts, difference, facts_of
from bascule.domain.batch_file import (
    BatchFileInvalid,
    Mistake,
    exchange_csv,
    read_batch_file,
    sanitised_csv,
)
from bascule.domain.batch_header import COLUMNS
from tests.domain.batch_samples import (
    CANARY,
    FULL_HEADER,
    HEADER,
    PLAN,
    read,
    with_source,
)


def test_exchange_gets_exactly_its_columns_with_every_field_quoted() -> None:
    """An unknown column or a bare comma in a password makes Exchange refuse the whole batch."""
    rows = [("anna@example.org", "anna", 'p,"ü')]

    assert exchange_csv(rows) == (
        'EmailAddress,UserName,Password\r\n"anna@example.org","anna","p,""ü"\r\n'.encode()
    )


def test_the_sanitised_file_says_the_same_without_passwords() -> None:
    """It replaces the upload at rest, and must still be readable as a batch."""
    text = FULL_HEADER.replace(",", ";") + (
        f"anna@example.org;anna;{CANARY};;Änna;teachers;2026-12-01T06:00Z;FR;{CANARY};3A\r\n"
    )
    batch = read(text)
    clean = sanitised_csv(batch)
    again = read_batch_file(clean, with_source(master_user="boss"))

    assert CANARY.encode() not in clean
    assert [facts_of(row, "") for row in again.rows] == [facts_of(row, "") for row in batch.rows]
    assert again.columns == tuple(name for name in COLUMNS if "Password" not in name)


def test_a_file_uploaded_again_shows_who_came_who_left_and_what_changed() -> None:
    """A changed file applied without review could cut over the wrong school."""
    anna = RowFacts("anna@example.org", "anna", "", "", None, "", "m1")
    bob, carl = (
        dataclasses.replace(anna, address=f"{name}@example.org") for name in ("bob", "carl")
    )
    moved = dataclasses.replace(anna, cohort="teachers", password_mark="m2")

    assert difference({anna.address: anna, bob.address: bob}, [carl, moved]) == Difference(
        added=(carl.address,),
        removed=(bob.address,),
        changed=(RowChange(anna.address, ("cohort", "password_mark")),),
    )
    assert not difference({anna.address: anna}, [anna])


def _words(alphabet: st.SearchStrategy[str], least: int = 0) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=least, max_size=12)


# What Windows-1252 can say, so that every encoding can say it; no control characters.
_LETTERS = st.sampled_from("abcXYZ019 ,;\"'=+@*/\\éÜßœ€ ~")
_PASSWORDS = _words(_LETTERS, 1)
_NAMES = _words(_LETTERS).map(str.strip)
_NAMED_ROWS = st.lists(st.tuples(_PASSWORDS, _NAMES), min_size=1, max_size=5)


@dataclasses.dataclass(frozen=True)
class Dress:
    """How some program writes a CSV."""

    delimiter: str
    quote_all: bool
    line_end: str
    encoding: str
    order: list[str]

    def put_on(self, cells: list[dict[str, str]]) -> bytes:
        """The file that program writes."""
        text = io.StringIO(newline="")
        quoting: Literal[0, 1] = csv.QUOTE_ALL if self.quote_all else csv.QUOTE_MINIMAL
        writer = csv.writer(
            text, delimiter=self.delimiter, quoting=quoting, lineterminator=self.line_end
        )
        writer.writerow(self.order)
        writer.writerows([cell[name] for name in self.order] for cell in cells)
        return text.getvalue().encode(self.encoding)


_DRESSES = st.builds(
    Dress,
    delimiter=st.sampled_from(",;"),
    quote_all=st.booleans(),
    line_end=st.sampled_from(["\r\n", "\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "utf-16", "cp1252"]),
    order=st.permutations(["EmailAddress", "UserName", "Password", "DisplayName"]),
)


@given(rows=_NAMED_ROWS, dress=_DRESSES)
def test_any_rows_in_any_dress_are_read_as_the_same_rows(
    rows: list[tuple[str, str]], dress: Dress
) -> None:
    """Whatever program wrote the file, each password must arrive letter by letter."""
    cells = [
        {
            "EmailAddress": f"u{at}@example.org",
            "UserName": f"u{at}",
            "Password": word,
            "DisplayName": name,
        }
        for at, (word, name) in enumerate(rows)
    ]
    batch = read_batch_file(dress.put_on(cells), PLAN)

    assert [(row.address, row.password, row.display_name) for row in batch.rows] == [
        (cell["EmailAddress"], cell["Password"], cell["DisplayName"]) for cell in cells
    ]
    assert batch.delimiter == dress.delimiter


@given(rows=st.lists(st.tuples(_PASSWORDS, _NAMES, _PASSWORDS), min_size=1, max_size=5))
def test_what_exchange_gets_reads_back_as_it_was(rows: list[tuple[str, str, str]]) -> None:
    """Exchange reads RFC 4180; so must whatever we write."""
    records = list(csv.reader(io.StringIO(exchange_csv(rows).decode(), newline=""), strict=True))

    assert [tuple(record) for record in records[1:]] == rows
    assert records[0] == ["EmailAddress", "UserName", "Password"]


@given(raw=st.binary(max_size=200))
def test_any_bytes_at_all_are_refused_in_words_never_by_a_crash(raw: bytes) -> None:
    """An upload is a stranger's file."""
    for prefix in (b"", HEADER.encode(), b"\xff\xfe" + HEADER.encode("utf-16-le")):
        mistakes = _mistakes_if_any(prefix + raw)

        assert mistakes is None or mistakes
        assert list(mistakes or ()) == sorted(mistakes or ())


def _mistakes_if_any(raw: bytes) -> tuple[Mistake, ...] | None:
    try:
        read_batch_file(raw, PLAN)
    except BatchFileInvalid as invalid:
        return invalid.mistakes
    return None
