"""The values of the migration service: endpoints, batches, users, their states and counters.

    user:   Queued -> Validating -> Provisioning -> Queued -> Syncing -> Synced <-> IncrementalSyncing
                          |              |                      |                        |
                          +--------------+--- Failed -----------+          IncrementalFailed
            any of them -> Stopping -> Stopped;  IncrementalStopped when the first copy was done

A batch has few states of its own (created, starting, stopping, removing); the others follow from its users.

Source: Microsoft Learn, "Manage migration batches in Exchange Online", "Migration users status report".
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class UserStatus(StrEnum):
    """The status of one user of a batch, as `Get-MigrationUser` says it."""

    QUEUED = "Queued"
    VALIDATING = "Validating"
    PROVISIONING = "Provisioning"
    SYNCING = "Syncing"
    SYNCED = "Synced"
    INCREMENTAL_SYNCING = "IncrementalSyncing"
    INCREMENTAL_SYNCED = "IncrementalSynced"
    INCREMENTAL_FAILED = "IncrementalFailed"
    INCREMENTAL_STOPPED = "IncrementalStopped"
    STARTING = "Starting"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    FAILED = "Failed"
    REMOVING = "Removing"


class BatchStatus(StrEnum):
    """The status of a batch, as `Get-MigrationBatch` says it."""

    CREATED = "Created"
    WAITING = "Waiting"
    STARTING = "Starting"
    SYNCING = "Syncing"
    INCREMENTAL_SYNCING = "IncrementalSyncing"
    SYNCED = "Synced"
    SYNCED_WITH_ERRORS = "SyncedWithErrors"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    FAILED = "Failed"
    REMOVING = "Removing"


class Security(StrEnum):
    """How the service speaks to the source."""

    NONE = "None"
    SSL = "Ssl"
    TLS = "Tls"


SEEDED = frozenset({UserStatus.SYNCED, UserStatus.INCREMENTAL_SYNCED})
FAILURES = frozenset({UserStatus.FAILED, UserStatus.INCREMENTAL_FAILED})
HALTED = frozenset({UserStatus.STOPPED, UserStatus.INCREMENTAL_STOPPED})
WORKING = frozenset(
    {
        UserStatus.QUEUED,
        UserStatus.VALIDATING,
        UserStatus.PROVISIONING,
        UserStatus.SYNCING,
        UserStatus.STARTING,
    }
)

# Which of the five summary words stands for a status. Source: Microsoft Learn, "Get-MigrationUser", -StatusSummary.
_SUMMARY = {
    **dict.fromkeys(SEEDED | {UserStatus.INCREMENTAL_SYNCING}, "Synced"),
    **dict.fromkeys(FAILURES, "Failed"),
    **dict.fromkeys(HALTED | {UserStatus.STOPPING}, "Stopped"),
}


def summary_of(status: UserStatus) -> str:
    """The summary word of a status: Active, Synced, Failed or Stopped."""
    return _SUMMARY.get(status, "Active")


# What a failed user says. Source: Microsoft Learn, "Fix issues with a Microsoft 365 migration", on sign-in and recipients.
SIGN_IN_TEXT = (
    "We had trouble signing in to this account. Please confirm that you're using the correct user name "
    "and password."
)
RECIPIENT_ADVICE = (
    " Create a recipient of the appropriate type for this migration on the target and try again."
)


@dataclass(frozen=True)
class Endpoint:
    """How the service reaches the source; holds no credentials."""

    guid: str
    name: str
    remote_server: str
    port: int = 993
    security: Security = Security.SSL
    accepts_untrusted_certificates: bool = False
    concurrent_migrations_max: int = 100
    concurrent_incremental_syncs_max: int = 20
    last_modified_utc: datetime | None = None

    def answers_to(self, identity: str) -> bool:
        """Whether the identity (GUID or name) names this endpoint."""
        return identity.lower() in {self.guid, self.name.lower()}


@dataclass(frozen=True)
class SourceLogin:
    """What the service signs in with; never shown again."""

    user_name: str
    password: str = field(repr=False)
    root: str = ""


@dataclass(frozen=True)
class Skipped:
    """An item that was not copied."""

    key: str
    kind: str
    folder_name: str
    subject: str
    sender: str
    sent_utc: datetime | None
    size_bytes: int
    failure: str


@dataclass(frozen=True)
class Progress:
    """The counters of one user; readers see them late."""

    synced_count: int = 0
    skipped_count: int = 0
    synced_bytes: int = 0
    estimated_count: int = 0
    estimated_bytes: int = 0
    in_source_count: int = 0
    percent: int = 0


@dataclass
class MigrationUser:
    """One row of a batch and what has become of it."""

    guid: str
    address: str
    batch_guid: str
    login: SourceLogin
    endpoint_name: str
    request_guid: str
    created_utc: datetime
    status: UserStatus = UserStatus.STOPPED
    mailbox_guid: str | None = None
    error: str = ""
    error_type: str = ""
    changed_utc: datetime | None = None
    first_synced_utc: datetime | None = None
    last_synced_utc: datetime | None = None
    last_checked_utc: datetime | None = None
    queued_utc: datetime | None = None
    skipped: dict[str, Skipped] = field(default_factory=dict)
    sync_wanted: bool = False
    turn: int = 0
    """Counts the changes of plan; what was planned under an earlier turn no longer happens."""

    def answers_to(self, identity: str) -> bool:
        """Whether the identity (address, GUID or mailbox GUID) names this user."""
        return identity.lower() in {self.address, self.guid, self.mailbox_guid}


@dataclass(frozen=True)
class BatchOptions:
    """What a batch was created or edited with."""

    exclude_folders: tuple[str, ...] = ()
    include_folders: tuple[str, ...] = ()
    notification_emails: tuple[str, ...] = ()
    report_interval_s: float = 24 * 3600
    start_after_utc: datetime | None = None


@dataclass
class MigrationBatch:
    """One batch."""

    guid: str
    name: str
    endpoint_name: str
    created_utc: datetime
    options: BatchOptions
    own_status: BatchStatus | None = BatchStatus.CREATED
    submitted_by: str = ""
    started_utc: datetime | None = None
    first_synced_utc: datetime | None = None
    last_synced_utc: datetime | None = None
    touched_utc: datetime | None = None
    settled_utc: datetime | None = None
    warnings: list[str] = field(default_factory=list)
    message: str = ""
    turn: int = 0

    def answers_to(self, identity: str) -> bool:
        """Whether the identity (name or GUID) names this batch."""
        return identity.lower() in {self.name.lower(), self.guid}


def batch_status(own: BatchStatus | None, statuses: Counter[UserStatus]) -> BatchStatus:
    """The status a batch shows, from its own state and how many users are in which."""
    if own is not None:
        return own
    if any(statuses[status] for status in WORKING):
        return BatchStatus.SYNCING
    if statuses[UserStatus.INCREMENTAL_SYNCING]:
        return BatchStatus.INCREMENTAL_SYNCING
    failed = sum(statuses[status] for status in FAILURES)
    seeded = sum(statuses[status] for status in SEEDED)
    if failed:
        return BatchStatus.SYNCED_WITH_ERRORS if seeded else BatchStatus.FAILED
    return BatchStatus.SYNCED if seeded else BatchStatus.STOPPED
