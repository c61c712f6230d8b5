"""The cmdlets of migration batches.

Source: Microsoft Learn, "New-MigrationBatch", "Get-MigrationBatch", "Set-MigrationBatch", "Start-MigrationBatch",
"Stop-MigrationBatch", "Complete-MigrationBatch", "Remove-MigrationBatch".
"""

from collections import Counter
from dataclasses import replace

from sandbox.faces.exchange_cmdlet import (
    RESULT_SIZE,
    Arguments,
    Cmdlet,
    Parameter,
    Row,
    Session,
    cmdlet,
    lists,
    switches,
    wanted,
)
from sandbox.faces.exchange_encoding import Kind, UtcText
from sandbox.world.exchange_refusals import BatchMissing, InvalidArgument, MigrationRefused
from sandbox.world.management_roles import MIGRATION
from sandbox.world.migration import MigrationService
from sandbox.world.migration_states import (
    FAILURES,
    HALTED,
    SEEDED,
    WORKING,
    BatchOptions,
    MigrationBatch,
    UserStatus,
)

ROLES = {MIGRATION}


def _new(session: Session, call: Arguments) -> list[Row]:
    service = session.world.tenant.migration
    batch = service.create_batch(
        call.text("Name"),
        _source_endpoint(call),
        call.content("CSVData"),
        options=_options(call, BatchOptions()),
        allow_unknown_columns=call.flag("AllowUnknownColumnsInCsv"),
    )
    session.warnings += batch.warnings
    if call.flag("AutoStart"):
        service.start_batch(batch.name)
    return [_row(service, batch)]


def _source_endpoint(call: Arguments) -> str:
    if not call.has("SourceEndpoint"):
        raise InvalidArgument(
            "You must specify the SourceEndpoint parameter for an IMAP migration."
        )
    return call.text("SourceEndpoint")


def _get(session: Session, call: Arguments) -> list[Row]:
    service = session.world.tenant.migration
    found = wanted(call, service.batches(), MigrationBatch.answers_to)
    if found is None:
        raise BatchMissing.named(call.text("Identity"))
    rows = [_row(service, batch) for batch in found]
    if call.has("Status"):
        rows = [row for row in rows if row["Status"] == call.text("Status")]
    return rows


def _set(session: Session, call: Arguments) -> list[Row]:
    service = session.world.tenant.migration
    identity = call.text("Identity")
    if call.flag("AddUsers"):
        allow = call.flag("AllowUnknownColumnsInCsv")
        service.add_users(identity, call.content("CSVData"), allow_unknown_columns=allow)
    if call.flag("SyncNow"):
        service.sync_batch_now(identity)
    before = _written(service, identity).options
    options = _options(call, before)
    if options != before:
        service.change_options(identity, options)
    if call.flag("Update"):
        service.touch_batch(identity)
    return []


def _start(session: Session, call: Arguments) -> list[Row]:
    session.world.tenant.migration.start_batch(call.text("Identity"))
    return []


def _stop(session: Session, call: Arguments) -> list[Row]:
    session.world.tenant.migration.stop_batch(call.text("Identity"))
    return []


def _remove(session: Session, call: Arguments) -> list[Row]:
    session.world.tenant.migration.remove_batch(call.text("Identity"))
    return []


def _complete(session: Session, call: Arguments) -> list[Row]:
    _written(session.world.tenant.migration, call.text("Identity"))
    raise MigrationRefused("Completing a migration batch isn't supported for IMAP migrations.")


def _written(service: MigrationService, identity: str) -> MigrationBatch:
    for batch in service.books.batches.values():
        if batch.answers_to(identity):
            return batch
    raise BatchMissing.named(identity)


def _options(call: Arguments, before: BatchOptions) -> BatchOptions:
    changed = replace(
        before,
        exclude_folders=call.texts("ExcludeFolders", before.exclude_folders),
        include_folders=call.texts("IncludeFolders", before.include_folders),
        notification_emails=call.texts("NotificationEmails", before.notification_emails),
        report_interval_s=call.seconds("ReportInterval", before.report_interval_s),
    )
    start_after_utc = call.instant("StartAfter")
    return replace(changed, start_after_utc=start_after_utc) if start_after_utc else changed


