"""The migration service: batches, users, copying, deltas, expiry."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.world.cloud import CloudMailbox
from sandbox.world.coexistence import prepare_coexistence
from sandbox.world.exchange_refusals import (
    BatchBusy,
    BatchMissing,
    CsvRefused,
    MigrationRefused,
    NotFound,
)
from sandbox.world.mail import fingerprint, header
from sandbox.world.migration_states import BatchOptions, BatchStatus, UserStatus
from sandbox.world.weather import CALM, Span, Weather
from sandbox.world.world import World

ANNA = "anna@example.org"
BORIS = "boris@example.org"
PASSWORD = "Nicht weitersagen, 7"
LETTER = (
    b"Message-ID: <1@x>\r\nSubject: one\r\nDate: Mon, 2 Feb 2026 08:00:00 +0100\r\n\r\nOne.\r\n"
)
NAMELESS = b"Subject: two\r\n\r\nTwo.\r\n"


class Migration:
    """A prepared tenant with a source, and a clock moved by hand."""

    def __init__(self, weather: Weather = CALM) -> None:
        self.now_utc = datetime(2026, 3, 1, 8, tzinfo=UTC)
        self.world = World(3, lambda: self.now_utc, weather)
        prepare_coexistence(
            self.world, concurrent_migrations_max=2, concurrent_incremental_syncs_max=1
        )
        self.service = self.world.tenant.migration

    def person(self, address: str, *raws: bytes, has_mailbox: bool = True) -> None:
        source = self.world.source.add(address, PASSWORD)
        for raw in raws:
            source.store.folder("INBOX").add(raw, frozenset(), self.now_utc - timedelta(days=9))
        local = address.partition("@")[0]
        if has_mailbox:
            self.world.tenant.mailboxes.open(
                CloudMailbox(
                    f"u-{local}",
                    f"g-{local}",
                    address,
                    {address, f"{local}@exampleorg.onmicrosoft.com"},
                    self.now_utc,
                )
            )

    def inbox(self, address: str) -> list[bytes]:
        mailbox = self.world.tenant.mailboxes.at_address(address)
        assert mailbox is not None
        return [message.raw for message in mailbox.store.folder("Inbox").messages.values()]

    def deliver(self, address: str, raw: bytes) -> None:
        mailbox = self.world.source.at_address(address)
        assert mailbox is not None
        mailbox.store.folder("INBOX").add(raw, frozenset(), self.now_utc)

    def begin(self, *addresses: str, name: str = "lot-1", password: str = PASSWORD) -> None:
        self.service.create_batch(name, "imap-source", rows(*addresses, password=password))
        self.service.start_batch(name)

    def pass_time(self, **units: float) -> None:
        self.now_utc += timedelta(**units)
        with self.world.kernel.look():
            pass

    def batch_status(self, name: str = "lot-1") -> BatchStatus:
        return self.service.status_of(self.service.batch_seen(name))

    def status(self, address: str) -> UserStatus:
        return self.service.user(address).status


def rows(*addresses: str, password: str = PASSWORD) -> bytes:
    lines = ["EmailAddress,UserName,Password"]
    lines += [f'"{a}","{a.partition("@")[0]}","{password}"' for a in addresses]
    return "\r\n".join(lines).encode()


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


def test_a_created_batch_does_nothing_until_it_is_started(migration: Migration) -> None:
    """Copying before the operator's word would be a surprise on the source."""
    migration.service.create_batch("lot-1", "imap-source", rows(ANNA))
    migration.pass_time(days=2)

    assert migration.batch_status() is BatchStatus.CREATED
    assert migration.inbox(ANNA) == []


def test_users_beyond_the_endpoints_slots_wait_their_turn() -> None:
    """A user that stays Queued is not a failure."""
    migration = Migration(Weather(migration_start=Span(1, 1), migration_items_per_s=0.1))
    people = [f"p{number}@example.org" for number in range(4)]
    for address in people:
        migration.person(address, LETTER)
    migration.begin(*people)
    migration.pass_time(seconds=15)

    statuses = [migration.status(address) for address in people]
    migration.pass_time(minutes=5)

    assert statuses == [UserStatus.SYNCING] * 2 + [UserStatus.QUEUED] * 2
    assert {migration.status(address) for address in people} == {UserStatus.SYNCED}


