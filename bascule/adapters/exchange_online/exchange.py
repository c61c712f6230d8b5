"""The Exchange port over the admin gateway: coexistence group, recipients, IMAP migration.

A Get- cmdlet whose identity does not exist may answer with every object there is, so each answer is checked to be
about what was asked. Source: Microsoft Learn, the reference pages of the cmdlets named below.
"""

from typing import Any

from bascule.adapters.exchange_online.encoding import (
    Row,
    byte_array,
    count,
    instant_utc,
    smtp_addresses,
)
from bascule.adapters.exchange_online.errors import CmdletRefused, Kind
from bascule.adapters.exchange_online.gateway import ExchangeGateway
from bascule.adapters.exchange_online.states import batch_state, user_state
from bascule.domain.addresses import normal_address
from bascule.domain.codes import Code
from bascule.domain.errors import Conflict, NotYet, Refusal, Unreachable
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

# New-MigrationBatch, parameter Name.
BATCH_NAME_LENGTH_MAX = 64
# A recipient that another call has just seen is on its way to this server; replication takes seconds to minutes.
REPLICATION_WAIT_S = 60.0
UNLIMITED = "Unlimited"
HASH_TABLE = "#Exchange.GenericHashTable"
# How Exchange words that a mailbox's addresses are written elsewhere is not known; no kind of ours says it better.
_NOT_HERE = frozenset({Kind.OTHER, Kind.BAD_REQUEST, Kind.NOT_ACCEPTED_DOMAIN})