def _row(service: MigrationService, batch: MigrationBatch) -> Row:
    counts = service.counts_of(batch)
    return {
        "Identity": batch.name,
        "BatchGuid": batch.guid,
        "Status": service.status_of(batch),
        "State": _state(counts),
        "MigrationType": "IMAP",
        "BatchDirection": "Onboarding",
        "SourceEndpoint": batch.endpoint_name,
        "SubmittedByUser": "Microsoft.Exchange.ServiceHost",
        "NotificationEmails": batch.options.notification_emails,
        "ExcludedFolders": batch.options.exclude_folders,
        "ValidationWarningCount": len(batch.warnings),
        "ValidationWarnings": batch.warnings,
        "Message": batch.message or None,
        "Report": None,
        "Reports": (),
        "DataConsistencyScore": _score(service, batch),
        **_count_properties(counts),
        **_time_properties(batch),
    }


def _count_properties(counts: Counter[UserStatus]) -> Row:
    return {
        "TotalCount": counts.total(),
        "ActiveCount": _sum(counts, WORKING | {UserStatus.INCREMENTAL_SYNCING}),
        "PendingCount": counts[UserStatus.QUEUED],
        "ProvisionedCount": counts.total() - counts[UserStatus.VALIDATING],
        "SyncedCount": _sum(counts, SEEDED | {UserStatus.INCREMENTAL_SYNCING}),
        "FinalizedCount": 0,
        "StoppedCount": _sum(counts, HALTED),
        "FailedCount": _sum(counts, FAILURES),
        "FailedInitialSyncCount": counts[UserStatus.FAILED],
        "FailedIncrementalSyncCount": counts[UserStatus.INCREMENTAL_FAILED],
        "CompletedWithWarningCount": 0,
    }


def _time_properties(batch: MigrationBatch) -> Row:
    began, first = batch.started_utc, batch.first_synced_utc
    return {
        "CreationDateTime": batch.created_utc,
        "CreationDateTimeUTC": UtcText(batch.created_utc),
        "StartDateTime": began,
        "StartDateTimeUTC": UtcText(began),
        "InitialSyncDateTime": first,
        "InitialSyncDuration": first - began if first and began else None,
        "LastSyncedDateTime": batch.last_synced_utc,
        "LastSyncedDateTimeUTC": UtcText(batch.last_synced_utc),
        "FinalizedDateTime": None,
    }


def _sum(counts: Counter[UserStatus], statuses: frozenset[UserStatus]) -> int:
    return sum(counts[status] for status in statuses)


def _state(counts: Counter[UserStatus]) -> str:
    if _sum(counts, WORKING | {UserStatus.INCREMENTAL_SYNCING}):
        return "Active"
    return "Waiting" if _sum(counts, SEEDED) else "Stopped"


def _score(service: MigrationService, batch: MigrationBatch) -> str:
    skipped = any(user.skipped for user in service.books.users_of(batch))
    return "Investigate" if skipped else "Perfect"


_OPTIONS = (
    *lists("ExcludeFolders", "IncludeFolders", "NotificationEmails"),
    Parameter("ReportInterval", Kind.TIME_SPAN),
    Parameter("StartAfter", Kind.INSTANT),
    Parameter("CompleteAfter", Kind.INSTANT),
    Parameter("CSVData", Kind.BYTES),
    *switches("AllowUnknownColumnsInCsv", "SkipReports"),
)

CMDLETS: tuple[Cmdlet, ...] = (
    cmdlet(
        "New-MigrationBatch",
        ROLES,
        _new,
        "!Name",
        "SourceEndpoint",
        "TimeZone",
        "Locale",
        *switches("AutoStart", "SkipSteps"),
        *_OPTIONS,
    ),
    cmdlet(
        "Get-MigrationBatch",
        ROLES,
        _get,
        "Identity",
        "Endpoint",
        "Status",
        *switches("IncludeReport", "Diagnostic"),
        RESULT_SIZE,
    ),
    cmdlet(
        "Set-MigrationBatch",
        ROLES,
        _set,
        "!Identity",
        *switches("AddUsers", "SyncNow", "Update", "ApproveSkippedItems"),
        *_OPTIONS,
    ),
    cmdlet("Start-MigrationBatch", ROLES, _start, "!Identity", *switches("Validate")),
    cmdlet("Stop-MigrationBatch", ROLES, _stop, "!Identity"),
    cmdlet("Complete-MigrationBatch", ROLES, _complete, "!Identity", *switches("SyncAndComplete")),
    cmdlet("Remove-MigrationBatch", ROLES, _remove, "!Identity"),
)
