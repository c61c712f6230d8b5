"""The cmdlets of migration users and endpoints.

Source: Microsoft Learn, "Get-MigrationUser", "Get-MigrationUserStatistics", "Set-MigrationUser",
"Start-MigrationUser", "Stop-MigrationUser", "Remove-MigrationUser", "New-MigrationEndpoint",
"Test-MigrationServerAvailability".
"""

from dataclasses import replace
from datetime import timedelta

from sandbox.faces.exchange_cmdlet import (
    RESULT_SIZE,
    Arguments,
    Cmdlet,
    Parameter,
    Row,
    Session,
    cmdlet,
    switches,
    wanted,
)
from sandbox.faces.exchange_encoding import Kind, Size
from sandbox.world.exchange_refusals import EndpointMissing, MigrationUserMissing
from sandbox.world.management_roles import MIGRATION
from sandbox.world.migration import MigrationService
from sandbox.world.migration_states import (
    Endpoint,
    MigrationUser,
    Security,
    Skipped,
    UserStatus,
    summary_of,
)

ROLES = {MIGRATION}


def _get_users(session: Session, call: Arguments) -> list[Row]:
    service = session.world.tenant.migration
    found = wanted(call, service.users(), MigrationUser.answers_to)
    if found is None:
        raise MigrationUserMissing.named(call.text("Identity"))
    rows = [_user_row(service, user) for user in found]
    for name in ("BatchId", "Status", "StatusSummary", "EmailAddress", "MailboxGuid"):
        text = call.text(name).lower()
        if text:
            rows = [row for row in rows if str(row[name]).lower() == text]
    return rows


def _get_statistics(session: Session, call: Arguments) -> list[Row]:
    service = session.world.tenant.migration
    found = wanted(call, service.users(), MigrationUser.answers_to)
    if found is None:
        raise MigrationUserMissing.named(call.text("Identity"))
    return [_statistics_row(session, user, call) for user in found]


def _set_user(session: Session, call: Arguments) -> list[Row]:
    if call.flag("SyncNow"):
        session.world.tenant.migration.sync_user_now(call.text("Identity"))
    else:
        session.world.tenant.migration.user(call.text("Identity"))
    return []


def _start_user(session: Session, call: Arguments) -> list[Row]:
    session.world.tenant.migration.start_user(call.text("Identity"))
    return []


def _stop_user(session: Session, call: Arguments) -> list[Row]:
    session.world.tenant.migration.stop_user(call.text("Identity"))
    return []


def _remove_user(session: Session, call: Arguments) -> list[Row]:
    session.world.tenant.migration.remove_user(call.text("Identity"))
    return []


def _user_row(service: MigrationService, user: MigrationUser) -> Row:
    progress = service.progress_of(user)
    return {
        "Identity": user.address,
        "Guid": user.guid,
        "BatchId": service.books.batches[user.batch_guid].name,
        "EmailAddress": user.address,
        "MailboxIdentifier": user.address,
        "RecipientType": "Mailbox",
        "Status": user.status,
        "StatusSummary": summary_of(user.status),
        "SyncedItemCount": progress.synced_count,
        "SkippedItemCount": progress.skipped_count,
        "MailboxGuid": user.mailbox_guid,
        "RequestGuid": user.request_guid,
        "LastSuccessfulSyncTime": user.last_synced_utc,
        "LastSubscriptionCheckTime": user.last_checked_utc,
        "ErrorSummary": user.error or None,
        "DataConsistencyScore": "Investigate" if user.skipped else "Perfect",
        "HasUnapprovedSkippedItems": bool(user.skipped),
        "WorkflowStep": None,
    }


