"""What the migration service copies: messages, folders, deltas, and what it leaves behind."""

from dataclasses import replace

import pytest

from sandbox.world.cloud import CloudMailbox
from sandbox.world.mail import fingerprint, header
from sandbox.world.migration_states import BatchOptions, BatchStatus, UserStatus
from sandbox.world.weather import CALM, Arrival, Weather
from tests.world.migration_desk import ANNA, BORIS, LETTER, NAMELESS, PASSWORD, Migration, rows


@pytest.fixture
def migration() -> Migration:
    made = Migration()
    made.person(ANNA, LETTER, NAMELESS)
    made.person(BORIS, LETTER)
    return made


def test_a_batch_copies_every_message_and_keeps_its_content(migration: Migration) -> None:
    """The certificate compares fingerprints; the service's own headers must not change them."""
    migration.begin(ANNA)
    migration.pass_time(minutes=10)

    copied = migration.inbox(ANNA)
    assert migration.batch_status() is BatchStatus.SYNCED
    assert {fingerprint(raw) for raw in copied} == {fingerprint(LETTER), fingerprint(NAMELESS)}
    assert all(header(raw, "Message-ID") for raw in copied)


def test_a_delta_comes_every_day_and_brings_new_mail_once(migration: Migration) -> None:
    """Doubled mail after a delta is the complaint that ends migrations."""
    migration.begin(ANNA)
    migration.pass_time(minutes=10)
    migration.deliver(ANNA, b"Subject: three\r\n\r\nThree.\r\n")
    migration.pass_time(hours=12)
    before = len(migration.inbox(ANNA))
    migration.pass_time(hours=13)
    once = len(migration.inbox(ANNA))
    migration.pass_time(days=5)

    assert (before, once, len(migration.inbox(ANNA))) == (2, 3, 3)


def test_read_marks_follow_and_deletions_do_not(migration: Migration) -> None:
    """Whether deletions travel is not documented; by default they stay behind."""
    migration.begin(ANNA)
    migration.pass_time(minutes=10)
    source = migration.world.source.at_address(ANNA)
    assert source is not None
    folder = source.store.folder("INBOX")
    first = folder.messages[1]
    folder.messages[1] = replace(first, flags=frozenset({"\\Seen"}))
    del folder.messages[2]
    migration.service.sync_batch_now("lot-1")
    migration.pass_time(minutes=10)

    mailbox = migration.world.tenant.mailboxes.at_address(ANNA)
    assert mailbox is not None
    flags = [message.flags for message in mailbox.store.folder("Inbox").messages.values()]
    assert sorted(map(sorted, flags)) == [[], ["\\Seen"]]


def test_deletions_follow_when_the_weather_says_so() -> None:
    """The product must be safe under either behaviour."""
    migration = Migration(Weather(source_deletions_propagate=True))
    migration.person(ANNA, LETTER, NAMELESS)
    migration.begin(ANNA)
    migration.pass_time(minutes=10)
    source = migration.world.source.at_address(ANNA)
    assert source is not None
    del source.store.folder("INBOX").messages[2]
    migration.service.sync_batch_now("lot-1")
    migration.pass_time(minutes=10)

    assert [fingerprint(raw) for raw in migration.inbox(ANNA)] == [fingerprint(LETTER)]


def test_a_batch_made_again_brings_nothing_twice_but_another_login_does(
    migration: Migration,
) -> None:
    """Items are known by the login that saw them; changing its form mid-way doubles a mailbox."""
    migration.begin(ANNA)
    migration.pass_time(minutes=10)
    migration.service.remove_batch("lot-1")
    migration.pass_time(minutes=10)
    migration.begin(ANNA, name="lot-2")
    migration.pass_time(minutes=10)
    same_login = len(migration.inbox(ANNA))
    migration.service.remove_batch("lot-2")
    migration.pass_time(minutes=10)
    master = migration.world.source
    csv = f'EmailAddress,UserName,Password\r\n{ANNA},anna*{master.master_user},"{master.master_password}"'
    migration.service.create_batch("lot-3", "imap-source", csv.encode())
    migration.service.start_batch("lot-3")
    migration.pass_time(minutes=10)

    assert (same_login, len(migration.inbox(ANNA))) == (2, 4)


@pytest.mark.parametrize("arrival", Arrival)
def test_copies_arrive_when_the_weather_says(arrival: Arrival) -> None:
    """That they keep their times is seen and nowhere said; the product has to live with either."""
    migration = Migration(Weather(migration_arrival=arrival))
    migration.person(ANNA, LETTER)
    migration.begin(ANNA)
    migration.pass_time(minutes=10)
    source, cloud = (
        where.at_address(ANNA)
        for where in (migration.world.source, migration.world.tenant.mailboxes)
    )
    assert source is not None
    assert cloud is not None
    [(_, original)], [(_, copy)] = source.store.walk(), cloud.store.walk()

    late_s = (copy.internal_utc - original.internal_utc).total_seconds()
    assert {Arrival.KEPT: late_s == 0, Arrival.A_SECOND_LATE: late_s == 1}.get(arrival, late_s > 1)


def test_a_changed_uidvalidity_brings_the_folder_again_unless_message_ids_are_known() -> None:
    """Index loss at the source during a migration is a known way to doubled mail."""

    def copies_after(weather: Weather) -> int:
        migration = Migration(weather)
        migration.person(ANNA, LETTER)
        migration.begin(ANNA)
        migration.pass_time(minutes=10)
        source = migration.world.source.at_address(ANNA)
        assert source is not None
        source.store.folder("INBOX").uid_validity += 1
        migration.service.sync_batch_now("lot-1")
        migration.pass_time(minutes=10)
        return len(migration.inbox(ANNA))

    assert copies_after(CALM) == 2
    assert copies_after(Weather(duplicates_known_by_message_id=True)) == 1