class ExchangeOnline:
    """Implements `bascule.ports.exchange.Exchange` for one tenant."""

    def __init__(self, gateway: ExchangeGateway, tenant: TenantPlan) -> None:
        self._gateway = gateway
        self._tenant = tenant

    def find_mailbox(self, address: str) -> CloudMailbox | None:
        """Get-Mailbox. An answer about somebody else counts as none."""
        wanted = normal_address(_named(address))
        for row in self._found("Get-Mailbox", {"Identity": wanted}):
            addresses = smtp_addresses(row)
            if wanted in addresses:
                kind = str(row.get("RecipientTypeDetails") or "")
                return CloudMailbox(addresses[0], addresses, kind, _retention(row))
        return None

    def correct_addresses(
        self, address: str, *, primary: str = "", added: tuple[str, ...] = ()
    ) -> None:
        """Set-Mailbox: additions as a change of the list, which would be replaced otherwise."""
        parameters: dict[str, Any] = {"Identity": normal_address(_named(address))}
        if added:
            proxies = [f"smtp:{each}" for each in added]
            parameters["EmailAddresses"] = {"@odata.type": HASH_TABLE, "Add": proxies}
        if primary:
            parameters["WindowsEmailAddress"] = primary
        try:
            self._gateway.run("Set-Mailbox", parameters)
        except CmdletRefused as no:
            if no.kind is Kind.NAME_TAKEN:
                raise Refusal(Code.ADDRESS_TAKEN, no.detail) from None
            if no.kind in _NOT_HERE:
                raise Refusal(Code.ADDRESS_MISMATCH, no.detail) from None
            raise

    def coexistence_members(self) -> frozenset[str]:
        """Get-DistributionGroupMember, after the group has been seen: for no group it may list anything."""
        self._require_group()
        try:
            rows = self._gateway.run(
                "Get-DistributionGroupMember", {"Identity": self._group, "ResultSize": UNLIMITED}
            )
        except CmdletRefused as no:
            raise self._group_missing() if no.kind is Kind.NOT_FOUND else no from None
        return frozenset(address for row in rows for address in smtp_addresses(row)[:1])

    def join_coexistence(self, address: str) -> None:
        """Add-DistributionGroupMember, past the group's owners: an application cannot own a group."""
        try:
            self._gateway.run("Add-DistributionGroupMember", self._membership(address))
        except CmdletRefused as no:
            if no.kind is Kind.ALREADY_MEMBER:
                return
            if no.kind is not Kind.NOT_FOUND:
                raise
            self._require_group()
            raise NotYet(
                REPLICATION_WAIT_S, f"{address} is not known yet to the server that keeps the group"
            ) from None

    def leave_coexistence(self, address: str) -> None:
        """Remove-DistributionGroupMember; a recipient nobody knows is no member either."""
        try:
            self._gateway.run(
                "Remove-DistributionGroupMember", {**self._membership(address), "Confirm": False}
            )
        except CmdletRefused as no:
            if no.kind is Kind.NOT_FOUND:
                self._require_group()
            elif no.kind is not Kind.NOT_MEMBER:
                raise

    def find_sync_batch(self, name: str) -> SyncBatch | None:
        """Get-MigrationBatch."""
        rows = self._found("Get-MigrationBatch", {"Identity": _named(name)})
        return next((_sync_batch(row) for row in rows if _is(row, "Identity", name)), None)

    def create_sync_batch(self, name: str, csv: bytes) -> None:
        """New-MigrationBatch, started at once; never sent twice, and no word of the answer is quoted."""
        if len(_named(name)) > BATCH_NAME_LENGTH_MAX:
            raise ValueError(f"{name} is longer than {BATCH_NAME_LENGTH_MAX} characters")
        parameters: dict[str, Any] = {
            "Name": name,
            "SourceEndpoint": self._tenant.migration_endpoint,
            "CSVData": byte_array(csv),
            "AutoStart": True,
        }
        if self._tenant.report_mailbox:
            parameters["NotificationEmails"] = [self._tenant.report_mailbox]
        try:
            self._gateway.run("New-MigrationBatch", parameters, may_quote=False)
        except CmdletRefused as no:
            # The cause would carry the service's words, and they may quote the CSV.
            raise self._creation_error(name, no) from None

    def start_sync_batch(self, name: str) -> None:
        """Start-MigrationBatch; in the cloud it also takes up failed users again."""
        self._gateway.run("Start-MigrationBatch", {"Identity": _named(name)})

    def sync_now(self, name: str) -> None:
        """Set-MigrationBatch SyncNow: users that are Synced, and no others."""
        self._gateway.run("Set-MigrationBatch", {"Identity": _named(name), "SyncNow": True})

    def remove_sync_batch(self, name: str) -> None:
        """Remove-MigrationBatch: the end of an IMAP migration, which has no completion.

        A batch on its way out refuses commands, the same one again included: then it is as good as gone.
        """
        try:
            self._found("Remove-MigrationBatch", {"Identity": _named(name), "Confirm": False})
        except CmdletRefused:
            batch = self.find_sync_batch(name)
            if batch is not None and batch.state is not SyncState.LEAVING:
                raise

    def sync_users(self, name: str) -> tuple[SyncUser, ...]:
        """Get-MigrationUser by BatchId. "Not found" means no users only when the batch is not found either."""
        try:
            rows = self._gateway.run(
                "Get-MigrationUser", {"BatchId": _named(name), "ResultSize": UNLIMITED}
            )
        except CmdletRefused as no:
            if no.kind is not Kind.NOT_FOUND:
                raise
            if self.find_sync_batch(name) is not None:
                raise Unreachable(
                    f"{name}: Exchange does not find the users of a batch it has"
                ) from no
            return ()
        return tuple(_sync_user(row) for row in rows if _is(row, "BatchId", name))

    def find_sync_user(self, address: str) -> SyncUser | None:
        """Get-MigrationUser by Identity, which is the address."""
        rows = self._found("Get-MigrationUser", {"Identity": _named(address)})
        return next((_sync_user(row) for row in rows if _is(row, "Identity", address)), None)

    def remove_sync_user(self, address: str) -> None:
        """Remove-MigrationUser; a user on its way out is as good as gone."""
        try:
            self._found("Remove-MigrationUser", {"Identity": _named(address), "Confirm": False})
        except CmdletRefused:
            user = self.find_sync_user(address)
            if user is not None and user.state is not SyncState.LEAVING:
                raise

    def skipped_items(self, address: str) -> tuple[SkippedItem, ...]:
        """Get-MigrationUserStatistics with IncludeSkippedItems; subject and sender are not read."""
        rows = self._found(
            "Get-MigrationUserStatistics",
            {"Identity": _named(address), "IncludeSkippedItems": True},
        )
        return tuple(
            _skipped_item(item)
            for row in rows
            if _is(row, "Identity", address)
            for item in row.get("SkippedItems") or ()
        )

    @property
    def _group(self) -> str:
        return _named(self._tenant.coexistence_group)

    def _found(self, cmdlet: str, parameters: dict[str, Any]) -> tuple[Row, ...]:
        """The rows of a cmdlet; none when the object is not there."""
        try:
            return self._gateway.run(cmdlet, parameters)
        except CmdletRefused as no:
            if no.kind is Kind.NOT_FOUND:
                return ()
            raise

    def _membership(self, address: str) -> dict[str, Any]:
        return {
            "Identity": self._group,
            "Member": normal_address(_named(address)),
            "BypassSecurityGroupManagerCheck": True,
        }

    def _require_group(self) -> None:
        rows = self._found("Get-DistributionGroup", {"Identity": self._group})
        if not any(normal_address(self._group) in smtp_addresses(row) for row in rows):
            raise self._group_missing()

    def _group_missing(self) -> Refusal:
        return Refusal(
            Code.GROUP_MISSING,
            f"there is no group {self._group}: the mail flow rule that names it does nothing",
        )

    def _creation_error(self, name: str, no: CmdletRefused) -> Exception:
        """Why New-MigrationBatch was refused; a taken name is told apart by looking, not by words."""
        if no.kind is Kind.NAME_TAKEN or self.find_sync_batch(name) is not None:
            return Conflict(f"a migration batch named {name} exists already")
        endpoint = self._tenant.migration_endpoint
        if no.kind is Kind.NOT_FOUND or self._names_endpoint(no):
            return Refusal(Code.ENDPOINT_MISSING, f"there is no migration endpoint {endpoint}")
        if sync_failure_code(no.vendor_text) is Code.SYNC_IN_OTHER_BATCH:
            return Refusal(
                Code.SYNC_IN_OTHER_BATCH, f"a mailbox of {name} is in another migration batch"
            )
        return Refusal(no.code, str(no))

    def _names_endpoint(self, no: CmdletRefused) -> bool:
        return (
            "endpoint" in no.vendor_text.lower()
            and self._tenant.migration_endpoint in no.vendor_text
        )


