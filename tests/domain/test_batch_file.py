"""The batch CSV: what is taken, what is refused and where, and what leaves again."""

import csv
import dataclasses
import io
from datetime import UTC, datetime
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.domain.batch_difference import Difference, RowChange, RowFacts, difference, facts_of
from bascule.domain.batch_encoding import FILE_SIZE_MAX_BYTES
from bascule.domain.batch_file import (
    BatchFile,
    BatchFileInvalid,
    Mistake,
    exchange_csv,
    read_batch_file,
    sanitised_csv,
)
from bascule.domain.batch_header import COLUMNS
from bascule.domain.plan import AliasMapPlan, CohortPlan, Plan, SourcePlan, TenantPlan

PLAN = Plan(
    tenant=TenantPlan(
        tenant_id="11111111-2222-3333-4444-555555555555",
        domains=("example.org", "example.net"),
        routing_domain="contoso.onmicrosoft.com",
        coexistence_group="not.moved@contoso.onmicrosoft.com",
        migration_endpoint="dovecot",
        probe_sender="probe@contoso.onmicrosoft.com",
    ),
    source=SourcePlan(host="imap.example.org"),
    alias_map=AliasMapPlan(driver="sqlite", path="aliases.db"),
    cohorts={"default": CohortPlan("A1"), "teachers": CohortPlan("A3")},
)
HEADER = "EmailAddress,UserName,Password\r\n"
FULL_HEADER = ",".join(COLUMNS) + "\r\n"
CANARY = "cAnArY-7731"


def with_source(**facts: object) -> Plan:
    """The plan with other facts about Dovecot."""
    return dataclasses.replace(PLAN, source=dataclasses.replace(PLAN.source, **facts))  # type: ignore[arg-type]


def read(text: str, plan: Plan = PLAN) -> BatchFile:
    """A batch file of UTF-8 text."""
    return read_batch_file(text.encode(), plan)


def mistakes_of(raw: str | bytes, plan: Plan = PLAN) -> list[tuple[int, int, str]]:
    """Line, column and column name of every mistake."""
    return [place[:3] for place in described(raw, plan)]


def described(raw: str | bytes, plan: Plan = PLAN) -> list[tuple[int, int, str, str]]:
    """Line, column, column name and words of every mistake."""
    with pytest.raises(BatchFileInvalid) as caught:
        read_batch_file(raw.encode() if isinstance(raw, str) else raw, plan)
    return [
        (mistake.line, mistake.column, mistake.column_name, f"{mistake.what}. {mistake.todo}")
        for mistake in caught.value.mistakes
    ]


def test_a_full_row_arrives_whole() -> None:
    """Every column an operator fills must reach the story, in the form the story compares."""
    text = FULL_HEADER + (
        'Anna@Example.org,anna,"p,a""ss",/root,"Anna B.",teachers,2026-12-01T07:30:00+01:00,fr,start-123\r\n'
    )
    row = read(text).rows[0]

    assert (row.line, row.address, row.address_as_written) == (
        2,
        "anna@example.org",
        "Anna@Example.org",
    )
    assert (row.user_name, row.password, row.user_root) == ("anna", 'p,a"ss', "/root")
    assert (row.display_name, row.cohort, row.usage_location) == ("Anna B.", "teachers", "FR")
    assert row.cutover_at_utc == datetime(2026, 12, 1, 6, 30, tzinfo=UTC)
    assert row.new_password == "start-123"


def test_a_row_shows_no_password_when_printed() -> None:
    """A row printed by a debugger or an exception would carry the password into a log."""
    batch = read(FULL_HEADER + f"anna@example.org,anna,{CANARY},,,,,,{CANARY}\r\n")

    assert CANARY not in repr(batch)
    assert batch.has_passwords