@pytest.mark.parametrize("comes_back", [False, True])
def test_what_is_moved_in_the_cloud_is_copied_again_only_when_the_weather_says_so(
    comes_back: bool,
) -> None:
    """Whether the service minds is not documented; the product has to live with either."""
    migration = Migration(Weather(missed_copies_come_back=comes_back))
    migration.person(ANNA, LETTER, NAMELESS)
    migration.begin(ANNA)
    migration.pass_time(minutes=10)
    mailbox = migration.world.tenant.mailboxes.at_address(ANNA)
    assert mailbox is not None
    moved = mailbox.store.folder("Inbox").messages.popitem()[1]
    mailbox.store.folder("Projects").add(moved.raw, moved.flags, moved.internal_utc)
    migration.pass_time(days=3)

    assert len(migration.inbox(ANNA)) == (2 if comes_back else 1)


def test_messages_over_the_limit_are_skipped_and_named() -> None:
    """The certificate names them with this reason."""
    migration = Migration(Weather(migration_message_max_bytes=200))
    migration.person(ANNA, LETTER, b"Subject: big\r\n\r\n" + b"x" * 300)
    migration.begin(ANNA)
    migration.pass_time(minutes=10)
    user = migration.service.user(ANNA)

    assert [fingerprint(raw) for raw in migration.inbox(ANNA)] == [fingerprint(LETTER)]
    assert [(item.kind, item.folder_name) for item in user.skipped.values()] == [
        ("LargeItem", "Inbox")
    ]
    assert migration.service.progress_of(user).skipped_count == 1


def test_items_beyond_the_limit_of_the_service_stay_behind_oldest_first() -> None:
    """A mailbox with more than half a million items is cut silently; the certificate has to notice."""
    migration = Migration(Weather(migration_items_max=1))
    migration.person(ANNA, LETTER)
    migration.deliver(ANNA, NAMELESS)
    migration.begin(ANNA)
    migration.pass_time(minutes=10)

    assert [fingerprint(raw) for raw in migration.inbox(ANNA)] == [fingerprint(NAMELESS)]


def test_special_folders_are_recognised_by_name_and_only_one_becomes_special(
    migration: Migration,
) -> None:
    """Two Sent folders is what users see after such a migration."""
    source = migration.world.source.at_address(ANNA)
    assert source is not None
    for name in ("Sent", "Sent Items", "Trash", "Trash/2019", "Projets/Été", "INBOX/Clients"):
        source.store.folder(name).add(
            b"Subject: " + name.encode() + b"\r\n\r\n.\r\n", frozenset(), migration.now_utc
        )
    migration.begin(ANNA)
    migration.pass_time(minutes=10)
    mailbox = migration.world.tenant.mailboxes.at_address(ANNA)
    assert mailbox is not None
    filled = {folder.name for folder, _ in mailbox.store.walk()}

    assert filled == {
        "Inbox",
        "Sent",
        "Sent Items",
        "Deleted Items",
        "Deleted Items/2019",
        "Projets/Été",
        "Inbox/Clients",
    }


def test_folders_with_a_slash_in_a_level_stay_behind() -> None:
    """A level named `a/b` cannot be written in the tenant's paths."""
    migration = Migration()
    migration.person(BORIS)
    source = migration.world.source.add(ANNA, PASSWORD, separator=".")
    migration.world.tenant.mailboxes.open(CloudMailbox("u", "g", ANNA, {ANNA}, migration.now_utc))
    for name in ("Clients.Nord", "Entree/Sortie", "INBOX.Sent"):
        source.store.folder(name).add(LETTER, frozenset(), migration.now_utc)
    migration.begin(ANNA)
    migration.pass_time(minutes=10)
    mailbox = migration.world.tenant.mailboxes.at_address(ANNA)
    assert mailbox is not None

    assert {folder.name for folder, _ in mailbox.store.walk()} == {"Clients/Nord", "Sent Items"}


def test_excluded_folders_and_a_user_root_narrow_the_copy(migration: Migration) -> None:
    """`Trash/*` and UserRoot are how operators leave rubbish behind."""
    source = migration.world.source.at_address(ANNA)
    assert source is not None
    for name in ("Trash", "Trash/Old", "Archive/2020"):
        source.store.folder(name).add(LETTER, frozenset(), migration.now_utc)
    options = BatchOptions(exclude_folders=("trash/*", "#Inbox#"))
    migration.service.create_batch("lot-1", "imap-source", rows(ANNA), options=options)
    migration.service.start_batch("lot-1")
    migration.pass_time(minutes=10)
    mailbox = migration.world.tenant.mailboxes.at_address(ANNA)
    assert mailbox is not None

    assert {folder.name for folder, _ in mailbox.store.walk()} == {"Archive/2020"}


def test_a_password_changed_in_mid_copy_ends_the_sync_and_what_is_copied_stays() -> None:
    """A copy of hours signs in more than once; who changes a password meanwhile must come to no harm."""
    migration = Migration(replace(CALM, migration_items_per_s=0.1))
    letters = [b"Subject: %d\r\n\r\n%d\r\n" % (number, number) for number in range(25)]
    migration.person(ANNA, *letters)
    migration.begin(ANNA)
    while not migration.inbox(ANNA):
        migration.pass_time(seconds=30)
    source = migration.world.source.at_address(ANNA)
    assert source is not None
    source.password = "another"
    migration.pass_time(minutes=10)

    assert migration.status(ANNA) is UserStatus.FAILED
    assert 0 < len(migration.inbox(ANNA)) < len(letters)
