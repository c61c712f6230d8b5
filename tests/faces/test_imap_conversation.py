"""The source's IMAP face, spoken to by imapclient as it comes."""

import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import imapclient
import pytest
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from sandbox.faces.imap_server import Security
from sandbox.faces.server import Faces
from sandbox.world.source import SourceMailbox
from sandbox.world.world import World

ANNA = "anna@example.org"
PASSWORD = 'pâss "word\\'

LETTER = (
    b"From: =?utf-8?q?Zo=C3=A9?= <zoe@example.net>\r\nTo: a@example.org,\r\n b@example.org\r\n"
    b"Subject: =?utf-8?q?=C3=89t=C3=A9?= one\r\nDate: Tue, 1 Apr 2025 10:00:00 +0200\r\n"
    b"Message-ID: <one@example.net>\r\n\r\nBody one\r\n"
)
BARE = b"Subject: two\n\nUnix lines\n"


def noon() -> datetime:
    """The clock of these tests stands still."""
    return datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def world() -> World:
    """Anna's mailbox with two messages in INBOX and two folders."""
    world = World(1, noon)
    anna = world.source.add(ANNA, PASSWORD)
    inbox = anna.store.folder("INBOX")
    inbox.add(LETTER, frozenset({"\\Seen"}), datetime(2025, 4, 1, 8, 0, tzinfo=UTC))
    inbox.add(BARE, frozenset(), datetime(2025, 4, 2, 8, 0, tzinfo=UTC))
    anna.store.folder("Projets/Été & co")
    anna.store.folder("日本語")
    anna.subscribed.add("日本語")
    return world


@pytest.fixture
def anna(world: World) -> SourceMailbox:
    """Her mailbox."""
    found = world.source.at_address(ANNA)
    assert found is not None
    return found


@pytest.fixture
def faces(world: World) -> Iterator[Faces]:
    """The running faces."""
    with Faces(world) as running:
        yield running


@pytest.fixture
def client(faces: Faces) -> Iterator[imapclient.IMAPClient]:
    """A client that is logged in."""
    place = faces.addresses["source_imap"]
    with imapclient.IMAPClient(place["host"], place["port"], ssl=False, timeout=10) as found:
        found.plain_login("anna", PASSWORD)
        yield found


def test_folders_are_listed_with_names_people_wrote(client: imapclient.IMAPClient) -> None:
    """A folder whose name is read wrong is a folder that is not migrated."""
    listed = {name: flags for flags, _, name in client.list_folders()}

    assert set(listed) == {"INBOX", "Projets", "Projets/Été & co", "日本語"}
    assert b"\\Noselect" in listed["Projets"]
    assert b"\\HasChildren" in listed["Projets"]
    assert [name for _, _, name in client.list_sub_folders()] == ["日本語"]
    assert [name for _, _, name in client.list_folders("", "%")] == ["INBOX", "Projets", "日本語"]


def test_status_counts_and_sizes_as_the_wire_carries_them(client: imapclient.IMAPClient) -> None:
    """The survey's numbers come from here; bare line feeds count as they travel."""
    figures = client.folder_status(
        "INBOX", ["MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "SIZE"]
    )

    assert figures[b"MESSAGES"] == 2
    assert figures[b"UIDNEXT"] == 3
    assert figures[b"UNSEEN"] == 1
    assert figures[b"SIZE"] == len(LETTER) + len(BARE) + BARE.count(b"\n")


def test_examine_and_peek_change_nothing(
    client: imapclient.IMAPClient, anna: SourceMailbox
) -> None:
    """A survey that marks people's mail as read would be noticed by everybody."""
    client.select_folder("INBOX", readonly=True)

    fetched = client.fetch("1:*", ["BODY.PEEK[]", "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"])
    client.fetch("1:*", ["BODY[]"])

    assert fetched[1][b"BODY[]"] == LETTER
    assert fetched[2][b"BODY[]"] == BARE.replace(b"\n", b"\r\n")
    assert b"Message-ID: <one@example.net>\r\n\r\n" in fetched[1].values()
    assert anna.store.folder("INBOX").messages[2].flags == frozenset()


def test_fetch_body_marks_as_seen_when_selected(
    client: imapclient.IMAPClient, anna: SourceMailbox
) -> None:
    """The server must punish a client that forgets PEEK, as the real one does."""
    client.select_folder("INBOX")

    client.fetch("2", ["BODY[TEXT]"])

    assert anna.store.folder("INBOX").messages[2].flags == {"\\Seen"}


def test_envelope_dates_sizes_and_structure_are_read(client: imapclient.IMAPClient) -> None:
    """Certificates and surveys live on these four."""
    client.select_folder("INBOX", readonly=True)
    items = ["ENVELOPE", "INTERNALDATE", "RFC822.SIZE", "BODYSTRUCTURE", "FLAGS"]

    found = client.fetch([1], items)[1]

    envelope = found[b"ENVELOPE"]
    assert envelope.message_id == b"<one@example.net>"
    assert [address.mailbox for address in envelope.to] == [b"a", b"b"]
    assert envelope.sender == envelope.from_
    assert found[b"RFC822.SIZE"] == len(LETTER)
    assert found[b"BODYSTRUCTURE"][0] == b"text"
    assert found[b"FLAGS"] == (b"\\Seen",)


def test_a_part_of_a_body_can_be_asked_for(client: imapclient.IMAPClient) -> None:
    """Readers stream large messages in windows."""
    client.select_folder("INBOX", readonly=True)

    found = client.fetch([1], ["BODY.PEEK[TEXT]<0.4>", "BODY.PEEK[1]"])[1]

    assert found[b"BODY[TEXT]<0>"] == b"Body"
    assert found[b"BODY[1]"] == b"Body one\r\n"


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ("ALL", [1, 2]),
        (["SUBJECT", "two"], [2]),
        (["SUBJECT", "Été"], [1]),
        (["HEADER", "Message-ID", "one@example.net"], [1]),
        (["SINCE", date(2025, 4, 2)], [2]),
        (["NOT", "SEEN"], [2]),
        (["UID", "2:*"], [2]),
        (["OR", "SEEN", ["LARGER", "100000"]], [1]),
        ("UNDELETED", [1, 2]),
        (["TEXT", "nobody wrote this"], []),
    ],
)
def test_search_finds_what_it_names(
    client: imapclient.IMAPClient, criteria: str | list[object], expected: list[int]
) -> None:
    """Probes and stragglers are found by search; a wrong match removes somebody's mail."""
    client.select_folder("INBOX")

    charset = "UTF-8" if isinstance(criteria, list) and "Été" in criteria else None

    assert client.search(criteria, charset) == expected


