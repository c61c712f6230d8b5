"""Oddities of IMAP servers, as bytes, and what we make of them."""

import logging
import socket
from datetime import UTC, datetime

import pytest

from bascule.adapters.imap.connection import ImapSourceMail
from bascule.adapters.imap.mailbox import FETCH_COUNT_MAX
from bascule.domain.codes import Code
from bascule.domain.errors import BasculeError, Refusal, Unreachable
from bascule.domain.mail import Login, MessageFacts, SourceFolder
from bascule.domain.plan import SourcePlan
from tests.adapters.scripted_imap import GREETING, scripted_imap

ANNA = Login("anna", "Pa55word")
NOON_UTC = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXAMINED = b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n$ OK [READ-ONLY] done\r\n"
NOBODY_SAID = Login("anna", "canary-Pa55word")


def error_of(answers: dict[bytes, bytes], greeting: bytes = GREETING) -> BasculeError:
    """What opening a mailbox ends in."""
    with (
        scripted_imap(answers, greeting) as server,
        pytest.raises(BasculeError) as error,
        ImapSourceMail(server.plan).open(NOBODY_SAID),
    ):
        pass
    assert NOBODY_SAID.password not in str(error.value)
    return error.value


def folders_of(answers: dict[bytes, bytes]) -> tuple[SourceFolder, ...]:
    """The folders that are read from these answers."""
    with scripted_imap(answers) as server, ImapSourceMail(server.plan).open(ANNA) as mailbox:
        return mailbox.folders()


def messages_of(fetch: bytes, examined: bytes = EXAMINED) -> list[MessageFacts]:
    """The messages that are read from this answer to FETCH."""
    answers = {b"EXAMINE": examined, b"FETCH": fetch}
    with scripted_imap(answers) as server, ImapSourceMail(server.plan).open(ANNA) as mailbox:
        return list(mailbox.messages("INBOX"))


@pytest.mark.parametrize(
    "answer",
    [
        b"$ NO [AUTHENTICATIONFAILED] Authentication failed for canary-Pa55word.\r\n",
        b"$ NO [AUTHORIZATIONFAILED] no\r\n",
        b"$ NO Login failed\r\n",
        b"$ BAD [CONTACTADMIN] no\r\n",
    ],
)
def test_a_wrong_password_is_refused(answer: bytes) -> None:
    """A mailbox with a wrong password would be tried for days, and its user locked out."""
    error = error_of({b"AUTHENTICATE": answer})

    assert isinstance(error, Refusal)
    assert error.code is Code.SOURCE_LOGIN_REFUSED


@pytest.mark.parametrize(
    "answer",
    [
        b"$ NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded\r\n",
        b"$ NO [LIMIT] later\r\n",
        b"* BYE Internal error\r\n",
    ],
)
def test_a_busy_server_is_not_a_wrong_password(answer: bytes) -> None:
    """A batch that opens too many connections at once would be set aside with a wrong reason."""
    assert isinstance(error_of({b"AUTHENTICATE": answer}), Unreachable)


@pytest.mark.parametrize(
    "greeting", [b"* BYE too many connections\r\n", b"", b"HTTP/1.1 400 Bad Request\r\n"]
)
def test_a_server_that_does_not_greet_is_unreachable_or_refused(greeting: bytes) -> None:
    """An error of the library would end the step without a reason that a person can read."""
    with (
        scripted_imap({}, greeting) as server,
        pytest.raises((Unreachable, Refusal)),
        ImapSourceMail(server.plan).open(ANNA),
    ):
        pass


def test_nobody_listening_is_unreachable() -> None:
    """A restart of Dovecot would set mailboxes aside."""
    with scripted_imap({}) as server:
        plan = server.plan

    with pytest.raises(Unreachable), ImapSourceMail(plan).open(ANNA):
        pass


