"""What every access to cloud mailboxes must do: Graph on its wire, and the simulated tenant itself. About 4 s."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bascule.domain.codes import Code
from bascule.domain.directory import Assignment, LicenceChange, NewAccount
from bascule.domain.errors import NotYet, Refusal, Throttled, Unreachable
from bascule.domain.mail import MessageFacts
from bascule.ports.cloud_mail import CloudMail
from sandbox.bound.directory import WorldDirectory
from sandbox.world.cloud import CloudMailbox
from sandbox.world.licences import CATALOGUE
from tests.contracts.tenant_doors import (
    DOORS,
    LOST,
    THROTTLED,
    UNWELL,
    cloud_mail,
    tenant,
)

PASSWORD = "Correct-Horse-7"
SENT_UTC = datetime(2020, 5, 1, 10, 30, tzinfo=UTC)
# More than one page of the service's largest.
MANY = 1_003


class School:
    """A tenant with two open mailboxes and one account without."""

    def __init__(self) -> None:
        self.tenant = tenant()
        directory = WorldDirectory(self.tenant.world)
        self.ids = {
            name: directory.create_account(
                NewAccount(f"{name}@example.org", name, "FR", PASSWORD)
            ).account_id
            for name in ("ann", "bob", "new")
        }
        for name in ("ann", "bob"):
            directory.change_licences(
                self.ids[name], LicenceChange((Assignment(CATALOGUE[0].sku_id),))
            )
        self.tenant.pass_time(hours=1)

    def box(self, name: str) -> CloudMailbox:
        """The mailbox as it really is."""
        found = self.tenant.world.tenant.mailboxes.of_user(self.ids[name])
        assert found is not None
        return found

    def put(
        self,
        folder: str,
        number: int,
        subject: str = "S",
        flags: frozenset[str] = frozenset(),
    ) -> bytes:
        """Put a message into one of Ann's folders."""
        raw = f"Message-ID: <{number}@x>\r\nSubject: {subject}\r\n\r\nB\r\n".encode()
        when_utc = SENT_UTC + timedelta(seconds=number)
        self.box("ann").store.folder(folder).add(raw, flags, when_utc)
        return raw


@pytest.fixture
def school() -> School:
    """A tenant with mail in it."""
    return School()


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, school: School) -> Iterator[CloudMail]:
    """The port, through each door."""
    with cloud_mail(request.param, school.tenant) as found:
        yield found


def _messages(
    door: CloudMail, school: School, since_utc: datetime | None = None
) -> list[MessageFacts]:
    ann = school.ids["ann"]
    return [facts for _, facts in door.messages(ann, door.folders(ann), since_utc)]


def test_folders_with_mail_in_or_below_them_are_listed_by_path(
    door: CloudMail, school: School
) -> None:
    """Both sides of the certificate are compared by path; empty folders prove nothing."""
    school.put("Inbox", 1)
    school.put("Sent Items", 2)
    school.put("Projets/2020/Clients", 3)
    school.put("Projets/2020/Clients", 4)
    school.box("ann").store.folder("Vide")

    listed = [(each.path, each.message_count) for each in door.folders(school.ids["ann"])]

    assert listed == [
        (("Inbox",), 1),
        (("Projets",), 0),
        (("Projets", "2020"), 0),
        (("Projets", "2020", "Clients"), 2),
        (("Sent Items",), 1),
    ]


def test_more_folders_than_a_page_are_all_listed(door: CloudMail, school: School) -> None:
    """A folder on the second page is as much of a folder."""
    names = [f"F{number:03}" for number in range(130)]
    for number, name in enumerate(names):
        school.put(name, number)

    assert [each.path[0] for each in door.folders(school.ids["ann"])] == names


def test_every_message_of_every_page_is_listed(door: CloudMail, school: School) -> None:
    """A message on the second page must not look lost."""
    for number in range(MANY):
        school.put("Inbox", number)

    facts = _messages(door, school)

    assert {each.message_id for each in facts} == {f"<{number}@x>" for number in range(MANY)}
    assert len({each.handle for each in facts}) == MANY
    assert {each.received_utc for each in facts} == {
        SENT_UTC + timedelta(seconds=number) for number in range(MANY)
    }