def _statistics_row(session: Session, user: MigrationUser, call: Arguments) -> Row:
    service = session.world.tenant.migration
    progress = service.progress_of(user)
    now_utc = session.world.kernel.now_utc()
    age = now_utc - (user.queued_utc or user.created_utc)
    is_copying = user.status in {UserStatus.SYNCING, UserStatus.INCREMENTAL_SYNCING}
    return {
        **_user_row(service, user),
        "EstimatedTotalTransferSize": Size(progress.estimated_bytes),
        "EstimatedTotalTransferCount": progress.estimated_count,
        "TotalItemsInSourceMailboxCount": progress.in_source_count,
        # The status report has no figures for these two in IMAP migrations.
        "BytesTransferred": None,
        "AverageBytesTransferredPerHour": None,
        "CurrentBytesTransferredPerMinute": None,
        "PercentageComplete": progress.percent,
        "TotalQueuedDuration": timedelta(0),
        "TotalInProgressDuration": age,
        "TotalSyncedDuration": _since(
            now_utc - user.first_synced_utc if user.first_synced_utc else None
        ),
        "TotalStalledDuration": timedelta(0),
        "CurrentlyActive": is_copying,
        "MigrationType": "IMAP",
        "Error": f"{user.error_type}: {user.error}" if user.error else None,
        "SkippedItems": _skipped_rows(user, call),
        "Report": _report(user) if call.flag("IncludeReport") else None,
        "DiagnosticInfo": "",
    }


def _since(span: timedelta | None) -> timedelta:
    return span or timedelta(0)


def _skipped_rows(user: MigrationUser, call: Arguments) -> list[Row]:
    if not call.flag("IncludeSkippedItems"):
        return []
    limit = call.number("LimitSkippedItemsTo", len(user.skipped))
    return [_skipped_row(item) for item in list(user.skipped.values())[:limit]]


def _skipped_row(item: Skipped) -> Row:
    return {
        "Kind": item.kind,
        "FolderName": item.folder_name,
        "Subject": item.subject,
        "Sender": item.sender,
        "DateSent": item.sent_utc,
        "DateReceived": None,
        "MessageSize": Size(item.size_bytes),
        "Failure": item.failure,
        "ScoringClassifications": item.kind,
    }


def _report(user: MigrationUser) -> str:
    changed = f"{user.changed_utc:%m/%d/%Y %H:%M:%S}" if user.changed_utc else "never"
    return f"{changed} [migration] The user {user.address} is {user.status}."


# -- endpoints ------------------------------------------------------------------------------------


def _new_endpoint(session: Session, call: Arguments) -> list[Row]:
    service = session.world.tenant.migration
    draft = Endpoint(
        guid="",
        name=call.text("Name"),
        remote_server=call.text("RemoteServer"),
        port=call.number("Port", 993),
        security=Security(call.text("Security", Security.SSL)),
        accepts_untrusted_certificates=call.flag("AcceptUntrustedCertificates"),
        concurrent_migrations_max=call.number("MaxConcurrentMigrations", 100),
        concurrent_incremental_syncs_max=call.number("MaxConcurrentIncrementalSyncs", 20),
    )
    made = service.endpoints.create(draft, skip_verification=call.flag("SkipVerification"))
    return [_endpoint_row(made)]


def _get_endpoints(session: Session, call: Arguments) -> list[Row]:
    found = wanted(call, session.world.tenant.migration.endpoints.all(), Endpoint.answers_to)
    if found is None:
        raise EndpointMissing.named(call.text("Identity"))
    if call.text("Type").lower() not in {"", "imap"}:
        return []
    return [_endpoint_row(endpoint) for endpoint in found]


def _set_endpoint(session: Session, call: Arguments) -> list[Row]:
    endpoints = session.world.tenant.migration.endpoints
    before = endpoints.require(call.text("Identity"))
    limit, increments = before.concurrent_migrations_max, before.concurrent_incremental_syncs_max
    endpoints.change(
        replace(
            before,
            remote_server=call.text("RemoteServer", before.remote_server),
            port=call.number("Port", before.port),
            security=Security(call.text("Security", before.security)),
            concurrent_migrations_max=call.number("MaxConcurrentMigrations", limit),
            concurrent_incremental_syncs_max=call.number(
                "MaxConcurrentIncrementalSyncs", increments
            ),
        )
    )
    return []