def test_a_server_that_is_silent_in_its_tls_handshake_does_not_hold_us() -> None:
    """A firewall that swallows packets would hold every worker for ever; takes a second."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        plan = SourcePlan("127.0.0.1", port, connect_timeout_s=1, read_timeout_s=1)

        with pytest.raises(Unreachable), ImapSourceMail(plan).open(ANNA):
            pass


def test_a_password_with_an_accent_is_sent_as_utf_8() -> None:
    """Users whose password is not ASCII could not be migrated."""
    with (
        scripted_imap({}) as server,
        ImapSourceMail(server.plan).open(Login("anna*bascule", 'pä55"\\')),
    ):
        pass

    assert server.heard[2] == b"AGFubmEqYmFzY3VsZQBww6Q1NSJc"


def test_a_server_without_plain_is_asked_by_login() -> None:
    """An old server that knows nothing but LOGIN could not be read."""
    answers = {b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n$ OK done\r\n"}
    with (
        scripted_imap(answers, b"* OK ready\r\n") as server,
        ImapSourceMail(server.plan).open(ANNA),
    ):
        pass

    assert any(b'LOGIN anna "Pa55word"' in line for line in server.heard)


def test_the_library_s_log_holds_no_mail_and_no_password(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Anyone who may read the log could read the mail."""
    with (
        caplog.at_level(logging.DEBUG),
        scripted_imap({}) as server,
        ImapSourceMail(server.plan).open(ANNA),
    ):
        pass

    assert "Pa55word" not in caplog.text
    assert "AUTHENTICATE" not in caplog.text


def test_folders_are_read_with_their_levels() -> None:
    """A folder that only holds others would be opened, and the mailbox set aside."""
    folders = folders_of(
        {
            b"CAPABILITY": b"* CAPABILITY IMAP4rev1 STATUS=SIZE AUTH=PLAIN\r\n$ OK done\r\n",
            b"AUTHENTICATE": b"$ OK [CAPABILITY IMAP4rev1 STATUS=SIZE] in\r\n",
            b"LIST": (
                b'* LIST (\\HasChildren) "." Inbox\r\n'
                b'* LIST (\\Noselect \\HasChildren) "." Lists\r\n'
                b'* LIST (\\NonExistent) "." Gone\r\n'
                b'* LIST () "." "Lists.a/b"\r\n'
                b'* LIST () "." inbox.&AOk-t&AOk-\r\n'
                b"* LIST () NIL 2024\r\n"
                b'* LIST () "." {5}\r\nod"d.\r\n'
                b"$ OK done\r\n"
            ),
            b"STATUS": b"* STATUS x (MESSAGES 3 SIZE 5000000000)\r\n$ OK done\r\n",
        }
    )

    assert [(folder.name, folder.path) for folder in folders] == [
        ("INBOX", ("INBOX",)),
        ("Lists.a/b", ("Lists", "a/b")),
        ("inbox.été", ("INBOX", "été")),
        ("2024", ("2024",)),
        ('od"d.', ('od"d', "")),
    ]
    assert {(folder.message_count, folder.size_bytes) for folder in folders} == {(3, 5_000_000_000)}


def test_sizes_are_added_up_where_the_server_does_not_say() -> None:
    """A server of before 2018 would have no survey."""
    folders = folders_of(
        {
            b"LIST": b'* LIST () "/" INBOX\r\n$ OK done\r\n',
            b"EXAMINE": EXAMINED,
            b"FETCH": (
                b"* 1 FETCH (UID 5 RFC822.SIZE 100)\r\n* 2 FETCH (RFC822.SIZE 23 UID 9)\r\n$ OK .\r\n"
            ),
        }
    )

    assert folders == (SourceFolder("INBOX", ("INBOX",), 2, 123),)


