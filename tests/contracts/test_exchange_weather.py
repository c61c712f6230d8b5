"""Exchange in the weathers that the vendor's silence allows: bound to the world, and by the real adapter over HTTP."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.sync import SyncState
from sandbox.world.weather import CALM, Span, Weather
from tests.contracts.exchange_doors import (
    ANNA,
    BORIS,
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


def test_members_are_read_late(opener: Opener) -> None:
    """A read-back may be older than the write it is to prove."""
    with opener(Weather(exchange_replication=Span(60, 60))) as seen:
        seen.add_person(ANNA)
        seen.exchange.join_coexistence(ANNA)
        early = seen.exchange.coexistence_members()
        seen.pass_minutes(2)

        assert early == frozenset()
        assert seen.exchange.coexistence_members() == {ANNA}


def test_a_new_batch_is_seen_late(opener: Opener) -> None:
    """Not found right after the creation does not mean not created: a second creation is a conflict."""
    with opener(Weather(exchange_replication=Span(60, 60))) as seen:
        seen.add_person(ANNA)
        seen.exchange.create_sync_batch("lot-1", csv_of(ANNA))
        early = seen.exchange.find_sync_batch("lot-1")
        seen.pass_minutes(2)

        assert early is None
        assert seen.exchange.find_sync_batch("lot-1") is not None


def test_odd_error_shapes_change_nothing(opener: Opener) -> None:
    """The same refusal comes packed in three ways."""
    with opener(Weather(exchange_odd_error_probability=1.0)) as seen:
        seen.add_person(ANNA)
        seen.exchange.join_coexistence(ANNA)
        seen.exchange.join_coexistence(ANNA)

        assert seen.exchange.find_mailbox("nobody@example.org") is None
        assert seen.exchange.coexistence_members() == {ANNA}


def test_a_mailbox_held_by_another_batch_is_left_out_or_refuses_the_batch(opener: Opener) -> None:
    """The product must notice both: a creation refused, and a user that never appears."""
    with (
        opener(CALM) as lenient,
        opener(Weather(batches_refused_for_held_mailboxes=True)) as strict,
    ):
        for seen in (lenient, strict):
            seen.add_person(ANNA)
            seen.add_person(BORIS)
            seen.exchange.create_sync_batch("lot-1", csv_of(ANNA))
        lenient.exchange.create_sync_batch("lot-2", csv_of(ANNA, BORIS))
        with pytest.raises(Refusal) as refusal:
            strict.exchange.create_sync_batch("lot-2", csv_of(ANNA, BORIS))

        assert refusal.value.code is Code.SYNC_IN_OTHER_BATCH
        assert [user.address for user in lenient.exchange.sync_users("lot-2")] == [BORIS]


def test_a_delta_may_end_in_another_word(opener: Opener) -> None:
    """Both words mean that the copy is up to date."""
    with opener(Weather(delta_ends_as_incremental_synced=True)) as seen:
        seen.add_person(ANNA)
        seen.exchange.create_sync_batch("lot-1", csv_of(ANNA))
        seen.pass_minutes()
        seen.exchange.sync_now("lot-1")
        seen.pass_minutes()
        user = seen.user("lot-1", ANNA)

        assert (user.state, user.vendor_status) == (SyncState.READY, "IncrementalSynced")


def test_a_delta_that_runs_may_swallow_the_wish_for_another(opener: Opener) -> None:
    """Mail that came after the running delta had looked must not be believed copied."""
    slow = Weather(
        sync_now_absorbed_by_running_delta=True,
        sync_now_start=Span(1, 1),
        migration_items_per_s=0.01,
    )
    with opener(slow) as seen:
        seen.add_person(ANNA)
        source = seen.world.source.at_address(ANNA)
        assert source is not None
        inbox = source.store.folder("INBOX")
        seen.exchange.create_sync_batch("lot-1", csv_of(ANNA))
        seen.pass_minutes()
        inbox.add(b"Subject: two\r\n\r\n.", frozenset(), seen.clock())
        seen.exchange.sync_now("lot-1")
        seen.pass_minutes(1)
        inbox.add(b"Subject: three\r\n\r\n.", frozenset(), seen.clock())
        seen.exchange.sync_now("lot-1")
        seen.pass_minutes(60)

        assert seen.user("lot-1", ANNA).synced_count == 2
