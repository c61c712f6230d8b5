"""The grammar of IMAP, word by word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.faces.imap_grammar import Atom, BadCommand, folder_name, literal_mark, tokens
from sandbox.faces.imap_names import decode_name, encode_name
from sandbox.faces.imap_wire import numbers_in, read_date_time


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("INBOX", "INBOX"),
        ("R&D", "R&-D"),
        ("Éléments envoyés", "&AMk-l&AOk-ments envoy&AOk-s"),
        ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("😀", "&2D3eAA-"),
    ],
)
def test_folder_names_travel_in_modified_utf_7(name: str, wire: str) -> None:
    """RFC 3501 5.1.3, with its own example; a wrong name is a lost folder."""
    assert encode_name(name) == wire
    assert decode_name(wire) == name


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_any_name_comes_back_as_it_went(name: str) -> None:
    """People name folders in every script."""
    assert decode_name(encode_name(name)) == name


def test_words_strings_lists_and_literals_are_told_apart() -> None:
    """A password that looks like syntax must stay a password."""
    pieces = [rb'LOGIN "a \"b\\" {3}', b")}{", b" (x (y)) BODY[HEADER.FIELDS (A B)]<0.9>"]

    assert tokens(pieces) == [
        Atom("LOGIN"),
        b'a "b\\',
        b")}{",
        [Atom("x"), [Atom("y")]],
        Atom("BODY[HEADER.FIELDS (A B)]<0.9>"),
    ]


@pytest.mark.parametrize("line", [b"(a", b'"a', b"BODY[a", b"((" * 30, b'"\\x"'])
def test_a_broken_line_is_refused(line: bytes) -> None:
    """A parser that guesses would hide a client's mistake."""
    with pytest.raises(BadCommand):
        tokens([line])


def test_a_literal_announces_its_size_and_whether_it_waits() -> None:
    """Waiting where nobody waits hangs the conversation."""
    assert literal_mark(b"a {12}") is not None
    waiting, not_waiting = literal_mark(b"a {12}"), literal_mark(b"a {12+}")
    assert waiting is not None
    assert not_waiting is not None
    assert (waiting.size_bytes, waiting.waits, not_waiting.waits) == (12, True, False)
    assert literal_mark(b"a 12}") is None


def test_inbox_is_inbox_in_any_case() -> None:
    """RFC 3501 5.1."""
    assert folder_name(Atom("inbox")) == "INBOX"
    assert folder_name(b"Inboxes") == "Inboxes"


def test_a_star_is_the_largest_number_even_below_the_range() -> None:
    """`UID 9:*` names the last message though its UID is 7; delta readers stumble over it."""
    assert numbers_in("9:*", [2, 5, 7]) == [7]
    assert numbers_in("1:5,7", [2, 5, 7]) == [2, 5, 7]
    assert numbers_in("*", []) == []
    for nonsense in ("0", "a", "1:", "1,,2", ""):
        with pytest.raises(BadCommand):
            numbers_in(nonsense, [1])


def test_dates_keep_their_zone() -> None:
    """An hour's error in a date shows in every client."""
    assert read_date_time(" 1-Apr-2025 10:00:00 +0545").isoformat() == "2025-04-01T04:15:00+00:00"
    for nonsense in ("1-Avr-2025 10:00:00 +0000", "31-Feb-2025 10:00:00 +0000", "now"):
        with pytest.raises(BadCommand):
            read_date_time(nonsense)
