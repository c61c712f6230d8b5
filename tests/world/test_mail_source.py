"""The source's people, their awkward mail, and their alias rows."""

import mailbox
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from sandbox.world.aliases import AliasRows, AliasTable, FileAliases, MemoryAliases
from sandbox.world.mail import header
from sandbox.world.population import populate, populate_from_folder
from sandbox.world.source import Source
from sandbox.world.world import World


def noon() -> datetime:
    """The clock of these tests stands still."""
    return datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture(params=["memory", "file"])
def aliases(request: pytest.FixtureRequest, tmp_path: Path) -> AliasRows:
    """Both kinds of alias rows: they are twins."""
    if request.param == "memory":
        return MemoryAliases()
    return FileAliases(AliasTable(tmp_path / "aliases.db", table="auforg_virtual"))


def test_rows_are_found_whatever_the_case(aliases: AliasRows) -> None:
    """Postfix folds its keys; a row that only exact case finds would look missing."""
    aliases.edit_by_hand("Anna@Example.org", ["anna@ca.example.org", "copy@example.net"])

    assert aliases.rows_of("anna@example.org") == ["anna@ca.example.org", "copy@example.net"]


def test_replace_changes_only_the_row_that_matches_whole(aliases: AliasRows) -> None:
    """The AUF's UPDATE names both ends so that a row a person moved meanwhile stays."""
    aliases.edit_by_hand("anna@example.org", ["anna@ca.example.org", "copy@example.net"])

    assert aliases.replace("anna@example.org", "anna@ca.example.org", "anna@cloud") == 1
    assert aliases.replace("anna@example.org", "anna@ca.example.org", "anna@cloud") == 0
    assert aliases.rows_of("anna@example.org") == ["anna@cloud", "copy@example.net"]


def test_an_edit_by_hand_replaces_all_rows(aliases: AliasRows) -> None:
    """Tests of meddling administrators rest on it."""
    aliases.edit_by_hand("anna@example.org", ["a@x", "b@x"])
    aliases.edit_by_hand("anna@example.org", ["c@x"])

    assert aliases.all_rows() == [("anna@example.org", "c@x")]


def test_a_table_name_that_is_not_a_name_is_refused(tmp_path: Path) -> None:
    """Names go into SQL text, where no parameter can hold them."""
    with pytest.raises(ValueError, match="not a table"):
        AliasTable(tmp_path / "a.db", table='virtual"; DROP TABLE x')


def test_the_master_user_opens_any_mailbox_with_the_masters_password() -> None:
    """Migrations by master login use `user*master`; both halves must be right."""
    source = Source(World(1, noon).naming)
    anna = source.add("anna@example.org", "secret")

    assert source.login("anna", "secret") is anna
    assert source.login("anna", "wrong") is None
    assert source.login("anna*bascule", source.master_password) is anna
    assert source.login("anna*bascule", "secret") is None
    assert source.login("anna*other", source.master_password) is None


def test_a_population_meets_every_kind_of_awkward_mail() -> None:
    """A rehearsal on tidy mail proves nothing about real mailboxes."""
    world = World(3, noon)
    first, *_ = populate(world, 6, messages_each=22, over_limit_bytes=50_000)

    box = world.source.at_address(first.address)
    assert box is not None
    raws = [message.raw for _, message in box.store.walk()]
    ids = [header(raw, "Message-ID") for raw in raws]
    assert len(raws) == 23
    assert None in ids
    assert len(ids) > len(set(ids))
    assert b"\r\n" in raws
    assert max(map(len, raws)) > 50_000
    assert all(b"\0" not in raw for raw in raws)
    assert any("é" in folder.lower() for folder in box.store.folders)
    assert world.initial_mail.total() == 6 * 22 + 1


def test_two_people_of_one_name_have_two_addresses() -> None:
    """With a few hundred people names repeat; a collision would stop the demonstration."""
    world = World(3, noon)

    people = populate(world, 300, messages_each=1)

    assert len({person.address for person in people}) == 300
    assert all(person.address.isascii() for person in people)
    assert "secret" not in repr(people)
    assert people[0].password not in repr(people[0])


def test_a_folder_of_maildirs_becomes_mailboxes(tmp_path: Path) -> None:
    """People rehearse with their own mail first."""
    box = mailbox.Maildir(tmp_path / "anna@old.example.com")
    letter = EmailMessage()
    letter["Subject"], letter["Date"] = "Hello", "Tue, 1 Apr 2025 10:00:00 +0200"
    kept = mailbox.MaildirMessage(letter)
    kept.set_flags("SR")
    box.add_folder("Projets.Paris").add(kept)
    world = World(3, noon)

    (person,) = populate_from_folder(world, tmp_path)

    anna = world.source.at_address(person.address)
    assert person.address == "anna@example.org"
    assert anna is not None
    (message,) = anna.store.folder("Projets/Paris").messages.values()
    assert message.flags == {"\\Seen", "\\Answered"}
    assert message.internal_utc == datetime(2025, 4, 1, 8, 0, tzinfo=UTC)


def test_a_folder_of_eml_files_becomes_one_mailbox(tmp_path: Path) -> None:
    """A few saved messages are the smallest rehearsal there is."""
    (tmp_path / "2024").mkdir()
    (tmp_path / "2024" / "a.eml").write_bytes(b"Subject: A\r\nDate: nonsense\r\n\r\nA\r\n")
    world = World(3, noon)

    (person,) = populate_from_folder(world, tmp_path)

    box = world.source.at_address(person.address)
    assert box is not None
    assert [f.name for f, _ in box.store.walk()] == ["2024"]


def test_a_folder_without_mail_is_refused(tmp_path: Path) -> None:
    """A wrong path must not look like an empty mailbox."""
    with pytest.raises(ValueError, match="no mail"):
        populate_from_folder(World(3, noon), tmp_path)
