"""What every door to the source's mail promises: over IMAP, and straight into the simulated world."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bascule.adapters.imap.connection import ImapSourceMail
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.mail import FolderMark, Login, MessageFacts, RawMessage
from bascule.domain.plan import SourcePlan
from bascule.ports.source_mail import SourceMail
from sandbox.bound.source_mail import WorldSourceMail
from sandbox.faces.server import Faces
from sandbox.world.mail import StoredMessage
from sandbox.world.population import Person, populate
from sandbox.world.source import SourceMailbox
from sandbox.world.world import World

NOW_UTC = datetime(2026, 11, 22, 12, tzinfo=UTC)
LEAP_DAY_UTC = datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LETTER = b"Message-ID: <home@x>\r\nSubject: home\r\n\r\nHome.\r\n"
DRAFT = b"Subject: never sent\r\n\r\nOnce.\r\n"


class House:
    """A source with a few people's awkward mail, and one door to it."""

    def __init__(self, world: World, people: list[Person], mail: SourceMail) -> None:
        self.world = world
        self.people = people
        self.mail = mail
        self.anna = people[0]
        self.login = Login(self.anna.user_name, self.anna.password)

    def box(self, person: Person | None = None) -> SourceMailbox:
        """A mailbox as it stands in the world."""
        found = self.world.source.at_address((person or self.anna).address)
        assert found is not None
        return found

    def inbox(self) -> list[StoredMessage]:
        """What stands in anna's INBOX."""
        return list(self.box().store.folder("INBOX").messages.values())