MANY_MISTAKES = "\n".join(
    [
        "EmailAddress,UserName,Password,UserRoot,DisplayName,Cohort,CutoverAtUtc,UsageLocaton,NewPassword",
        "a@example.org,a",
        ",b,p,,,,,,",
        "no-address,c,p,,,,,,",
        "d@elsewhere.org,d,p,,,,,,",
        "e@contoso.onmicrosoft.com,e,p,,,,,,",
        "f@example.org,,p,,,,,,",
        "g@example.org,g,,,,,,,",
        "h@example.org,h,p,,,nobody,,,",
        "i@example.org,i,p,,,,tomorrow,,",
        "j@example.org,j,p,,,,2026-02-30T00:00:00Z,,",
        "k@example.org,k\x07,p,,,,,,",
        "l@example.org,l,p\x00p,,,,,,",
        'm@example.org,m,"p\np",,,,,,',
        "n@example.org,n," + "x" * 257 + ",,,,,,",
        "dup@example.org,o,p,,,,,,",
        "DUP@example.org ,p,p,,,,,,",
        "q@example.org,b,p,,,,,,",
        "r@example.org,r*boss,p,,,,,,",
        "s@example.org,s,p,,,,,,short,extra",
        't@example.org,t,"p"x,,,,,,',
        "u@example.org,u,p," + "/" * 1025 + ",,,,,",
        "v@example.org,v,p,,a\tb,,,,",
        "a.@example.org,w,p,,,,,,",
        "x@example.org,x,p,,," + "y" * 257 + ",,,",
        "y@example.org,y,p,,,,2026-12-01,,",
        "z@example.org,z,p,,,,2026-12-01T25:00Z,,",
        "aa@example.net,aa,p,,,,0001-01-01T00:00+10:00,,",
        "s@example.org,ss,p,,,,,,",
        "bb@example..org,bb,p,,,,,,",
        "cc@example.org,cc,,,,nobody,never,,bad\x1b[0m",
        "dd@example.org@example.org,dd,,,,,,,",
        "a@example.net,ee,,,,default,,," + "x" * 300,
        'ff@example.org,"ff,p,,,,,,',
        "gg@example.org,\u0085gg,p,,,,,,",
        "hh@example.org,hh*,p,,,,,,",
        " ,ii,,,,Default,,,",
        'jj@example.org,"jj" ,p,,,,,,',
        "kk@example.org;kk;p",
        "",
    ]
)

MISTAKEN_PLACES = [
    (1, 8, ""), (2, 3, "Password"), (3, 1, "EmailAddress"), (4, 1, "EmailAddress"), (5, 1, "EmailAddress"),
    (6, 1, "EmailAddress"), (7, 2, "UserName"), (8, 3, "Password"), (9, 6, "Cohort"), (10, 7, "CutoverAtUtc"),
    (11, 7, "CutoverAtUtc"), (12, 2, "UserName"), (13, 3, "Password"), (14, 3, "Password"), (16, 3, "Password"),
    (18, 1, "EmailAddress"), (19, 2, "UserName"), (20, 2, "UserName"), (21, 10, ""), (22, 3, "Password"),
    (23, 4, "UserRoot"), (24, 5, "DisplayName"), (25, 1, "EmailAddress"), (26, 6, "Cohort"),
    (27, 7, "CutoverAtUtc"), (28, 7, "CutoverAtUtc"), (29, 7, "CutoverAtUtc"), (30, 1, "EmailAddress"),
    (31, 1, "EmailAddress"), (32, 3, "Password"), (32, 6, "Cohort"), (32, 7, "CutoverAtUtc"),
    (32, 9, "NewPassword"), (33, 1, "EmailAddress"), (33, 3, "Password"), (34, 1, "EmailAddress"),
    (34, 3, "Password"), (34, 9, "NewPassword"), (35, 2, "UserName"), (36, 2, "UserName"), (37, 2, "UserName"),
    (38, 1, "EmailAddress"), (38, 3, "Password"), (38, 6, "Cohort"), (39, 2, "UserName"), (40, 2, "UserName"),
]  # fmt: skip


def test_a_file_with_many_mistakes_names_each_at_its_line_and_column_in_order() -> None:
    """An operator who is told one mistake per upload gives up at the third."""
    assert mistakes_of(MANY_MISTAKES) == MISTAKEN_PLACES
    assert len(MISTAKEN_PLACES) >= 40