def test_a_wrong_password_fails_the_user_and_not_the_batch(migration: Migration) -> None:
    """Sign-in trouble is the most common failure; its text is what operators search for."""
    csv = rows(ANNA) + b'\r\n"boris@example.org","boris","wrong"'
    migration.service.create_batch("lot-1", "imap-source", csv)
    migration.service.start_batch("lot-1")
    migration.pass_time(minutes=10)

    assert migration.status(BORIS) is UserStatus.FAILED
    assert "We had trouble signing in to this account" in migration.service.user(BORIS).error
    assert migration.batch_status() is BatchStatus.SYNCED_WITH_ERRORS


def test_a_missing_mailbox_fails_the_user_until_it_is_there_and_the_batch_is_started_again() -> (
    None
):
    """Start resumes failures; a failed user alone gets no delta."""
    migration = Migration()
    migration.person(ANNA, LETTER, has_mailbox=False)
    migration.begin(ANNA)
    migration.pass_time(days=2)
    first = migration.service.user(ANNA)

    assert first.status is UserStatus.FAILED
    assert first.error.startswith(f'A recipient wasn\'t found for "{ANNA}" on the target')

    migration.world.tenant.mailboxes.open(CloudMailbox("u", "g", ANNA, {ANNA}, migration.now_utc))
    migration.service.start_batch("lot-1")
    migration.pass_time(minutes=10)

    assert migration.status(ANNA) is UserStatus.SYNCED


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


def test_sync_now_brings_new_mail_soon_and_moves_the_time(migration: Migration) -> None:
    """The cutover's last sync is proved by this time."""
    migration.begin(ANNA)
    migration.pass_time(minutes=10)
    before = migration.service.user(ANNA).last_synced_utc
    migration.deliver(ANNA, NAMELESS.replace(b"Two", b"Four"))
    migration.service.sync_batch_now("lot-1")
    migration.pass_time(minutes=10)
    after = migration.service.user(ANNA).last_synced_utc

    assert len(migration.inbox(ANNA)) == 3
    assert before is not None
    assert after is not None
    assert after > before


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


def test_a_mailbox_that_another_batch_holds_is_left_out_with_a_warning(
    migration: Migration,
) -> None:
    """One active batch per mailbox is the rule; the batch itself is made."""
    migration.begin(ANNA)
    routing = "anna@exampleorg.onmicrosoft.com"
    batch = migration.service.create_batch("lot-2", "imap-source", rows(routing, BORIS))

    assert "is already included in migration batch" in batch.warnings[0]
    assert [user.address for user in migration.service.books.users_of(batch)] == [BORIS]


def test_a_batch_of_held_mailboxes_only_is_refused(migration: Migration) -> None:
    """An empty batch would look like one that has nothing left to do."""
    migration.begin(ANNA)
    with pytest.raises(MigrationRefused, match="is already included in migration batch"):
        migration.service.create_batch("lot-2", "imap-source", rows(ANNA))
    with pytest.raises(BatchMissing):
        migration.batch_status("lot-2")


def test_an_idle_batch_stops_after_sixty_days_and_goes_ninety_days_later(
    migration: Migration,
) -> None:
    """A long coexistence dies quietly unless somebody acts."""
    migration.begin(ANNA)
    migration.pass_time(days=59)
    alive = migration.batch_status()
    migration.pass_time(days=2)
    stopped = migration.batch_status()
    migration.pass_time(days=91)

    assert (alive, stopped) == (BatchStatus.SYNCED, BatchStatus.STOPPED)
    with pytest.raises(BatchMissing):
        migration.batch_status()


def test_sync_now_keeps_a_batch_alive(migration: Migration) -> None:
    """The product's way to prevent the expiry."""
    migration.begin(ANNA)
    migration.pass_time(days=50)
    migration.service.sync_batch_now("lot-1")
    migration.pass_time(days=50)

    assert migration.batch_status() in {BatchStatus.SYNCED, BatchStatus.INCREMENTAL_SYNCING}