def _named(identity: str) -> str:
    """Refuse an empty identity, which Get- cmdlets take for "all"."""
    if not identity.strip():
        raise ValueError("an empty identity would mean every object of the tenant")
    return identity


def _is(row: Row, name: str, wanted: str) -> bool:
    return str(row.get(name) or "").strip().lower() == wanted.strip().lower()


def _sync_batch(row: Row) -> SyncBatch:
    status = str(row.get("Status") or "")
    synced = row.get("LastSyncedDateTimeUTC") or row.get("LastSyncedDateTime")
    return SyncBatch(
        name=str(row["Identity"]),
        state=batch_state(status),
        vendor_status=status,
        user_count=count(row.get("TotalCount")),
        last_synced_utc=instant_utc(synced),
    )


def _sync_user(row: Row) -> SyncUser:
    status = str(row.get("Status") or "")
    return SyncUser(
        address=normal_address(str(row.get("EmailAddress") or row.get("Identity") or "")),
        state=user_state(status),
        vendor_status=status,
        error=str(row.get("ErrorSummary") or ""),
        synced_count=count(row.get("SyncedItemCount")),
        skipped_count=count(row.get("SkippedItemCount")),
        last_success_utc=instant_utc(row.get("LastSuccessfulSyncTime")),
        sync_batch=str(row.get("BatchId") or ""),
    )


def _skipped_item(item: Row) -> SkippedItem:
    return SkippedItem(
        folder=str(item.get("FolderName") or ""),
        reason=_first_text(item.get("Kind"), item.get("Failure")),
        sent_utc=instant_utc(item.get("DateSent")),
    )


def _first_text(*candidates: object) -> str:
    return next((str(text) for text in candidates if isinstance(text, str) and text), "unknown")


def _retention(row: Row) -> MailboxRetention | None:
    """What Get-Mailbox says of archive and retention. Source: Microsoft Learn, "Set-Mailbox", "Enable-Mailbox"."""
    if "ArchiveStatus" not in row or "RetentionPolicy" not in row:
        return None
    return MailboxRetention(
        has_archive=str(row["ArchiveStatus"]).lower() == "active",
        policy=str(row["RetentionPolicy"] or ""),
        is_suspended=row.get("RetentionHoldEnabled") is True
        or row.get("ElcProcessingDisabled") is True,
    )
