"""Users of migration batches as the adapter reads them: each for what it is, and nobody else's."""

from datetime import UTC, datetime

import pytest

from bascule.domain.errors import Unreachable
from bascule.domain.sync import SkippedItem, SyncState
from tests.adapters.exchange_desk import ANN, USER, Desk, not_found, rows


def test_users_of_other_batches_are_left_out() -> None:
    """For a batch that is gone the service may list the users of all of them."""
    desk = Desk(rows(USER, USER | {"BatchId": "other", "EmailAddress": "bob@contoso.com"}))

    (user,) = desk.exchange.sync_users("pilot")

    assert user.address == ANN
    assert user.state is SyncState.READY
    assert (user.synced_count, user.skipped_count) == (1200, 2)
    assert user.last_success_utc == datetime(2026, 3, 1, 6, tzinfo=UTC)
    assert desk.parameters(0) == {"BatchId": "pilot", "ResultSize": "Unlimited"}


def test_users_are_not_found_only_when_their_batch_is_not_found_either() -> None:
    """Believed too early, it sets every mailbox of the batch aside, as if another batch held them."""
    gone = Desk(not_found("pilot"), not_found("pilot"))
    there = Desk(not_found("pilot"), rows({"Identity": "pilot", "Status": "Synced"}))

    assert gone.exchange.sync_users("pilot") == ()
    with pytest.raises(Unreachable):
        there.exchange.sync_users("pilot")
    assert there.cmdlets == ["Get-MigrationUser", "Get-MigrationBatch"]


def test_a_user_that_never_synced_has_nulls() -> None:
    """Null counters and dates are ordinary at the start."""
    fresh = USER | {
        "Status": "Failed",
        "SyncedItemCount": None,
        "SkippedItemCount": None,
        "LastSuccessfulSyncTime": None,
        "ErrorSummary": "We had trouble signing in to this account.",
    }
    (user,) = Desk(rows(fresh)).exchange.sync_users("pilot")

    assert (user.synced_count, user.last_success_utc, user.state) == (0, None, SyncState.FAILED)
    assert user.error == "We had trouble signing in to this account."


def test_a_user_is_found_with_the_batch_that_has_it() -> None:
    """For an address that no batch has the service may answer with anybody; who is removed next would be them."""
    desk = Desk(rows(USER), rows(USER | {"Identity": "bob@contoso.com"}), not_found(ANN))

    found = desk.exchange.find_sync_user(ANN)

    assert found is not None
    assert (found.address, found.sync_batch) == (ANN, "pilot")
    assert desk.exchange.find_sync_user(ANN) is None
    assert desk.exchange.find_sync_user(ANN) is None
    assert desk.parameters(0) == {"Identity": ANN}


def test_skipped_items_come_without_subjects() -> None:
    """Subjects are private; the certificate names folder, reason and date."""
    item = {
        "Subject": "my illness",
        "Sender": "doctor@example.org",
        "FolderName": "Inbox",
        "Kind": "LargeItem",
        "DateSent": "2020-05-01T00:00:00Z",
    }
    desk = Desk(rows({"Identity": ANN, "SkippedItems": [item]}))

    found = desk.exchange.skipped_items(ANN)

    assert found == (SkippedItem("Inbox", "LargeItem", datetime(2020, 5, 1, tzinfo=UTC)),)
    assert desk.parameters(0) == {"Identity": ANN, "IncludeSkippedItems": True}
