"""The Exchange port, on the world's tenant."""

from contextlib import suppress

from bascule.domain.addresses import normal_address
from bascule.domain.codes import Code
from bascule.domain.errors import BasculeError, Conflict, NotYet, Refusal
from bascule.domain.plan import TenantPlan
from bascule.domain.sync import (
    CloudMailbox,
    MailboxRetention,
    SkippedItem,
    SyncBatch,
    SyncState,
    SyncUser,
    sync_failure_code,
)
from sandbox.bound.exchange_call import exchange_call
from sandbox.world.exchange_refusals import (
    AddressTaken,
    AlreadyExists,
    BatchBusy,
    BatchMissing,
    DomainNotAccepted,
    EndpointMissing,
    ExchangeRefusal,
    MemberAlready,
    MemberMissing,
    MigrationUserMissing,
    NotFound,
)
from sandbox.world.mailbox_addresses import change_addresses
from sandbox.world.migration_states import (
    BatchOptions,
    BatchStatus,
    MigrationBatch,
    MigrationUser,
    UserStatus,
)
from sandbox.world.recipients import RecipientKind
from sandbox.world.world import World

# A recipient that one server knows and another does not yet; seconds to minutes.
REPLICATION_WAIT_S = 60.0

NOT_MAILBOXES = frozenset(
    {
        RecipientKind.MAIL_CONTACT,
        RecipientKind.DISTRIBUTION_GROUP,
        RecipientKind.SECURITY_GROUP,
    }
)

BATCH_STATES = {
    BatchStatus.CREATED: SyncState.IDLE,
    BatchStatus.WAITING: SyncState.WAITING,
    BatchStatus.STARTING: SyncState.WAITING,
    BatchStatus.SYNCING: SyncState.COPYING,
    BatchStatus.INCREMENTAL_SYNCING: SyncState.DELTA,
    BatchStatus.SYNCED: SyncState.READY,
    BatchStatus.SYNCED_WITH_ERRORS: SyncState.READY,
    BatchStatus.STOPPING: SyncState.STOPPED,
    BatchStatus.STOPPED: SyncState.STOPPED,
    BatchStatus.FAILED: SyncState.FAILED,
    BatchStatus.REMOVING: SyncState.LEAVING,
}
USER_STATES = {
    UserStatus.QUEUED: SyncState.WAITING,
    UserStatus.VALIDATING: SyncState.WAITING,
    UserStatus.PROVISIONING: SyncState.WAITING,
    UserStatus.STARTING: SyncState.WAITING,
    UserStatus.SYNCING: SyncState.COPYING,
    UserStatus.SYNCED: SyncState.READY,
    UserStatus.INCREMENTAL_SYNCED: SyncState.READY,
    UserStatus.INCREMENTAL_SYNCING: SyncState.DELTA,
    UserStatus.INCREMENTAL_STOPPED: SyncState.STOPPED,
    UserStatus.STOPPING: SyncState.STOPPED,
    UserStatus.STOPPED: SyncState.STOPPED,
    UserStatus.FAILED: SyncState.FAILED,
    UserStatus.INCREMENTAL_FAILED: SyncState.FAILED,
    UserStatus.REMOVING: SyncState.LEAVING,
}


