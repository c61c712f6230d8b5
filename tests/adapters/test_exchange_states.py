"""Every state the vendor documents has a meaning here, and an unknown one is never "done"."""

import pytest

from bascule.adapters.exchange_online.states import batch_state, user_state
from bascule.domain.sync import SEEDED, SyncState

# Microsoft Learn, "Get-MigrationBatch" parameter Status, and "Manage migration batches".
BATCH_STATUSES = [
    "Created",
    "Stopped",
    "Waiting",
    "Starting",
    "Syncing",
    "IncrementalSyncing",
    "Synced",
    "SyncedwithErrors",
    "Completing",
    "Completed",
    "CompletedWithErrors",
    "Stopping",
    "Removing",
    "Failed",
    "Corrupted",
]
# Microsoft Learn, "Get-MigrationUser" parameter Status, and "Migration users status report".
USER_STATUSES = [
    "Queued",
    "Validating",
    "Provisioning",
    "ProvisionUpdating",
    "Syncing",
    "Synced",
    "IncrementalSyncing",
    "IncrementalSynced",
    "IncrementalStopped",
    "Stopping",
    "Stopped",
    "Starting",
    "Failed",
    "IncrementalFailed",
    "Completing",
    "Completed",
    "CompletedWithWarnings",
    "CompletionSynced",
    "CompletionFailed",
    "Corrupted",
    "Removing",
]


@pytest.mark.parametrize("status", BATCH_STATUSES)
def test_each_documented_batch_status_is_known_in_any_case(status: str) -> None:
    """The pages themselves differ in case; an unmapped word would stall a batch."""
    assert batch_state(status) is not SyncState.UNKNOWN
    assert batch_state(status.upper()) is batch_state(status)


@pytest.mark.parametrize("status", USER_STATUSES)
def test_each_documented_user_status_is_known_in_any_case(status: str) -> None:
    """An unmapped word would stall a mailbox."""
    assert user_state(status) is not SyncState.UNKNOWN
    assert user_state(status.lower()) is user_state(status)


@pytest.mark.parametrize("status", [s for s in BATCH_STATUSES + USER_STATUSES if "Complet" in s])
def test_completion_is_never_taken_for_done(status: str) -> None:
    """IMAP migrations have no completion: a batch that says so was not made by us."""
    states = {batch_state(status), user_state(status)}

    assert states <= {SyncState.UNEXPECTED, SyncState.UNKNOWN}
    assert SyncState.UNEXPECTED in states


def test_only_synced_users_count_as_seeded() -> None:
    """A cutover of a user whose first copy has not ended loses the mail still to come."""
    seeded = {status for status in USER_STATUSES if user_state(status) in SEEDED}

    assert seeded == {"Synced", "IncrementalSyncing", "IncrementalSynced"}


@pytest.mark.parametrize("status", ["", "Teleporting", "SyncedButNotReally"])
def test_a_new_word_is_unknown(status: str) -> None:
    """No false green: what we do not understand is not done."""
    assert batch_state(status) is SyncState.UNKNOWN
    assert user_state(status) is SyncState.UNKNOWN