def _remove_endpoint(session: Session, call: Arguments) -> list[Row]:
    session.world.tenant.migration.endpoints.remove(call.text("Identity"))
    return []


def _test_server(session: Session, call: Arguments) -> list[Row]:
    endpoints = session.world.tenant.migration.endpoints
    server = call.text("RemoteServer")
    if call.has("Endpoint"):
        server = endpoints.require(call.text("Endpoint")).remote_server
    reason = endpoints.test_server(server)
    return [
        {
            "Result": "Success" if reason is None else "Failed",
            "Message": reason or "",
            "SupportsCutover": False,
            "ErrorDetail": reason or "",
        }
    ]


def _endpoint_row(endpoint: Endpoint) -> Row:
    return {
        "Identity": endpoint.name,
        "Guid": endpoint.guid,
        "EndpointType": "IMAP",
        "RemoteServer": endpoint.remote_server,
        "Port": endpoint.port,
        "Security": endpoint.security,
        "MaxConcurrentMigrations": str(endpoint.concurrent_migrations_max),
        "MaxConcurrentIncrementalSyncs": str(endpoint.concurrent_incremental_syncs_max),
        "Username": None,
        "IsValid": True,
        "LastModifiedTime": endpoint.last_modified_utc,
    }


_SECURITY = Parameter("Security", values=tuple(Security))
_CONNECTION = (
    Parameter("Port", Kind.NUMBER),
    _SECURITY,
    Parameter("MaxConcurrentMigrations", Kind.COUNT_OR_UNLIMITED),
    Parameter("MaxConcurrentIncrementalSyncs", Kind.COUNT_OR_UNLIMITED),
    *switches("AcceptUntrustedCertificates", "SkipVerification"),
)

CMDLETS: tuple[Cmdlet, ...] = (
    cmdlet(
        "Get-MigrationUser",
        ROLES,
        _get_users,
        "Identity",
        "BatchId",
        "Status",
        "StatusSummary",
        "EmailAddress",
        "MailboxGuid",
        *switches("IncludeAssociatedUsers"),
        RESULT_SIZE,
    ),
    cmdlet(
        "Get-MigrationUserStatistics",
        ROLES,
        _get_statistics,
        "Identity",
        Parameter("LimitSkippedItemsTo", Kind.NUMBER),
        *switches("IncludeSkippedItems", "IncludeReport", "Diagnostic"),
    ),
    cmdlet("Set-MigrationUser", ROLES, _set_user, "!Identity", *switches("SyncNow")),
    cmdlet("Start-MigrationUser", ROLES, _start_user, "!Identity"),
    cmdlet("Stop-MigrationUser", ROLES, _stop_user, "!Identity"),
    cmdlet("Remove-MigrationUser", ROLES, _remove_user, "!Identity"),
    cmdlet(
        "New-MigrationEndpoint",
        ROLES,
        _new_endpoint,
        "!Name",
        "!RemoteServer",
        Parameter("IMAP", Kind.SWITCH, is_mandatory=True),
        *_CONNECTION,
    ),
    cmdlet(
        "Get-MigrationEndpoint",
        ROLES,
        _get_endpoints,
        "Identity",
        Parameter(
            "Type", values=("IMAP", "ExchangeRemoteMove", "ExchangeOutlookAnywhere", "Gmail")
        ),
    ),
    cmdlet(
        "Set-MigrationEndpoint", ROLES, _set_endpoint, "!Identity", "RemoteServer", *_CONNECTION
    ),
    cmdlet("Remove-MigrationEndpoint", ROLES, _remove_endpoint, "!Identity"),
    cmdlet(
        "Test-MigrationServerAvailability",
        ROLES,
        _test_server,
        "RemoteServer",
        "Endpoint",
        Parameter("Port", Kind.NUMBER),
        _SECURITY,
        *switches("IMAP", "AcceptUntrustedCertificates"),
    ),
)