def test_append_answers_the_uid_and_keeps_octets_flags_and_date(
    client: imapclient.IMAPClient, anna: SourceMailbox
) -> None:
    """Rollback brings mail home by APPEND; it must stand there as it was."""
    when = datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)
    client.create_folder("Retour/Été")

    answer = client.append("Retour/Été", LETTER, [b"\\Seen", b"$Kept"], when)

    folder = anna.store.folder("Retour/Été")
    assert f"APPENDUID {folder.uid_validity} 1".encode() in answer
    stored = folder.messages[1]
    assert stored.flags == {"\\Seen", "$Kept"}
    assert (stored.raw, stored.internal_utc) == (LETTER, when)


def test_append_to_a_missing_folder_says_trycreate(client: imapclient.IMAPClient) -> None:
    """RFC 3501: the code tells a client that creating the folder would help."""
    with pytest.raises(IMAPClientError, match="TRYCREATE"):
        client.append("Nowhere", LETTER)


def test_uid_expunge_removes_only_the_messages_named(
    client: imapclient.IMAPClient, anna: SourceMailbox
) -> None:
    """A probe's removal must not take a message that its owner has just marked."""
    client.select_folder("INBOX")
    client.add_flags([1, 2], [imapclient.DELETED])

    client.expunge([2])

    assert list(anna.store.folder("INBOX").messages) == [1]


def test_copy_rename_delete_and_subscribe_do_what_they_say(
    client: imapclient.IMAPClient, anna: SourceMailbox
) -> None:
    """People go on working at the source while the world turns around them."""
    client.select_folder("INBOX")
    client.copy([1], "日本語")
    client.rename_folder("Projets/Été & co", "Archives/Été")
    client.subscribe_folder("Archives/Été")
    client.delete_folder("日本語")

    assert sorted(anna.store.folders) == ["Archives/Été", "INBOX"]
    assert "Archives/Été" in anna.subscribed


def test_another_sessions_changes_are_told_at_the_next_noop(
    client: imapclient.IMAPClient, anna: SourceMailbox
) -> None:
    """Mail arrives while a client looks on."""
    client.select_folder("INBOX")
    inbox = anna.store.folder("INBOX")
    del inbox.messages[1]
    inbox.add(LETTER, frozenset(), noon())

    _, news = client.noop()

    assert (1, b"EXPUNGE") in news
    assert (2, b"EXISTS") in news
    assert client.search("ALL") == [2, 3]


def test_a_wrong_password_is_authenticationfailed(faces: Faces) -> None:
    """The survey tells a wrong password from a broken server by this code."""
    place = faces.addresses["source_imap"]
    with imapclient.IMAPClient(place["host"], place["port"], ssl=False, timeout=10) as client:
        with pytest.raises(LoginError, match="AUTHENTICATIONFAILED"):
            client.login("anna", "wrong")
        with pytest.raises(LoginError, match="AUTHENTICATIONFAILED"):
            client.plain_login("anna", "wrong")


def test_the_master_user_logs_in_for_anybody(faces: Faces, world: World) -> None:
    """Migrations without users' passwords go this way, by LOGIN and by SASL."""
    place = faces.addresses["source_imap"]
    source = world.source
    for login in ("login", "plain"):
        with imapclient.IMAPClient(place["host"], place["port"], ssl=False, timeout=10) as client:
            if login == "login":
                client.login(f"anna*{source.master_user}", source.master_password)
            else:
                client.plain_login(source.master_user, source.master_password, "anna")
            assert client.folder_exists("日本語")