@pytest.mark.parametrize(
    "text",
    [
        f"anna@example.org,anna,{CANARY}\n",
        f"anna,anna,{CANARY}\n",
        f"EmailAddress,UserName,{CANARY}\nanna@example.org,anna,x\n",
        f"{HEADER}anna@example.org,anna,{CANARY},\n",
        f'{HEADER}anna@example.org,anna,"{CANARY}\n',
        f'{HEADER}anna@example.org,anna,"x"{CANARY}\n',
        f"{HEADER}{CANARY},anna,x\n",
        f"{HEADER}{CANARY}@{CANARY}.com,anna,x\n",
        f"{HEADER}anna@example.org,{CANARY}*boss,x\n",
        f"{HEADER}anna@example.org,anna*{CANARY},x\n",
        f'{HEADER}anna@example.org,anna,"{CANARY}\n{CANARY}"\n',
        f"{HEADER}anna@example.org,anna,{CANARY}\x00\n",
        f"{HEADER}anna@example.org,anna,{CANARY * 30}\n",
        f"{FULL_HEADER}anna@example.org,anna,x,,,{CANARY},{CANARY},{CANARY},{CANARY}\x01\n",
        f"{FULL_HEADER}anna@example.org,anna, {CANARY},{CANARY},,,,,\nbad,b,x,,,,,,\n",
    ],
)
def test_no_message_repeats_a_password_wherever_a_slip_puts_it(text: str) -> None:
    """Messages go to status pages, tickets and mails; a stray comma moves a password to any column."""
    plan = with_source(master_user="boss") if "anna*" in text else PLAN
    with pytest.raises(BatchFileInvalid) as caught:
        read(text, plan)

    assert CANARY.lower() not in (str(caught.value) + repr(caught.value.mistakes)).lower()


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


def test_two_spellings_of_one_address_are_refused_and_both_lines_named() -> None:
    """Two stories on one mailbox would undo each other's redirects."""
    found = described(HEADER + "anna@example.org,anna,x\n ANNA@example.org,anne,x\n")

    assert [place[:3] for place in found] == [(3, 1, "EmailAddress")]
    assert "line 2" in found[0][3]
    assert "spelt otherwise" in found[0][3]


def test_two_addresses_with_one_routing_address_are_refused() -> None:
    """Mail of both would be forwarded to whichever owns it in the tenant."""
    found = described(HEADER + "anna@example.org,anna,x\nanna@example.net,anna2,x\n")

    assert [place[:3] for place in found] == [(3, 1, "EmailAddress")]
    assert "routing address" in found[0][3]


def test_two_addresses_with_one_user_name_are_refused_once_each() -> None:
    """One person's mail would be copied into another's mailbox."""
    found = described(HEADER + "a@example.org,anna,x\nb@example.org,Anna,x\nc@example.org,anna,x\n")

    assert [place[:3] for place in found] == [(3, 2, "UserName"), (4, 2, "UserName")]
    assert "line 2" in found[0][3]


@pytest.mark.parametrize(
    ("form", "user_name", "taken"),
    [
        ("local", "darko.test", True),
        ("local", "Darko.Test", True),
        ("local", "darko.test@example.org", False),
        ("local", "anna", False),
        ("address", "darko.test@example.org", True),
        ("address", "darko.test", False),
        ("address", "anna@example.org", False),
        ("any", "u10023", True),
    ],
)
def test_a_user_name_must_have_the_form_the_plan_says(
    form: str, user_name: str, taken: bool
) -> None:
    """A sheet sorted in one column pairs each address with somebody else's mail."""
    text = HEADER + f"darko.test@example.org,{user_name},x\n"
    plan = with_source(user_name_form=form)

    if taken:
        assert read(text, plan).rows[0].user_name == user_name
    else:
        assert mistakes_of(text, plan) == [(2, 2, "UserName")]


def test_user_names_slipped_by_a_row_are_warned_of_when_any_form_is_taken() -> None:
    """With free user names only the other rows can tell that a column slipped."""
    batch = read(
        HEADER + "anna@example.org,bob,x\nbob@example.org,anna@example.org,x\nc@example.org,u7,x\n"
    )

    assert [warning.line for warning in batch.warnings] == [2, 3]


def test_with_a_master_user_no_password_is_needed_and_the_master_is_not_repeated() -> None:
    """The story adds the plan's master itself; a second one would make every login fail."""
    plan = with_source(master_user="boss")
    batch = read("EmailAddress,UserName\na@example.org,a*boss\nb@example.org,b\n", plan)

    assert [row.user_name for row in batch.rows] == ["a", "b"]
    assert not batch.has_passwords
    assert mistakes_of("EmailAddress,UserName\na@example.org,a*other\n", plan) == [
        (2, 2, "UserName")
    ]
    assert mistakes_of(HEADER + "a@example.org,a*boss,x\n") == [(2, 2, "UserName")]