def test_a_folder_that_does_not_open_is_named() -> None:
    """The operator would not know which folder's rights are wrong."""
    answers = {
        b"LIST": b'* LIST () "/" Broken\r\n$ OK done\r\n',
        b"STATUS": b"$ NO [NOPERM] Permission denied\r\n",
    }
    with (
        scripted_imap(answers) as server,
        pytest.raises(Refusal, match="Broken") as refused,
        ImapSourceMail(server.plan).open(ANNA) as mailbox,
    ):
        mailbox.marks()
    assert refused.value.code is Code.SOURCE_FOLDER_UNREADABLE


def test_a_connection_lost_in_the_middle_is_unreachable() -> None:
    """A mailbox half read would be taken for a small one."""
    answers = {b"EXAMINE": EXAMINED}
    with (
        scripted_imap(answers) as server,
        pytest.raises(Unreachable),
        ImapSourceMail(server.plan).open(ANNA) as mailbox,
    ):
        list(mailbox.messages("INBOX"))


def test_instants_are_aware_and_in_utc() -> None:
    """The certificate would call every message of another time zone missing."""
    messages = messages_of(
        b'* 1 FETCH (UID 5 INTERNALDATE " 1-Mar-2026 01:30:00 +0530" RFC822.SIZE 10 '
        b"BODY[HEADER.FIELDS (MESSAGE-ID)] {23}\r\nMessage-ID: <a@x.org>\r\n)\r\n$ OK done\r\n"
    )

    assert messages == [MessageFacts("5", "<a@x.org>", datetime(2026, 2, 28, 20, tzinfo=UTC), 10)]


@pytest.mark.parametrize(
    "header",
    [
        b"Message-ID: <a@x.org>\r\n\r\n",
        b"Message-Id:\r\n <a@x.org>\r\n\r\n",
        b"MESSAGE-ID:\t<a@x.org> \r\n\r\n",
        b"Message-ID: <a@x.org>\r\nMessage-ID: <second@x.org>\r\n\r\n",
        b"Message-ID:<a@x.org>\n\n",
    ],
)
def test_a_message_id_is_the_same_however_it_is_folded(header: bytes) -> None:
    """A folded id would not be found in the cloud."""
    messages = messages_of(
        b'* 1 FETCH (UID 5 INTERNALDATE "01-Mar-2026 00:00:00 +0000" RFC822.SIZE 10 '
        b'BODY[HEADER.FIELDS ("Message-ID")] {%d}\r\n%s)\r\n$ OK done\r\n' % (len(header), header)
    )

    assert [message.message_id for message in messages] == ["<a@x.org>"]


def test_a_message_without_id_and_a_flag_that_changed_meanwhile() -> None:
    """Another client that reads mail at the same time would make messages up."""
    messages = messages_of(
        b'* 1 FETCH (UID 5 INTERNALDATE "01-Mar-2026 00:00:00 +0000" RFC822.SIZE 10 '
        b"BODY[HEADER.FIELDS (MESSAGE-ID)] {2}\r\n\r\n)\r\n"
        b"* 2 FETCH (FLAGS (\\Seen))\r\n$ OK done\r\n"
    )

    assert [(message.handle, message.message_id) for message in messages] == [("5", "")]


def test_a_large_folder_is_read_in_chunks() -> None:
    """Half a million messages would be one answer, and more memory than there is."""
    examined = b"* %d EXISTS\r\n$ OK [READ-ONLY] done\r\n" % (FETCH_COUNT_MAX + 1)
    answers = {b"EXAMINE": examined, b"FETCH": b"$ OK done\r\n"}
    with scripted_imap(answers) as server, ImapSourceMail(server.plan).open(ANNA) as mailbox:
        assert list(mailbox.messages("INBOX")) == []

    asked = [line.split(b" ", 1)[1][:15] for line in server.heard if b" FETCH " in line]
    assert asked == [b"FETCH 1:500 (UI", b"FETCH 501:501 ("]


