"""What every Exchange promises: bound to the world, and by the real adapter over HTTP."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from bascule.domain.codes import Code
from bascule.domain.errors import Conflict, NotYet, Refusal, Throttled, Unreachable
from bascule.domain.sync import SyncState, sync_failure_code
from sandbox.world.management_roles import MIGRATION
from sandbox.world.misfortune import Failure, FailureKind
from sandbox.world.weather import CALM, Span, Weather
from tests.contracts.exchange_doors import (
    ANNA,
    BORIS,
    ENDPOINT,
    PASSWORD,
    SeenExchange,
    bound_exchange,
    csv_of,
    gateway_exchange,
)

Opener = Callable[[Weather], AbstractContextManager[SeenExchange]]


@pytest.fixture(params=[bound_exchange, gateway_exchange], ids=["bound", "gateway"])
def opener(request: pytest.FixtureRequest) -> Opener:
    """How Exchange is reached."""
    chosen: Opener = request.param
    return chosen


@pytest.fixture
def seen(opener: Opener) -> Iterator[SeenExchange]:
    """A prepared tenant in calm weather, with Anna's and Boris's mailboxes."""
    with opener(CALM) as made:
        made.add_person(ANNA)
        made.add_person(BORIS)
        yield made


def refusal_code(act: Callable[[], object]) -> Code:
    """Why the port refuses."""
    with pytest.raises(Refusal) as refusal:
        act()
    return refusal.value.code


# -- recipients and group -------------------------------------------------------------------------


def test_a_mailbox_is_found_by_any_of_its_addresses(seen: SeenExchange) -> None:
    """The read-back of provisioning compares the primary address."""
    found = seen.exchange.find_mailbox("anna@exampleorg.onmicrosoft.com")

    assert found is not None
    assert found.address == ANNA
    assert set(found.addresses) == {ANNA, "anna@exampleorg.onmicrosoft.com"}
    assert seen.exchange.find_mailbox("nobody@example.org") is None


def test_joining_and_leaving_answer_the_same_when_repeated(seen: SeenExchange) -> None:
    """A step that is repeated after a lost reply must not set a mailbox aside."""
    seen.exchange.join_coexistence(ANNA)
    seen.exchange.join_coexistence(ANNA)
    inside = seen.exchange.coexistence_members()
    seen.exchange.leave_coexistence(ANNA)
    seen.exchange.leave_coexistence(ANNA)

    assert inside == {ANNA}
    assert seen.exchange.coexistence_members() == frozenset()


def test_a_missing_group_is_named(seen: SeenExchange) -> None:
    """With the group gone the rule does nothing, and mail for everybody goes astray."""
    seen.world.tenant.groups.remove("utilisateurs.non.migres")

    assert refusal_code(seen.exchange.coexistence_members) is Code.GROUP_MISSING
    assert refusal_code(lambda: seen.exchange.join_coexistence(ANNA)) is Code.GROUP_MISSING
    assert refusal_code(lambda: seen.exchange.leave_coexistence(ANNA)) is Code.GROUP_MISSING


def test_a_recipient_that_is_not_known_yet_is_worth_another_look(seen: SeenExchange) -> None:
    """A mailbox just opened reaches the group's server later."""
    with pytest.raises(NotYet):
        seen.exchange.join_coexistence("new@example.org")


def test_members_are_read_late(opener: Opener) -> None:
    """A read-back may be older than the write it is to prove."""
    with opener(Weather(exchange_replication=Span(60, 60))) as seen:
        seen.add_person(ANNA)
        seen.exchange.join_coexistence(ANNA)
        early = seen.exchange.coexistence_members()
        seen.pass_minutes(2)

        assert early == frozenset()
        assert seen.exchange.coexistence_members() == {ANNA}


# -- batches --------------------------------------------------------------------------------------


def test_a_batch_lives_from_creation_to_removal(seen: SeenExchange) -> None:
    """The states that the product waits for, in their order."""
    seen.exchange.create_sync_batch("lot-1", csv_of(ANNA, BORIS))
    created = seen.exchange.find_sync_batch("lot-1")
    seen.pass_minutes()
    ready = seen.exchange.find_sync_batch("lot-1")
    users = seen.exchange.sync_users("lot-1")
    seen.exchange.remove_sync_batch("lot-1")
    leaving = seen.exchange.find_sync_batch("lot-1")
    seen.pass_minutes()

    assert created is not None
    assert ready is not None
    assert leaving is not None
    assert (created.state, ready.state, leaving.state) == (
        SyncState.WAITING,
        SyncState.READY,
        SyncState.LEAVING,
    )
    assert ready.user_count == 2
    assert {(u.address, u.state, u.synced_count, u.error) for u in users} == {
        (ANNA, SyncState.READY, 1, ""),
        (BORIS, SyncState.READY, 1, ""),
    }
    assert seen.exchange.find_sync_batch("lot-1") is None
    seen.exchange.remove_sync_batch("lot-1")
    assert seen.exchange.sync_users("lot-1") == ()


def test_a_delta_moves_the_time_of_the_last_success(seen: SeenExchange) -> None:
    """The final sync is proven by this time."""
    seen.exchange.create_sync_batch("lot-1", csv_of(ANNA))
    seen.pass_minutes()
    before = seen.user("lot-1", ANNA).last_success_utc
    asked_utc = seen.clock()
    seen.exchange.sync_now("lot-1")
    seen.pass_minutes()
    after = seen.user("lot-1", ANNA).last_success_utc

    assert before is not None
    assert after is not None
    assert before < asked_utc < after


