"""Putting a message into a folder of an IMAP server, as bytes."""

from datetime import UTC, datetime

import pytest

from bascule.adapters.imap.connection import ImapSourceMail
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.mail import Login, RawMessage
from tests.adapters.scripted_imap import scripted_imap

ANNA = Login("anna", "Pa55word")
NOON_UTC = datetime(2026, 3, 1, 12, tzinfo=UTC)
# Of a folder into which a message is put that is not there yet.
WRITING = {
    b"LIST": b'* LIST () "/" INBOX\r\n$ OK done\r\n',
    b"STATUS": b"* STATUS INBOX (UIDVALIDITY 7 UIDNEXT 9)\r\n$ OK done\r\n",
    b"EXAMINE": b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n$ OK [READ-ONLY] done\r\n",
    b"UID SEARCH": b"* SEARCH\r\n$ OK done\r\n",
}


def test_flags_that_would_break_the_command_are_left_out() -> None:
    """A category with a blank in it would keep its message from coming home."""
    answers = {**WRITING, b"APPEND": b"$ OK done\r\n"}
    message = RawMessage(
        b"Subject: x\r\n\r\nbody\r\n",
        ("\\Seen", "\\Recent", "Red Category", "$Forwarded", 'a"b)'),
        datetime(2026, 3, 1, 12, tzinfo=UTC),
    )
    with scripted_imap(answers) as server, ImapSourceMail(server.plan).open(ANNA) as mailbox:
        mailbox.append("INBOX", message)

    appended = next(line for line in server.heard if b"APPEND" in line)
    assert b'(\\Seen $Forwarded) "01-Mar-2026 12:00:00 +0000"' in appended


def test_a_full_mailbox_says_that_the_message_was_not_brought_home() -> None:
    """A rollback would end with mail that is nowhere at the source."""
    answers = {**WRITING, b"APPEND": b"$ NO [OVERQUOTA] Quota exceeded\r\n"}
    with (
        scripted_imap(answers) as server,
        pytest.raises(Refusal, match="OVERQUOTA") as refused,
        ImapSourceMail(server.plan).open(ANNA) as mailbox,
    ):
        mailbox.append("INBOX", RawMessage(b"x"))
    assert refused.value.code is Code.MESSAGE_NOT_BROUGHT_HOME


@pytest.mark.parametrize(
    ("found", "is_shown"), [(b"* SEARCH 9\r\n", True), (b"* SEARCH\r\n", False)]
)
def test_a_message_counts_as_at_home_when_its_folder_shows_a_new_one(
    found: bytes, *, is_shown: bool
) -> None:
    """Removed from the cloud on the server's word alone, it would be nowhere; nor may its id, or none, decide."""
    answers = {
        **WRITING,
        b"APPEND": b"$ OK done\r\n",
        b"UID SEARCH UID 9:*": found + b"$ OK done\r\n",
        b"UID FETCH 9": (
            b'* 2 FETCH (UID 9 INTERNALDATE "01-Mar-2026 13:00:00 +0100" RFC822.SIZE 19 '
            b"BODY[HEADER.FIELDS (MESSAGE-ID)] {2}\r\n\r\n)\r\n$ OK done\r\n"
        ),
    }
    with scripted_imap(answers) as server, ImapSourceMail(server.plan).open(ANNA) as mailbox:
        assert mailbox.append("INBOX", RawMessage(b"x: y\r\n\r\nz", (), NOON_UTC)) is is_shown