class WorldExchange:
    """Implements `bascule.ports.exchange.Exchange`."""

    def __init__(self, world: World, plan: TenantPlan) -> None:
        self._world = world
        self._plan = plan
        self._groups = world.tenant.groups
        self._service = world.tenant.migration

    # -- recipients and group -----------------------------------------------------------------

    def find_mailbox(self, address: str) -> CloudMailbox | None:
        """The open mailbox of that address."""
        wanted = normal_address(address)
        with exchange_call(self._world, "Get-Mailbox"):
            found = self._world.tenant.recipients.resolve(wanted)
        if found is None or found.kind in NOT_MAILBOXES or wanted not in found.addresses:
            return None
        others = sorted(found.addresses - {found.primary_address})
        settings = self._world.tenant.recipients.settings(found.guid)
        retention = MailboxRetention(
            settings.has_archive,
            settings.retention_policy,
            settings.retention_hold or settings.is_retention_off,
        )
        addresses = (found.primary_address, *others)
        return CloudMailbox(found.primary_address, addresses, found.kind, retention)

    def correct_addresses(
        self, address: str, *, primary: str = "", added: tuple[str, ...] = ()
    ) -> None:
        """Change the addresses of an open mailbox."""
        with exchange_call(self._world, "Set-Mailbox"):
            tenant = self._world.tenant
            mailbox = tenant.recipients.mailbox(normal_address(address))
            try:
                change_addresses(tenant, mailbox, mailbox.addresses | {*added}, primary)
            except AddressTaken as no:
                raise Refusal(Code.ADDRESS_TAKEN, no.text) from no
            except DomainNotAccepted as no:
                raise Refusal(Code.ADDRESS_MISMATCH, no.text) from no

    def coexistence_members(self) -> frozenset[str]:
        """The members as a reader sees them now."""
        self._require_group()
        with exchange_call(self._world, "Get-DistributionGroupMember"):
            try:
                members = self._groups.members_seen(self._plan.coexistence_group)
            except NotFound:
                raise self._group_missing() from None
        return frozenset(member.primary_address for member in members)

    def join_coexistence(self, address: str) -> None:
        """Make the mailbox a member."""
        is_known = True
        with exchange_call(self._world, "Add-DistributionGroupMember"):
            try:
                self._groups.add_member(self._plan.coexistence_group, normal_address(address))
            except MemberAlready:
                return
            except NotFound:
                is_known = False
        if not is_known:
            self._require_group()
            raise NotYet(REPLICATION_WAIT_S, f"{address} is not known to the group's server yet")

    def leave_coexistence(self, address: str) -> None:
        """Take the mailbox out; a recipient nobody knows is no member either."""
        is_known = True
        with exchange_call(self._world, "Remove-DistributionGroupMember"):
            try:
                self._groups.remove_member(self._plan.coexistence_group, normal_address(address))
            except MemberMissing:
                return
            except NotFound:
                is_known = False
        if not is_known:
            self._require_group()

    def _require_group(self) -> None:
        wanted = self._plan.coexistence_group
        with exchange_call(self._world, "Get-DistributionGroup"):
            if not any(group.answers_to(wanted) for group in self._groups.seen()):
                raise self._group_missing()

    def _group_missing(self) -> Refusal:
        return Refusal(Code.GROUP_MISSING, f"there is no group {self._plan.coexistence_group}")

    # -- batches ------------------------------------------------------------------------------

    def find_sync_batch(self, name: str) -> SyncBatch | None:
        """The batch as a reader sees it."""
        with exchange_call(self._world, "Get-MigrationBatch"):
            try:
                return self._sync_batch(self._service.batch_seen(name))
            except BatchMissing:
                return None

    def create_sync_batch(self, name: str, csv: bytes) -> None:
        """Create a batch and start it."""
        with exchange_call(self._world, "New-MigrationBatch", may_quote=False):
            try:
                self._service.create_batch(
                    name, self._plan.migration_endpoint, csv, options=self._options()
                )
                self._service.start_batch(name)
            except ExchangeRefusal as no:
                known = self._creation_error(name, no)
                if known is None:
                    raise
                raise known from None

    def start_sync_batch(self, name: str) -> None:
        """Start or resume a batch."""
        with exchange_call(self._world, "Start-MigrationBatch"):
            self._service.start_batch(name)

    def sync_now(self, name: str) -> None:
        """Ask for a delta."""
        with exchange_call(self._world, "Set-MigrationBatch"):
            self._service.sync_batch_now(name)

    def remove_sync_batch(self, name: str) -> None:
        """Remove a batch; one on its way out takes no command and is as good as gone."""
        with exchange_call(self._world, "Remove-MigrationBatch"), suppress(BatchMissing):
            try:
                self._service.remove_batch(name)
            except BatchBusy:
                batch = self._service.batch_seen(name)
                if self._service.status_of(batch) is not BatchStatus.REMOVING:
                    raise

    # -- users --------------------------------------------------------------------------------

    def sync_users(self, name: str) -> tuple[SyncUser, ...]:
        """Every user of a batch, as a reader sees them."""
        with exchange_call(self._world, "Get-MigrationUser"):
            batches = self._service.books.batches
            return tuple(
                self._sync_user(user)
                for user in self._service.users()
                if batches[user.batch_guid].answers_to(name)
            )

    def find_sync_user(self, address: str) -> SyncUser | None:
        """The user of that address, as a reader sees it."""
        wanted = normal_address(address)
        with exchange_call(self._world, "Get-MigrationUser"):
            users = self._service.users()
            return next((self._sync_user(u) for u in users if u.answers_to(wanted)), None)

    def remove_sync_user(self, address: str) -> None:
        """Take one user out of its batch; one on its way out is as good as gone."""
        with (
            exchange_call(self._world, "Remove-MigrationUser"),
            suppress(MigrationUserMissing),
        ):
            user = self._service.user(normal_address(address))
            if user.status is not UserStatus.REMOVING:
                self._service.remove_user(user.address)

    def skipped_items(self, address: str) -> tuple[SkippedItem, ...]:
        """What was not copied for a user."""
        with exchange_call(self._world, "Get-MigrationUserStatistics"):
            try:
                user = self._service.user(normal_address(address))
            except MigrationUserMissing:
                return ()
            return tuple(
                SkippedItem(item.folder_name, item.kind, item.sent_utc)
                for item in user.skipped.values()
            )

    def _options(self) -> BatchOptions:
        report = self._plan.report_mailbox
        return BatchOptions(notification_emails=(report,) if report else ())

    def _creation_error(self, name: str, no: ExchangeRefusal) -> BasculeError | None:
        """What the product calls a refused creation; None when it has no name of its own."""
        if isinstance(no, AlreadyExists):
            return Conflict(f"a migration batch named {name} exists already")
        if isinstance(no, EndpointMissing):
            endpoint = self._plan.migration_endpoint
            return Refusal(Code.ENDPOINT_MISSING, f"there is no migration endpoint {endpoint}")
        if sync_failure_code(no.text) is Code.SYNC_IN_OTHER_BATCH:
            return Refusal(
                Code.SYNC_IN_OTHER_BATCH, f"a mailbox of {name} is in another migration batch"
            )
        return None

    def _sync_batch(self, batch: MigrationBatch) -> SyncBatch:
        status = self._service.status_of(batch)
        return SyncBatch(
            name=batch.name,
            state=BATCH_STATES[status],
            vendor_status=status.value,
            user_count=self._service.counts_of(batch).total(),
            last_synced_utc=batch.last_synced_utc,
        )

    def _sync_user(self, user: MigrationUser) -> SyncUser:
        progress = self._service.progress_of(user)
        return SyncUser(
            address=user.address,
            state=USER_STATES[user.status],
            vendor_status=user.status.value,
            error=user.error,
            synced_count=progress.synced_count,
            skipped_count=progress.skipped_count,
            last_success_utc=user.last_synced_utc,
            sync_batch=self._service.books.batches[user.batch_guid].name,
        )