@pytest.fixture(params=["world", "imap"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    """Five people, the last of them with `.` between folder levels."""
    world = World(4, lambda: NOW_UTC)
    people = populate(world, 5, messages_each=33)
    if request.param == "world":
        yield House(world, people, WorldSourceMail(world))
        return
    with Faces(world) as faces:
        place = faces.addresses["source_imap"]
        plan = SourcePlan(place["host"], port=place["port"], security="none")
        yield House(world, people, ImapSourceMail(plan))


def test_every_folder_is_told_with_its_levels_count_and_size(house: House) -> None:
    """A folder that is not told is not surveyed, and its mail is missed by nobody."""
    for person in house.people:
        box = house.box(person)
        with house.mail.open(Login(person.user_name, person.password)) as opened:
            told = {folder.name: folder for folder in opened.folders()}

        assert set(told) == set(box.store.folders)
        for name, folder in told.items():
            assert folder.path == tuple(box.levels(name))
            assert folder.message_count == len(box.store.folders[name].messages)


def test_both_doors_tell_the_same_facts_of_every_awkward_message(house: House) -> None:
    """A Message-ID or a date read otherwise makes a whole mailbox look incomplete."""
    straight = WorldSourceMail(house.world)
    with house.mail.open(house.login) as opened, straight.open(house.login) as reference:
        for folder in reference.folders():
            facts = list(opened.messages(folder.name))
            assert facts == list(reference.messages(folder.name))
            assert sum(fact.size_bytes for fact in facts) == folder.size_bytes
        assert set(opened.folders()) == set(reference.folders())


def test_reading_changes_no_flag(house: House) -> None:
    """People would find their unread mail read."""
    before = [message.flags for _, message in house.box().store.walk()]

    with house.mail.open(house.login) as opened:
        for folder in opened.folders():
            list(opened.messages(folder.name))
            opened.large_message_count(folder.name, 100)
        opened.marks()

    assert [message.flags for _, message in house.box().store.walk()] == before


def test_a_new_message_moves_the_mark_of_its_folder_alone(house: House) -> None:
    """The last sweep knows by the marks whether the source is quiet."""
    with house.mail.open(house.login) as opened:
        before = dict(opened.marks())
        house.box().store.folder("INBOX").add(LETTER, frozenset(), NOW_UTC)
        after = dict(opened.marks())

    moved = {name for name in after if after[name] != before[name]}
    assert moved == {"INBOX"}
    mark = before["INBOX"]
    assert after["INBOX"] == FolderMark(mark.uid_validity, mark.uid_next + 1)


def test_large_messages_are_counted_by_their_size_on_the_wire(house: House) -> None:
    """One message over the limit that is not named is one message lost."""
    with house.mail.open(house.login) as opened:
        folder = max(opened.folders(), key=lambda each: each.message_count).name
        sizes = sorted(fact.size_bytes for fact in opened.messages(folder))

        assert opened.large_message_count(folder, sizes[-1]) == 0
        assert opened.large_message_count(folder, sizes[-1] - 1) == sizes.count(sizes[-1])
        assert opened.large_message_count(folder, 0) == len(sizes)


def test_mail_comes_home_with_its_flags_and_its_time(house: House) -> None:
    """After a rollback a message of last week must not look like one of today."""
    message = RawMessage(LETTER, ("\\Seen", "\\Flagged"), LEAP_DAY_UTC)
    letter = MessageFacts("", "<home@x>", LEAP_DAY_UTC, 0)

    with house.mail.open(house.login) as opened:
        assert not opened.holds("Neu/Été", letter)
        opened.append("Neu/Été", message)

        assert opened.holds("Neu/Été", letter)
        assert not opened.holds("Neu/Été", replace(letter, message_id="<home@"))
        assert not opened.holds("Neu/Été", replace(letter, received_utc=LEAP_DAY_UTC + SECOND))
        assert not opened.holds("INBOX", letter)
    (stored,) = house.box().store.folders["Neu/Été"].messages.values()
    assert (stored.raw, stored.internal_utc) == (LETTER, LEAP_DAY_UTC)
    assert stored.flags == {"\\Seen", "\\Flagged"}


def test_a_message_without_an_id_comes_home_once(house: House) -> None:
    """A draft has no id: not recognised at home, every attempt to bring it there would leave one more copy."""
    draft = RawMessage(DRAFT, (), LEAP_DAY_UTC)
    others = [
        replace(draft, content=DRAFT.replace(b"Once", b"More")),
        replace(draft, received_utc=LEAP_DAY_UTC + SECOND),
    ]

    for _ in range(2):
        with house.mail.open(house.login) as opened:
            assert all(opened.append("Drafts", each) for each in (draft, *others))

    stored = house.box().store.folders["Drafts"].messages.values()
    assert [(each.raw, each.internal_utc) for each in stored if b"never sent" in each.raw] == [
        (each.content, each.received_utc) for each in (draft, *others)
    ]


def test_only_the_probe_of_that_subject_is_removed(house: House) -> None:
    """Somebody's mail about the probe is not the probe."""
    before = house.inbox()
    inbox = house.box().store.folder("INBOX")
    inbox.add(b"Subject: Bascule probe 7\r\n\r\n", frozenset(), NOW_UTC)
    kept = inbox.add(b"Subject: Re: Bascule probe 7\r\n\r\n", frozenset({"\\Deleted"}), NOW_UTC)

    with house.mail.open(house.login) as opened:
        assert opened.remove_by_subject("Bascule probe 7") == 1
        assert opened.remove_by_subject("Bascule probe 7") == 0

    assert house.inbox() == [*before, kept]


def test_a_wrong_password_is_refused_and_not_repeated(house: House) -> None:
    """The survey tells it from an outage; no message may show it."""
    with (
        pytest.raises(Refusal) as refused,
        house.mail.open(Login(house.anna.user_name, "canary-passwörd")),
    ):
        pass

    assert refused.value.code is Code.SOURCE_LOGIN_REFUSED
    assert "canary" not in str(refused.value)


def test_the_master_user_opens_anybodys_mailbox(house: House) -> None:
    """Most administrators do not have their users' passwords."""
    source = house.world.source
    login = Login(f"{house.anna.user_name}*{source.master_user}", source.master_password)

    with house.mail.open(login) as opened:
        assert len(opened.folders()) == len(house.box().store.folders)


def test_a_folder_that_does_not_open_is_named(house: House) -> None:
    """Skipped in silence, its mail would be lost in silence."""
    house.box().unreadable.add("Projets")

    with house.mail.open(house.login) as opened, pytest.raises(Refusal, match="Projets") as refused:
        opened.folders()
    assert refused.value.code is Code.SOURCE_FOLDER_UNREADABLE


def test_a_session_is_counted_once(house: House) -> None:
    """The promise of few remote calls is measured by it."""
    before = house.world.calls["imap_sessions"]

    with house.mail.open(house.login) as opened:
        opened.marks()
        opened.folders()

    assert house.world.calls["imap_sessions"] == before + 1
