"""What every Exchange must do: the gateway adapter on its wire, and the simulated tenant itself. About 4 s."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bascule.domain.codes import Code
from bascule.domain.errors import Conflict, NotYet, Refusal, Throttled, Unreachable
from bascule.domain.sync import SEEDED, MailboxRetention, SyncState, SyncUser, sync_failure_code
from bascule.ports.exchange import Exchange
from sandbox.world.cloud import CloudMailbox
from tests.contracts.tenant_doors import (
    DOORS,
    LOST,
    THROTTLED,
    UNWELL,
    Tenant,
    exchange,
    tenant,
)

ANN, BOB, NOBODY = "ann@example.org", "bob@example.org", "nobody@example.org"
PASSWORD = 'Nicht, "weitersagen"'
LETTER = (
    b"Message-ID: <1@x>\r\nSubject: one\r\nDate: Mon, 2 Feb 2026 08:00:00 +0100\r\n\r\nOne.\r\n"
)
LARGE = b"Message-ID: <2@x>\r\nSubject: my illness\r\n\r\n" + b"x" * (36 * 1024 * 1024)
# More than one page of the service's largest.
MANY = 1_005


@pytest.fixture
def school() -> Tenant:
    """A prepared tenant, Ann and Bob with mailboxes on both sides."""
    found = tenant()
    for address in (ANN, BOB):
        _move_in(found, address)
    return found


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, school: Tenant) -> Iterator[Exchange]:
    """The port, through each door."""
    with exchange(request.param, school) as found:
        yield found


def _move_in(school: Tenant, address: str) -> None:
    local, world = address.partition("@")[0], school.world
    source = world.source.add(address, PASSWORD)
    source.store.folder("INBOX").add(LETTER, frozenset(), school.clock.now_utc)
    addresses = {address, world.naming.routing_address(address)}
    world.tenant.mailboxes.open(
        CloudMailbox(f"u-{local}", f"g-{local}", address, addresses, school.clock.now_utc)
    )


def _csv(*addresses: str, password: str = PASSWORD) -> bytes:
    quoted = password.replace('"', '""')
    lines = [f'"{each}","{each.partition("@")[0]}","{quoted}"' for each in addresses]
    return "\r\n".join(["EmailAddress,UserName,Password", *lines]).encode()


def _user(door: Exchange, address: str, batch: str = "lot-1") -> SyncUser:
    return next(each for each in door.sync_users(batch) if each.address == address)


def _refused(code: Code) -> "pytest.RaisesExc[Refusal]":
    return pytest.raises(Refusal, check=lambda no: no.code is code)


def test_addresses_are_corrected_and_nothing_is_taken_away(door: Exchange, school: Tenant) -> None:
    """Replies come from the primary one, Postfix forwards to another, and old ones may be printed on cards."""
    mailbox = school.world.tenant.recipients.mailbox(ANN)
    mailbox.primary_address, mailbox.addresses = "a@example.org", {"a@example.org", ANN}

    for _ in range(2):
        door.correct_addresses(ANN, primary=ANN, added=("ann@exampleorg.onmicrosoft.com",))
    found = door.find_mailbox(ANN)

    assert found is not None
    assert found.address == ANN
    assert set(found.addresses) == {ANN, "a@example.org", "ann@exampleorg.onmicrosoft.com"}


def test_an_address_that_somebody_has_is_not_given_to_another(door: Exchange) -> None:
    """Mail of one person would reach the other."""
    with pytest.raises(Refusal) as no:
        door.correct_addresses(ANN, added=(BOB,))

    assert no.value.code is Code.ADDRESS_TAKEN


def test_a_mailbox_is_found_by_any_of_its_addresses(door: Exchange, school: Tenant) -> None:
    """Its primary address is compared with the source's before mail is turned to it."""
    routing = school.plan.routing_domain
    found = door.find_mailbox(f"ANN@{routing}")

    assert found == door.find_mailbox(ANN)
    assert found is not None
    assert found.address == ANN
    assert set(found.addresses) == {ANN, f"ann@{routing}"}
    assert found.recipient_type == "UserMailbox"
    assert door.find_mailbox(NOBODY) is None
    assert door.find_mailbox(school.plan.coexistence_group) is None


def test_a_mailbox_shows_what_retention_does_with_it(door: Exchange, school: Tenant) -> None:
    """Mail that moves into an archive while it is copied is copied again."""
    recipients = school.world.tenant.recipients
    guid = recipients.mailbox(ANN).exchange_guid
    fresh = door.find_mailbox(ANN)
    assert fresh is not None
    assert fresh.retention == MailboxRetention(
        has_archive=False, policy="Default MRM Policy", is_suspended=False
    )

    for change, wanted in (
        ({"has_archive": True}, MailboxRetention(True, "Default MRM Policy", False)),
        ({"is_retention_off": True}, MailboxRetention(True, "Default MRM Policy", True)),
        ({"retention_hold": True, "retention_policy": ""}, MailboxRetention(True, "", True)),
    ):
        recipients.change_settings(guid, replace(recipients.settings(guid), **change))
        school.pass_time(hours=1)
        found = door.find_mailbox(ANN)
        assert found is not None
        assert found.retention == wanted


