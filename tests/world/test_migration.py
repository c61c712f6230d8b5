"""The migration service: batches and users, their states, slots and expiry."""

import pytest

from sandbox.world.cloud import CloudMailbox
from sandbox.world.exchange_refusals import (
    BatchBusy,
    BatchMissing,
    CsvRefused,
    MigrationRefused,
    NotFound,
)
from sandbox.world.migration_states import BatchStatus, UserStatus
from sandbox.world.weather import Span, Weather
from tests.world.migration_desk import ANNA, BORIS, LETTER, NAMELESS, PASSWORD, Migration, rows


@pytest.fixture
def migration() -> Migration:
    made = Migration()
    made.person(ANNA, LETTER, NAMELESS)
    made.person(BORIS, LETTER)
    return made


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