def test_a_folder_that_does_not_open_is_listed_all_the_same(
    client: imapclient.IMAPClient, anna: SourceMailbox
) -> None:
    """The survey has to name such a folder, not to skip it."""
    anna.unreadable.add("日本語")

    assert "日本語" in [name for _, _, name in client.list_folders()]
    with pytest.raises(IMAPClientError, match="NOPERM"):
        client.select_folder("日本語", readonly=True)


def test_a_dot_as_separator_lets_a_slash_stand_in_a_name(faces: Faces, world: World) -> None:
    """Such folders are not migrated; the survey must see the slash inside the level."""
    bela = world.source.add("bela@example.org", "pw", separator=".")
    bela.store.folder("Projets.A/B")
    place = faces.addresses["source_imap"]
    with imapclient.IMAPClient(place["host"], place["port"], ssl=False, timeout=10) as client:
        client.login("bela", "pw")

        listed = [(delimiter, name) for _, delimiter, name in client.list_folders()]

    assert (b".", "Projets.A/B") in listed
    assert (b".", "Projets") in listed


@pytest.mark.parametrize("security", [Security.SSL, Security.STARTTLS])
def test_tls_verifies_against_the_private_authority(world: World, security: Security) -> None:
    """The product verifies certificates; it must be able to here, and fail without the authority."""
    with Faces(world, imap_security=security) as faces:
        place = faces.addresses["source_imap"]
        trusting = ssl.create_default_context(cafile=place["ca_file"])
        assert place["security"] == security.value

        client = imapclient.IMAPClient(
            place["host"],
            place["port"],
            ssl=security is Security.SSL,
            ssl_context=trusting,
            timeout=10,
        )
        if security is Security.STARTTLS:
            assert client.has_capability("LOGINDISABLED")
            client.starttls(trusting)
        client.plain_login("anna", PASSWORD)
        assert client.folder_exists("INBOX")
        client.logout()


def test_nonsense_is_answered_bad_and_the_conversation_goes_on(
    client: imapclient.IMAPClient,
) -> None:
    """A real server refuses what it does not know; a kind one would hide our mistakes."""
    client.select_folder("INBOX")
    with pytest.raises(IMAPClientError, match="Unknown parameter"):
        client.fetch([1], ["NONSENSE"])
    with pytest.raises(IMAPClientError, match="Unknown argument"):
        client.search(["NONSENSE"])
    with pytest.raises(IMAPClientError, match="Invalid status item"):
        client.folder_status("INBOX", ["NONSENSE"])
    assert client._imap.select("&nonsense")[0] == "NO"

    assert client.folder_exists("INBOX")


def test_a_missing_folder_is_refused_without_a_code(client: imapclient.IMAPClient) -> None:
    """Dovecot 2.3 says only "Mailbox doesn't exist" to SELECT and STATUS; clients must not wait for a code."""
    with pytest.raises(IMAPClientError, match="Mailbox doesn't exist: nowhere") as refused:
        client.select_folder("nowhere", readonly=True)

    assert "NONEXISTENT" not in str(refused.value)


def test_a_number_beyond_the_last_message_is_an_error_but_a_uid_is_not(
    client: imapclient.IMAPClient,
) -> None:
    """A UID may have been expunged by somebody else; a sequence number may not."""
    client.select_folder("INBOX", readonly=True)
    assert client.fetch([99], ["FLAGS"]) == {}

    client.use_uid = False
    with pytest.raises(IMAPClientError, match="Invalid messageset"):
        client.fetch([99], ["FLAGS"])


def test_a_lost_answer_comes_after_the_effect(world: World, anna: SourceMailbox) -> None:
    """Bringing mail home must ask again before it appends again."""
    world.weather = replace(world.weather, source_lost_reply_probability=1.0)
    with Faces(world) as faces:
        place = faces.addresses["source_imap"]
        client = imapclient.IMAPClient(place["host"], place["port"], ssl=False, timeout=10)
        client.plain_login("anna", PASSWORD)

        with pytest.raises(IMAPClientAbortError):
            client.append("INBOX", LETTER)
        client.shutdown()

    assert len(anna.store.folder("INBOX").messages) == 3


def test_bad_weather_keeps_the_connection_from_being_made(world: World) -> None:
    """No connection is an outage, not a wrong password."""
    world.weather = replace(world.weather, source_unreachable_probability=1.0)
    with Faces(world) as faces:
        place = faces.addresses["source_imap"]

        with pytest.raises((IMAPClientAbortError, OSError)):
            imapclient.IMAPClient(place["host"], place["port"], ssl=False, timeout=10)


def test_sessions_are_counted(client: imapclient.IMAPClient, world: World) -> None:
    """The report promises at most so many sessions for a mailbox."""
    assert client.folder_exists("INBOX")
    assert world.calls["imap_sessions"] == 1