def test_members_come_and_go_and_twice_is_once(door: Exchange) -> None:
    """Steps are repeated after lost answers; the read-back is what counts."""
    door.join_coexistence(ANN)
    door.join_coexistence(ANN)
    door.join_coexistence(BOB)
    assert door.coexistence_members() == {ANN, BOB}

    door.leave_coexistence(ANN)
    door.leave_coexistence(ANN)
    assert door.coexistence_members() == {BOB}


def test_a_recipient_nobody_knows_joins_not_yet_and_leaves_at_once(door: Exchange) -> None:
    """A new mailbox reaches the group's server late; one that is nowhere is in no group."""
    with pytest.raises(NotYet):
        door.join_coexistence(NOBODY)

    door.leave_coexistence(NOBODY)

    assert door.coexistence_members() == frozenset()


def test_a_group_that_is_gone_is_never_an_empty_one(door: Exchange, school: Tenant) -> None:
    """The rule that names it does nothing; every mailbox would look detached."""
    school.world.tenant.groups.remove(school.plan.coexistence_group)

    with _refused(Code.GROUP_MISSING):
        door.coexistence_members()
    with _refused(Code.GROUP_MISSING):
        door.join_coexistence(ANN)
    with _refused(Code.GROUP_MISSING):
        door.leave_coexistence(ANN)


def test_a_batch_starts_at_once_copies_and_is_ready(door: Exchange, school: Tenant) -> None:
    """The plain path of every migration."""
    assert door.find_sync_batch("lot-1") is None
    door.create_sync_batch("lot-1", _csv(ANN, BOB))
    begun = door.find_sync_batch("lot-1")
    school.pass_time(hours=1)
    done = door.find_sync_batch("lot-1")
    user = _user(door, ANN)

    assert begun is not None
    assert begun.state in {SyncState.WAITING, SyncState.COPYING}
    assert done is not None
    assert (done.name, done.state, done.user_count) == ("lot-1", SyncState.READY, 2)
    assert done.last_synced_utc is not None
    assert (user.state, user.synced_count, user.skipped_count) == (SyncState.READY, 1, 0)
    assert (user.error, user.last_success_utc is None) == ("", False)


def test_a_delta_asked_for_is_seen_by_its_later_time(door: Exchange, school: Tenant) -> None:
    """The final sync is proven by this instant and by nothing else."""
    door.create_sync_batch("lot-1", _csv(ANN))
    school.pass_time(hours=1)
    before = _user(door, ANN).last_success_utc

    door.sync_now("lot-1")
    school.pass_time(hours=1)
    after = _user(door, ANN).last_success_utc

    assert before is not None
    assert after is not None
    assert after - before >= timedelta(seconds=1)
    assert _user(door, ANN).state in SEEDED


def test_a_batch_of_a_taken_name_is_a_conflict(door: Exchange) -> None:
    """It may be our own, made by a call whose answer was lost."""
    door.create_sync_batch("lot-1", _csv(ANN))

    with pytest.raises(Conflict):
        door.create_sync_batch("lot-1", _csv(BOB))


def test_a_lost_answer_to_a_new_batch_leaves_one_to_be_found(
    door: Exchange, school: Tenant
) -> None:
    """The caller reads back before it tries again."""
    school.fails_once("exchange.New-MigrationBatch", LOST)

    with pytest.raises(Unreachable):
        door.create_sync_batch("lot-1", _csv(ANN))

    assert door.find_sync_batch("lot-1") is not None


def test_a_missing_endpoint_is_named(school: Tenant) -> None:
    """A typing error in the plan, or an endpoint somebody removed."""
    elsewhere = replace(school, plan=replace(school.plan, migration_endpoint="nobody-made-it"))
    for name in DOORS:
        with exchange(name, elsewhere) as door, _refused(Code.ENDPOINT_MISSING):
            door.create_sync_batch("lot-1", _csv(ANN))


def test_a_csv_that_is_refused_is_not_quoted(door: Exchange) -> None:
    """The reason ends in the ledger; passwords must not."""
    bad = b"EmailAddress,UserName,Password,Surprise\r\nann@example.org,ann,hunter2,x\r\n"

    with _refused(Code.REQUEST_REJECTED) as no:
        door.create_sync_batch("lot-1", bad)

    assert "hunter2" not in f"{no.value} {no.value!r} {no.value.__cause__!r}"


def test_a_wrong_password_and_a_missing_recipient_fail_with_their_reasons(
    door: Exchange, school: Tenant
) -> None:
    """The operator acts on the reason."""
    school.world.source.add(NOBODY, PASSWORD)
    door.create_sync_batch("lot-1", _csv(ANN, password="wrong"))
    door.create_sync_batch("lot-2", _csv(NOBODY))
    school.pass_time(hours=1)

    ann, nobody = _user(door, ANN), _user(door, NOBODY, "lot-2")

    assert ann.state is nobody.state is SyncState.FAILED
    assert sync_failure_code(ann.error) is Code.SYNC_LOGIN_REFUSED
    assert sync_failure_code(nobody.error) is Code.SYNC_RECIPIENT_MISSING