def test_a_removed_batch_is_removing_then_gone_and_its_mail_stays(migration: Migration) -> None:
    """Removal is the finish of an IMAP migration."""
    migration.begin(ANNA)
    migration.pass_time(minutes=10)
    migration.service.remove_batch("lot-1")

    assert migration.batch_status() is BatchStatus.REMOVING
    with pytest.raises(BatchBusy):
        migration.service.sync_batch_now("lot-1")

    migration.pass_time(minutes=10)

    with pytest.raises(NotFound):
        migration.service.user(ANNA)
    assert len(migration.inbox(ANNA)) == 2


def test_a_stopped_batch_copies_no_more_until_it_is_started(migration: Migration) -> None:
    """Stopping ends deltas."""
    migration.begin(ANNA)
    migration.pass_time(minutes=10)
    migration.service.stop_batch("lot-1")
    migration.deliver(ANNA, b"Subject: late\r\n\r\nLate.\r\n")
    migration.pass_time(days=3)
    while_stopped = len(migration.inbox(ANNA))
    status = migration.status(ANNA)
    migration.service.start_batch("lot-1")
    migration.pass_time(minutes=10)

    assert (while_stopped, len(migration.inbox(ANNA))) == (2, 3)
    assert status is UserStatus.INCREMENTAL_STOPPED


def test_a_password_changed_at_the_source_breaks_the_delta(migration: Migration) -> None:
    """The failure shows as IncrementalFailed, and no further delta comes by itself."""
    migration.begin(ANNA)
    migration.pass_time(minutes=10)
    source = migration.world.source.at_address(ANNA)
    assert source is not None
    source.password = "new"
    migration.pass_time(days=2)

    assert migration.status(ANNA) is UserStatus.INCREMENTAL_FAILED


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


def test_counters_are_seen_late() -> None:
    """A story that trusts the first count it reads would end early."""
    migration = Migration(Weather(counter_lag=Span(300, 300), migration_start=Span(1, 1)))
    migration.person(ANNA, LETTER)
    migration.begin(ANNA)
    migration.pass_time(minutes=2)
    early = migration.service.progress_of(migration.service.user(ANNA)).synced_count
    migration.pass_time(minutes=6)

    assert (early, migration.status(ANNA)) == (0, UserStatus.SYNCED)
    assert migration.service.progress_of(migration.service.user(ANNA)).synced_count == 1


@pytest.mark.parametrize(
    ("csv", "says"),
    [
        (b"", "empty"),
        (b"EmailAddress,UserName\r\na@x,a", "missing required columns"),
        (b"EmailAddress,UserName,Password,Cohort\r\na@x,a,b,c", "unknown columns"),
        (b"EmailAddress,UserName,Password\r\na@x,a", "2 columns"),
        (b"EmailAddress,UserName,Password\r\na@x,a,b\r\nA@x,a,b", "duplicate"),
        (b"EmailAddress,UserName,Password\r\na@x,a,\r\n", "no value for Password"),
        (b"EmailAddress;UserName;Password\r\na@x;a;b", "missing required columns"),
        ("EmailAddress,UserName,Password\r\né@x,a,b".encode("cp1252"), "Unicode"),
        (b"EmailAddress,UserName,Password\r\n", "any rows"),
    ],
)
def test_rows_are_read_by_the_services_own_rules(
    migration: Migration, csv: bytes, says: str
) -> None:
    """A batch the real service refuses must be refused here, or the product's own checks are never proved."""
    with pytest.raises(CsvRefused, match=says):
        migration.service.create_batch("lot-9", "imap-source", csv)


def test_added_rows_join_a_running_batch(migration: Migration) -> None:
    """Late mailboxes join their batch."""
    migration.begin(ANNA)
    migration.pass_time(minutes=10)
    migration.service.add_users("lot-1", rows(ANNA, BORIS))
    migration.pass_time(minutes=10)

    assert migration.status(BORIS) is UserStatus.SYNCED
    assert len(migration.inbox(ANNA)) == 2


def test_passwords_are_not_shown_by_any_value(migration: Migration) -> None:
    """A password in a representation ends in a log one day."""
    migration.begin(ANNA)

    assert PASSWORD not in repr(migration.service.user(ANNA))
    assert PASSWORD not in repr(migration.service)