def test_a_failed_user_says_why_and_is_taken_up_again_by_a_start(seen: SeenExchange) -> None:
    """The reason code of a mailbox comes from this text."""
    seen.exchange.create_sync_batch("lot-1", csv_of(ANNA, password="wrong"))
    seen.pass_minutes()
    failed = seen.user("lot-1", ANNA)
    source = seen.world.source.at_address(ANNA)
    assert source is not None
    source.password = "wrong"
    seen.exchange.start_sync_batch("lot-1")
    seen.pass_minutes()

    assert failed.state is SyncState.FAILED
    assert sync_failure_code(failed.error) is Code.SYNC_LOGIN_REFUSED
    assert seen.user("lot-1", ANNA).state is SyncState.READY


def test_refused_creations_are_told_apart(seen: SeenExchange) -> None:
    """Each has another remedy."""
    seen.exchange.create_sync_batch("lot-1", csv_of(ANNA))
    with pytest.raises(Conflict):
        seen.exchange.create_sync_batch("lot-1", csv_of(BORIS))

    held = refusal_code(lambda: seen.exchange.create_sync_batch("lot-2", csv_of(ANNA)))
    garbled = refusal_code(lambda: seen.exchange.create_sync_batch("lot-3", b"Address\r\nx"))

    assert held is Code.SYNC_IN_OTHER_BATCH
    assert garbled is Code.REQUEST_REJECTED


def test_a_missing_endpoint_is_named(seen: SeenExchange) -> None:
    """An endpoint taken away by hand stops every batch to come."""
    seen.world.tenant.migration.endpoints.remove(ENDPOINT)

    assert (
        refusal_code(lambda: seen.exchange.create_sync_batch("lot-1", csv_of(ANNA)))
        is Code.ENDPOINT_MISSING
    )


def test_passwords_enter_no_error(seen: SeenExchange) -> None:
    """Whatever the service quotes, the CSV stays out of errors and so out of logs."""
    with pytest.raises(Refusal) as refusal:
        seen.exchange.create_sync_batch("lot-1", csv_of(ANNA, ANNA))

    chain = f"{refusal.value} {refusal.value.__cause__!r}"
    assert PASSWORD not in chain
    assert ANNA not in chain


def test_one_user_leaves_its_batch(seen: SeenExchange) -> None:
    """A mailbox set aside must be free for a later batch."""
    seen.exchange.create_sync_batch("lot-1", csv_of(ANNA, BORIS))
    seen.pass_minutes()
    seen.exchange.remove_sync_user(ANNA)
    seen.pass_minutes()
    seen.exchange.remove_sync_user(ANNA)
    seen.exchange.create_sync_batch("lot-2", csv_of(ANNA))

    assert [user.address for user in seen.exchange.sync_users("lot-1")] == [BORIS]


def test_skipped_items_come_with_folder_and_reason_and_without_subject(opener: Opener) -> None:
    """The certificate names them; a subject would put private matters into reports."""
    with opener(Weather(migration_message_max_bytes=100)) as seen:
        seen.add_person(ANNA, b"Subject: private matter\r\n\r\n" + b"x" * 200)
        seen.exchange.create_sync_batch("lot-1", csv_of(ANNA))
        seen.pass_minutes()
        items = seen.exchange.skipped_items(ANNA)

        assert [(item.folder, item.reason) for item in items] == [("Inbox", "LargeItem")]
        assert "private" not in repr(items)


def test_a_thousand_users_and_more_come_whole(opener: Opener) -> None:
    """A list cut at the first page would leave mailboxes waiting for ever."""
    with opener(CALM) as seen:
        people = [f"p{number:04d}@example.org" for number in range(1_100)]
        seen.exchange.create_sync_batch("lot-1", csv_of(*people))

        assert {user.address for user in seen.exchange.sync_users("lot-1")} == set(people)


# -- weather --------------------------------------------------------------------------------------


def test_throttling_says_how_long(seen: SeenExchange) -> None:
    """The wait becomes a durable timer."""
    throttle = Failure(FailureKind.THROTTLED, 429, 7)
    seen.world.misfortune.provoke("exchange.Get-MigrationUser", throttle)
    with pytest.raises(Throttled) as throttled:
        seen.exchange.sync_users("lot-1")

    assert throttled.value.wait_s == 7


def test_a_transient_failure_is_unreachable_in_every_form(seen: SeenExchange) -> None:
    """Some come as 400; taken for a refusal they would set a mailbox aside."""
    for _ in range(6):
        seen.world.misfortune.provoke("exchange.Get-Mailbox", Failure(FailureKind.TRANSIENT, 503))
        with pytest.raises(Unreachable):
            seen.exchange.find_mailbox(ANNA)


def test_a_lost_reply_is_unreachable_and_its_effect_is_there(seen: SeenExchange) -> None:
    """The caller reads back before it repeats."""
    seen.world.misfortune.provoke(
        "exchange.New-MigrationBatch", Failure(FailureKind.LOST_REPLY, 504)
    )
    with pytest.raises(Unreachable):
        seen.exchange.create_sync_batch("lot-1", csv_of(ANNA))

    assert seen.exchange.find_sync_batch("lot-1") is not None


def test_odd_error_shapes_change_nothing(opener: Opener) -> None:
    """The same refusal comes packed in three ways."""
    with opener(Weather(exchange_odd_error_probability=1.0)) as seen:
        seen.add_person(ANNA)
        seen.exchange.join_coexistence(ANNA)
        seen.exchange.join_coexistence(ANNA)

        assert seen.exchange.find_mailbox("nobody@example.org") is None
        assert seen.exchange.coexistence_members() == {ANNA}


def test_a_missing_role_is_a_missing_permission(seen: SeenExchange) -> None:
    """Only an administrator can put it right."""
    seen.world.tenant.exchange_roles.discard(MIGRATION)

    assert refusal_code(lambda: seen.exchange.find_sync_batch("lot-1")) is Code.PERMISSION_MISSING