@pytest.mark.parametrize("per_second", [1, 7, MANY])
def test_mail_that_comes_and_goes_meanwhile_makes_no_other_come_twice_or_never(
    door: CloudMail, school: School, per_second: int
) -> None:
    """Listed twice, a message counts as doubled, and its only copy in the cloud is removed on the way home."""
    for number in range(2 * MANY):
        school.put("Inbox", number // per_second, str(number))
    inbox = school.box("ann").store.folder("Inbox")
    ann = school.ids["ann"]
    listed = door.messages(ann, door.folders(ann))

    handles = [next(listed)[1].handle]
    inbox.add(b"Message-ID: <new@x>\r\n\r\n", frozenset(), SENT_UTC + timedelta(days=1))
    inbox.add(b"Message-ID: <old@x>\r\n\r\n", frozenset(), SENT_UTC - timedelta(days=1))
    handles += [facts.handle for _, facts in itertools.islice(listed, MANY)]
    del inbox.messages[1]
    handles += [facts.handle for _, facts in listed]

    assert len(handles) == len(set(handles))
    left = {facts.handle for facts in _messages(door, school) if facts.message_id != "<old@x>"}
    assert left <= set(handles)


def test_each_message_comes_with_its_folder(door: CloudMail, school: School) -> None:
    """Moved about in one big list, mail would be counted where it is not."""
    names = [f"F{number:02}" for number in range(25)]
    for number, name in enumerate(names):
        school.put(f"Projets/{name}", number)
    ann = school.ids["ann"]

    listed = door.messages(ann, door.folders(ann))

    assert [(folder.path[-1], facts.message_id) for folder, facts in listed] == [
        (name, f"<{number}@x>") for number, name in enumerate(names)
    ]


def test_only_messages_of_that_second_and_later_are_listed_when_told_so(
    door: CloudMail, school: School
) -> None:
    """A rollback brings home what came since the cutover, not ten years of mail."""
    for number in range(5):
        school.put("Inbox", number)

    found = _messages(door, school, SENT_UTC + timedelta(seconds=3, milliseconds=900))

    assert {each.message_id for each in found} == {"<3@x>", "<4@x>"}


def test_a_message_is_read_with_its_bytes_flags_and_time(door: CloudMail, school: School) -> None:
    """It goes home as it came."""
    raw = school.put("Inbox", 1, flags=frozenset({"\\Seen", "\\Flagged"}))
    (facts,) = _messages(door, school)

    message = door.read(school.ids["ann"], facts.handle)

    assert message is not None
    assert message.content == raw
    assert set(message.flags) == {"\\Seen", "\\Flagged"}
    assert message.received_utc == SENT_UTC + timedelta(seconds=1)


def test_a_removed_message_is_gone_and_removing_it_again_is_success(
    door: CloudMail, school: School
) -> None:
    """Steps are repeated; probes must not stay in people's mailboxes."""
    school.put("Inbox", 1)
    school.put("Inbox", 2)
    ann = school.ids["ann"]
    first = next(each for each in _messages(door, school) if each.message_id == "<1@x>")

    door.remove(ann, first.handle)
    door.remove(ann, first.handle)

    assert [each.message_id for each in _messages(door, school)] == ["<2@x>"]
    assert door.read(ann, first.handle) is None
    assert not school.box("ann").store.folder("Deleted Items").messages


def test_a_probe_is_found_by_its_subject_in_any_folder(door: CloudMail, school: School) -> None:
    """Junk filters and user rules move probes."""
    school.put("Inbox", 1, "bascule probe o'1")
    school.put("Junk Email", 2, "bascule probe o'1")
    school.put("Inbox", 3, "bascule probe o'12")

    found = door.find_by_subject(school.ids["ann"], "bascule probe o'1")

    assert len(found) == 2
    assert door.find_by_subject(school.ids["ann"], "another") == ()


def test_mail_sent_inside_arrives_and_no_copy_is_kept(door: CloudMail, school: School) -> None:
    """Thousands of probes would fill the sender's sent items."""
    door.send("bob@example.org", "ann@example.org", "bascule probe 7", "hello\n")
    school.tenant.pass_time(minutes=10)

    assert len(door.find_by_subject(school.ids["ann"], "bascule probe 7")) == 1
    assert not school.box("bob").store.folder("Sent Items").messages


def test_a_mailbox_that_is_not_open_is_not_yet(door: CloudMail, school: School) -> None:
    """It opens by itself some time after its licence."""
    account_id = school.ids["new"]

    with pytest.raises(NotYet):
        door.folders(account_id)
    with pytest.raises(NotYet):
        door.find_by_subject(account_id, "x")
    with pytest.raises(NotYet):
        door.read(account_id, "1.1")
    with pytest.raises(NotYet):
        door.remove(account_id, "1.1")


def test_a_missing_permission_is_named(door: CloudMail, school: School) -> None:
    """Mail is the permission that administrators hesitate to grant."""
    school.tenant.world.tenant.app.roles.clear()

    with pytest.raises(Refusal) as no:
        door.find_by_subject(school.ids["ann"], "x")

    assert no.value.code is Code.PERMISSION_MISSING


def test_throttling_and_failures_are_told_apart(door: CloudMail, school: School) -> None:
    """One becomes a durable timer, the other the host's retry."""
    ann = school.ids["ann"]
    for failure, expected in ((THROTTLED, Throttled), (UNWELL, Unreachable), (LOST, Unreachable)):
        school.tenant.fails_once("graph.GET messages", failure)
        with pytest.raises(expected):
            door.find_by_subject(ann, "x")

    assert door.find_by_subject(ann, "x") == ()


def test_throttling_while_folders_are_listed_is_no_short_list(
    door: CloudMail, school: School
) -> None:
    """Half a list of folders would prove half a mailbox."""
    school.put("Inbox", 1)
    school.tenant.fails_once("graph.GET mailFolders", THROTTLED)

    with pytest.raises(Throttled):
        door.folders(school.ids["ann"])
