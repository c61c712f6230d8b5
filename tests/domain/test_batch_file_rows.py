"""The rows of a batch file: what is taken, what is refused, and where."""

from datetime import UTC, datetime

import pytest

from bascule.domain.batch_file import (
    BatchFileInvalid,
)
from tests.domain.batch_samples import (
    CANARY,
    FULL_HEADER,
    HEADER,
    PLAN,
    described,
    mistakes_of,
    read,
    with_source,
)


def test_a_full_row_arrives_whole() -> None:
    """Every column an operator fills must reach the story, in the form the story compares."""
    text = FULL_HEADER + (
        'Anna@Example.org,anna,"p,a""ss",,"Anna B.",teachers,2026-12-01T07:30:00+01:00,fr,start-123, Profs/3 \r\n'
    )
    row = read(text).rows[0]

    assert (row.line, row.address, row.address_as_written) == (
        2,
        "anna@example.org",
        "Anna@Example.org",
    )
    assert (row.user_name, row.password) == ("anna", 'p,a"ss')
    assert (row.display_name, row.cohort, row.usage_location) == ("Anna B.", "teachers", "FR")
    assert row.cutover_at_utc == datetime(2026, 12, 1, 6, 30, tzinfo=UTC)
    assert (row.new_password, row.unit) == ("start-123", "Profs/3")


def test_a_root_inside_another_mailbox_is_refused_and_an_empty_one_is_taken() -> None:
    """Brought home, the user's mail would land in the INBOX of whoever's login it is."""
    anna, bob = "anna@example.org,anna,p,/users/anna,,,,,,", "bob@example.org,bob,p, ,,,,,,"

    [place] = described(f"{FULL_HEADER}{anna}\r\n{bob}\r\n")

    assert place[:3] == (2, 4, "UserRoot")
    assert "Leave it empty" in place[3]
    assert "/users" not in place[3]


def test_a_row_shows_no_password_when_printed() -> None:
    """A row printed by a debugger or an exception would carry the password into a log."""
    batch = read(FULL_HEADER + f"anna@example.org,anna,{CANARY},,,,,,{CANARY},\r\n")

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
        f"{FULL_HEADER}anna@example.org,anna,x,,,{CANARY},{CANARY},{CANARY},{CANARY}\x01,\n",
        f"{FULL_HEADER}anna@example.org,anna, {CANARY},{CANARY},,,,,,\nbad,b,x,,,,,,,\n",
    ],
)
def test_no_message_repeats_a_password_wherever_a_slip_puts_it(text: str) -> None:
    """Messages go to status pages, tickets and mails; a stray comma moves a password to any column."""
    plan = with_source(master_user="boss") if "anna*" in text else PLAN
    with pytest.raises(BatchFileInvalid) as caught:
        read(text, plan)

    assert CANARY.lower() not in (str(caught.value) + repr(caught.value.mistakes)).lower()


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


@pytest.mark.parametrize("location", ["UK", "FRA", "F", "1A", "É1", "ß", "uk"])
def test_a_usage_location_that_entra_would_refuse_is_refused_here(location: str) -> None:
    """Found at the licence, it would stop the mailbox after its account was made."""
    text = f"EmailAddress,UserName,Password,UsageLocation\na@example.org,a,x,{location}\n"

    assert mistakes_of(text) == [(2, 4, "UsageLocation")]


def test_a_cell_that_looks_like_a_formula_is_only_text() -> None:
    """Passwords begin with = and + as they please."""
    assert read(HEADER + "a@example.org,a,=1+1\n").rows[0].password == "=1+1"


@pytest.mark.parametrize("password", ["12345", "onlylower", "Accentué-1"])
def test_a_first_password_that_microsoft_365_refuses_is_a_mistake(password: str) -> None:
    """Found later, it is a mailbox set aside in the middle of a batch."""
    text = FULL_HEADER + f"a@example.org,a,x,,,,,,{password},\n"

    assert mistakes_of(text) == [(2, 9, "NewPassword")]


def test_first_passwords_that_others_could_guess_are_told() -> None:
    """The operator may want it so, and must know it."""
    rows = ("a@example.org,a,x,,Ann Example,,,,Example-1,", "b@example.org,b,x,,,,,,Example-1,")
    batch = read(FULL_HEADER + "\n".join(rows) + "\n")

    told = [(warning.line, warning.column_name) for warning in batch.warnings]
    assert told == [(2, "NewPassword"), (2, "NewPassword")]
    assert not any("Example-1" in str(warning) for warning in batch.warnings)


def test_a_letter_that_only_looks_like_one_is_no_part_of_an_address() -> None:
    """The Kelvin sign becomes a plain k in lower case: a stranger's mailbox would be moved."""
    assert mistakes_of(HEADER + "\u212aarl@example.org,karl,x\n") == [(2, 1, "EmailAddress")]