def test_blanks_in_a_password_are_kept_and_told() -> None:
    """They may be part of it; cutting them off would lock the mailbox out."""
    batch = read(HEADER + 'anna@example.org,anna," x "\n')

    assert batch.rows[0].password == " x "
    assert [warning.column_name for warning in batch.warnings] == ["Password"]


@pytest.mark.parametrize(
    ("text", "hour", "warned"),
    [
        ("2026-12-01T06:00:00Z", 6, False),
        ("2026-12-01 06:00Z", 6, False),
        ("2026-12-01T06:00:00.5+0200", 4, False),
        ("2026-12-01T06:00", 6, True),
    ],
)
def test_a_cutover_date_becomes_utc(text: str, hour: int, warned: bool) -> None:
    """An hour off is a cutover in working time."""
    batch = read(f"EmailAddress,UserName,Password,CutoverAtUtc\na@example.org,a,x,{text}\n")
    at_utc = batch.rows[0].cutover_at_utc

    assert at_utc
    assert (at_utc.hour, at_utc.tzinfo, bool(batch.warnings)) == (hour, UTC, warned)


@pytest.mark.parametrize("location", ["UK", "FRA", "F", "1A", "É1"])
def test_a_usage_location_that_entra_would_refuse_is_refused_here(location: str) -> None:
    """Found at the licence, it would stop the mailbox after its account was made."""
    text = f"EmailAddress,UserName,Password,UsageLocation\na@example.org,a,x,{location}\n"

    assert mistakes_of(text) == [(2, 4, "UsageLocation")]


def test_a_cell_that_looks_like_a_formula_is_only_text() -> None:
    """Passwords begin with = and + as they please."""
    assert read(HEADER + "a@example.org,a,=1+1\n").rows[0].password == "=1+1"


def test_a_short_first_password_is_told() -> None:
    """Microsoft 365 refuses it for a new account unless the policy is off."""
    batch = read(FULL_HEADER + "a@example.org,a,x,,,,,,12345\n")

    assert [warning.column_name for warning in batch.warnings] == ["NewPassword"]


def test_exchange_gets_exactly_its_columns_with_every_field_quoted() -> None:
    """An unknown column or a bare comma in a password makes Exchange refuse the whole batch."""
    rows = [("anna@example.org", "anna", 'p,"ü', ""), ("bob@example.org", "bob", "x", "/b")]

    assert exchange_csv(rows[:1]) == (
        'EmailAddress,UserName,Password\r\n"anna@example.org","anna","p,""ü"\r\n'.encode()
    )
    assert exchange_csv(rows).splitlines()[::2] == [
        b"EmailAddress,UserName,Password,UserRoot",
        b'"bob@example.org","bob","x","/b"',
    ]


def test_the_sanitised_file_says_the_same_without_passwords() -> None:
    """It replaces the upload at rest, and must still be readable as a batch."""
    text = FULL_HEADER.replace(",", ";") + (
        f"anna@example.org;anna;{CANARY};/r;Änna;teachers;2026-12-01T06:00Z;FR;{CANARY}\r\n"
    )
    batch = read(text)
    clean = sanitised_csv(batch)
    again = read_batch_file(clean, with_source(master_user="boss"))

    assert CANARY.encode() not in clean
    assert [facts_of(row, "") for row in again.rows] == [facts_of(row, "") for row in batch.rows]
    assert again.columns == tuple(name for name in COLUMNS if "Password" not in name)


def test_a_file_uploaded_again_shows_who_came_who_left_and_what_changed() -> None:
    """A changed file applied without review could cut over the wrong school."""
    anna = RowFacts("anna@example.org", "anna", "", "", "", None, "", "m1")
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


@given(rows=st.lists(st.tuples(_PASSWORDS, _NAMES, _PASSWORDS, _NAMES), min_size=1, max_size=5))
def test_what_exchange_gets_reads_back_as_it_was(rows: list[tuple[str, str, str, str]]) -> None:
    """Exchange reads RFC 4180; so must whatever we write."""
    records = list(csv.reader(io.StringIO(exchange_csv(rows).decode(), newline=""), strict=True))
    width = len(records[0])

    assert [tuple(record) for record in records[1:]] == [row[:width] for row in rows]
    assert width == (4 if any(row[3] for row in rows) else 3)


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