def test_reading_on_after_another_folder_was_opened_is_a_mistake_of_ours() -> None:
    """Messages of one folder would be counted in another."""
    examined = b"* 501 EXISTS\r\n$ OK [READ-ONLY] done\r\n"
    fetch = (
        b'* 1 FETCH (UID 1 INTERNALDATE "01-Mar-2026 00:00:00 +0000" RFC822.SIZE 1)\r\n$ OK .\r\n'
    )
    answers = {b"EXAMINE": examined, b"FETCH": fetch, b"UID SEARCH": b"* SEARCH\r\n$ OK .\r\n"}
    with scripted_imap(answers) as server, ImapSourceMail(server.plan).open(ANNA) as mailbox:
        reading = mailbox.messages("INBOX")
        next(reading)
        mailbox.large_message_count("Other", 1)

        with pytest.raises(RuntimeError, match="another folder"):
            list(reading)


def test_reading_asks_for_nothing_that_changes_a_flag() -> None:
    """Every unread message of the company would be read."""
    answers = {
        b"EXAMINE": EXAMINED,
        b"FETCH": b"$ OK done\r\n",
        b"UID SEARCH": b"* SEARCH 4\r\n$ OK done\r\n",
        b"UID FETCH": b"$ OK done\r\n",
        b"LIST": b'* LIST () "/" INBOX\r\n$ OK done\r\n',
        b"STATUS": b"* STATUS INBOX (UIDVALIDITY 1 UIDNEXT 2)\r\n$ OK done\r\n",
    }
    with scripted_imap(answers) as server, ImapSourceMail(server.plan).open(ANNA) as mailbox:
        mailbox.folders()
        mailbox.marks()
        mailbox.large_message_count("INBOX", 100)
        mailbox.holds("INBOX", letter("<a@x.org>"))
        list(mailbox.messages("INBOX"))

    said = b"\n".join(server.heard)
    assert b"SELECT" not in said
    assert b"STORE" not in said
    assert b"BODY[" not in said
    assert b"BODY.PEEK[" in said


def test_without_uidplus_mail_that_its_owner_marked_is_not_removed() -> None:
    """Removing a probe would delete mail that a person had only marked."""
    answers = {
        b"SELECT": b"* 3 EXISTS\r\n$ OK [READ-WRITE] done\r\n",
        b"UID SEARCH SUBJECT": b"* SEARCH 8\r\n$ OK done\r\n",
        b"UID SEARCH DELETED": b"* SEARCH 2 8\r\n$ OK done\r\n",
        b"UID FETCH": (
            b"* 3 FETCH (UID 8 BODY[HEADER.FIELDS (SUBJECT)] {18}\r\nSubject: probe-1\r\n)\r\n$ OK .\r\n"
        ),
        b"UID STORE": b"$ OK done\r\n",
    }
    with scripted_imap(answers) as server, ImapSourceMail(server.plan).open(ANNA) as mailbox:
        removed_count = mailbox.remove_by_subject("probe-1")

    assert removed_count == 1
    assert not any(line.endswith(b"EXPUNGE") for line in server.heard)


def test_a_line_break_in_a_message_id_is_no_command() -> None:
    """A message from outside could delete mail at the source."""
    answers = {
        b"LIST": b'* LIST () "/" INBOX\r\n$ OK done\r\n',
        b"EXAMINE": EXAMINED,
        b"UID SEARCH": b"* SEARCH\r\n$ OK done\r\n",
    }
    with scripted_imap(answers) as server, ImapSourceMail(server.plan).open(ANNA) as mailbox:
        assert not mailbox.holds("INBOX", letter("<a@x.org>\r\nX1 DELETE INBOX"))

    assert not any(line.startswith(b"X1") for line in server.heard)


def test_a_server_that_hangs_up_after_the_work_is_no_error() -> None:
    """A survey that was complete would be made again."""
    with (
        scripted_imap({b"LOGOUT": b"* BYE\r\n"}) as server,
        ImapSourceMail(server.plan).open(ANNA),
    ):
        pass


def letter(message_id: str) -> MessageFacts:
    """A message that arrived at noon."""
    return MessageFacts("1", message_id, NOON_UTC, 100)
