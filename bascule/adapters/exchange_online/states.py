"""The migration service's words for what a batch or a user is doing, and ours.

Completion belongs to other migration types: IMAP has none, so those words are UNEXPECTED and never "done".
Source: Microsoft Learn, "Get-MigrationBatch", "Get-MigrationUser" (parameter Status), "Manage migration batches"
and "Migration users status report".
"""

from types import MappingProxyType

from bascule.domain.sync import SyncState

BATCH_STATES = MappingProxyType(
    {
        "created": SyncState.IDLE,
        "stopped": SyncState.STOPPED,
        "waiting": SyncState.WAITING,
        "starting": SyncState.WAITING,
        "syncing": SyncState.COPYING,
        "incrementalsyncing": SyncState.DELTA,
        "synced": SyncState.READY,
        # Some users failed; those that did not are seeded. Each user's own state tells which.
        "syncedwitherrors": SyncState.READY,
        "completing": SyncState.UNEXPECTED,
        "completed": SyncState.UNEXPECTED,
        "completedwitherrors": SyncState.UNEXPECTED,
        "stopping": SyncState.STOPPED,
        "removing": SyncState.LEAVING,
        "failed": SyncState.FAILED,
        "corrupted": SyncState.FAILED,
    }
)

USER_STATES = MappingProxyType(
    {
        "queued": SyncState.WAITING,
        "validating": SyncState.WAITING,
        "provisioning": SyncState.WAITING,
        "provisionupdating": SyncState.WAITING,
        "starting": SyncState.WAITING,
        "syncing": SyncState.COPYING,
        "synced": SyncState.READY,
        "incrementalsynced": SyncState.READY,
        "incrementalsyncing": SyncState.DELTA,
        "incrementalstopped": SyncState.STOPPED,
        "stopping": SyncState.STOPPED,
        "stopped": SyncState.STOPPED,
        "failed": SyncState.FAILED,
        "incrementalfailed": SyncState.FAILED,
        "corrupted": SyncState.FAILED,
        "removing": SyncState.LEAVING,
        "completing": SyncState.UNEXPECTED,
        "completed": SyncState.UNEXPECTED,
        "completedwithwarnings": SyncState.UNEXPECTED,
        "completionsynced": SyncState.UNEXPECTED,
        "completionfailed": SyncState.UNEXPECTED,
    }
)


def batch_state(vendor_status: str) -> SyncState:
    """The state of a batch; a word never seen is UNKNOWN. Case does not count: the pages differ in it."""
    return BATCH_STATES.get(vendor_status.strip().lower(), SyncState.UNKNOWN)


def user_state(vendor_status: str) -> SyncState:
    """The state of one user in a batch; a word never seen is UNKNOWN."""
    return USER_STATES.get(vendor_status.strip().lower(), SyncState.UNKNOWN)