def test_starting_again_takes_up_failed_users(door: Exchange, school: Tenant) -> None:
    """The operator opens the mailbox and asks for another attempt."""
    door.create_sync_batch("lot-1", _csv(ANN, NOBODY))
    school.pass_time(hours=1)
    assert _user(door, NOBODY).state is SyncState.FAILED

    _move_in(school, NOBODY)
    door.start_sync_batch("lot-1")
    school.pass_time(hours=1)

    assert _user(door, NOBODY).state is SyncState.READY


def test_what_was_not_copied_is_listed_without_its_subject(door: Exchange, school: Tenant) -> None:
    """The certificate names folder, reason and date; subjects are private."""
    box = school.world.source.at_address(ANN)
    assert box is not None
    box.store.folder("INBOX").add(LARGE, frozenset(), school.clock.now_utc)
    door.create_sync_batch("lot-1", _csv(ANN))
    school.pass_time(hours=1)

    (item,) = door.skipped_items(ANN)

    assert item.folder
    assert item.reason
    assert "illness" not in repr(item)
    assert _user(door, ANN).skipped_count == 1
    assert door.skipped_items(BOB) == ()


def test_a_user_is_found_in_whichever_batch_has_it(door: Exchange) -> None:
    """Only who is in a batch of ours may be taken out of it."""
    door.create_sync_batch("pilote", _csv(ANN))
    found = door.find_sync_user(ANN)

    assert found is not None
    assert (found.address, found.sync_batch) == (ANN, "pilote")
    assert door.find_sync_user(BOB) is None


def test_a_user_leaves_its_batch_and_the_others_stay(door: Exchange, school: Tenant) -> None:
    """A mailbox that is set aside must not hold up its batch, and is free for a later one."""
    door.create_sync_batch("lot-1", _csv(ANN, BOB))
    school.pass_time(hours=1)

    door.remove_sync_user(ANN)
    door.remove_sync_user(ANN)
    school.pass_time(hours=1)
    door.remove_sync_user(ANN)

    door.create_sync_batch("lot-2", _csv(ANN))

    assert [each.address for each in door.sync_users("lot-1")] == [BOB]
    assert [each.address for each in door.sync_users("lot-2")] == [ANN]


def test_a_removed_batch_is_gone_and_removing_it_again_is_success(
    door: Exchange, school: Tenant
) -> None:
    """Steps are repeated; between two removals the batch may be gone or on its way out."""
    door.create_sync_batch("lot-1", _csv(ANN))
    school.pass_time(hours=1)

    door.remove_sync_batch("lot-1")
    leaving = door.find_sync_batch("lot-1")
    door.remove_sync_batch("lot-1")
    school.pass_time(hours=1)
    door.remove_sync_batch("lot-1")

    assert leaving is not None
    assert leaving.state is SyncState.LEAVING
    assert door.find_sync_batch("lot-1") is None
    assert door.sync_users("lot-1") == ()


def test_users_of_other_batches_are_not_listed(door: Exchange) -> None:
    """A batch is judged by its own users."""
    door.create_sync_batch("lot-1", _csv(ANN))
    door.create_sync_batch("lot-2", _csv(BOB))

    assert [each.address for each in door.sync_users("lot-1")] == [ANN]
    assert door.sync_users("lot-3") == ()


def test_every_user_of_a_large_batch_is_listed(door: Exchange) -> None:
    """A user on the second page must not look lost."""
    addresses = [f"pupil{number:04}@example.org" for number in range(MANY)]
    door.create_sync_batch("lot-1", _csv(*addresses))

    assert sorted(each.address for each in door.sync_users("lot-1")) == addresses


@pytest.mark.parametrize("layer", ["the app's role", "the management role"])
def test_both_layers_of_permission_are_named_when_missing(
    door: Exchange, school: Tenant, layer: str
) -> None:
    """Half the set-up is the usual set-up."""
    held = school.world.tenant
    (held.app.roles if layer == "the app's role" else held.exchange_roles).clear()

    with _refused(Code.PERMISSION_MISSING):
        door.find_mailbox(ANN)
    with _refused(Code.PERMISSION_MISSING):
        door.sync_users("lot-1")


def test_throttling_and_failures_are_told_apart_in_every_shape(
    door: Exchange, school: Tenant
) -> None:
    """The service has several ways to say each; all are drawn here in turn."""
    for failure, expected in ((THROTTLED, Throttled), (UNWELL, Unreachable), (LOST, Unreachable)):
        for _ in range(6):
            school.fails_once("exchange.Get-Mailbox", failure)
            with pytest.raises(expected):
                door.find_mailbox(ANN)

    assert door.find_mailbox(ANN) is not None
