"""Read one mailbox's row, and the plan's numbers for where it stands."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from activities.subject import record_of
from activities.tenant_parts import danger_of
from bascule.domain.codes import Code
from bascule.domain.plan import PatiencePlan, Plan
from bascule.domain.records import MailboxRecord, MailboxRef
from bascule.domain.requests import MailboxView
from bascule.domain.stages import Stage
from bascule.domain.stragglers import next_look_utc
from bascule.domain.survey_again import survey_wanted_utc
from bascule.ports.bundle import Ports

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
# Where nothing is expected to move by itself: a person decides.
UNBOUNDED_S = 3650 * DAY_S
# The watchdog counts in hours; writing at every look would double the writes.
SEEN_EVERY = timedelta(hours=1)

Expectation = tuple[datetime, float, Code]


def read_mailbox(ports: Ports, ref: MailboxRef) -> MailboxView:
    """The row as it stands now; notes about hourly that its story is alive."""
    record = record_of(ports, ref)
    now_utc = ports.clock.now_utc()
    if record.seen_utc is None or now_utc - record.seen_utc > SEEN_EVERY:
        record = ports.ledger.amend_mailbox(
            ref.batch, ref.key, lambda stored: replace(stored, seen_utc=now_utc)
        )
    waived = (*record.waived, *ports.plan.survey.waived)
    wanted_utc = survey_wanted_utc(record, waived, now_utc)
    since_utc, patience_s, code = (
        _expectation(ports.plan, record, now_utc)
        if wanted_utc is None
        else _survey_expectation(ports.plan, record, wanted_utc)
    )
    return MailboxView(
        record=record,
        stood_since_utc=since_utc,
        patience_s=patience_s,
        expired_code=code,
        cutover=ports.plan.cutover,
        routing_address=ports.plan.routing_address(record.address),
        waived=waived,
        tenant_danger=_tenant_danger(ports, record),
        source_probe_count=(
            len(ports.plan.submission.hosts) if ports.plan.cutover.source_probe else 0
        ),
        wants_survey=wanted_utc is not None,
        straggler_look_utc=next_look_utc(record),
    )


def _tenant_danger(ports: Ports, record: MailboxRecord) -> str:
    """Asked only where a cutover may begin: it is a read of a row."""
    is_due = record.stage is Stage.SYNCED and record.cutover_at_utc is not None
    return danger_of(ports) if is_due and record.detach_began_utc is None else ""


def _expectation(plan: Plan, record: MailboxRecord, now_utc: datetime) -> Expectation:
    """Since when something is expected, for how long, and the code when it does not come."""
    since_utc = record.stage_since_utc or now_utc
    patience = plan.patience
    if record.rollback_began_utc is not None:
        began_utc = max(since_utc, record.rollback_began_utc)
        return began_utc, patience.rollback_h * HOUR_S, Code.ROLLBACK_NOT_PROVEN
    if record.stage is Stage.SYNCED and record.detach_began_utc is not None:
        began_utc = max(since_utc, record.detach_began_utc)
        return began_utc, patience.detach_h * HOUR_S, Code.DETACH_NOT_PROVEN
    if record.stage is Stage.PROVISIONED and record.joined_group_utc is not None:
        held_utc = record.joined_group_utc + timedelta(seconds=plan.cutover.hold_s)
        return held_utc, patience.coexist_h * HOUR_S, Code.GROUP_NOT_JOINED
    if record.stage is Stage.MIGRATED and record.grace_began_utc is not None:
        grace_end_utc = record.grace_began_utc + timedelta(hours=plan.cutover.grace_h)
        began_utc = max(since_utc, grace_end_utc)
        return began_utc, patience.final_sync_days * DAY_S, Code.SOURCE_NOT_QUIET
    if record.stage is Stage.SURVEYED and record.licensed_utc is not None:
        licensed_utc = max(since_utc, record.licensed_utc)
        return licensed_utc, patience.provision_h * HOUR_S, Code.MAILBOX_NOT_OPEN
    patience_s, code = _by_stage(patience).get(
        record.stage, (UNBOUNDED_S, Code.SERVICE_UNREACHABLE)
    )
    return since_utc, patience_s, code


def _survey_expectation(plan: Plan, record: MailboxRecord, wanted_utc: datetime) -> Expectation:
    """As long as for the first survey; a retry begins it anew."""
    since_utc = max(wanted_utc, record.stage_since_utc or wanted_utc)
    return since_utc, plan.patience.survey_h * HOUR_S, Code.SOURCE_UNREACHABLE


def _by_stage(patience: PatiencePlan) -> Mapping[Stage, tuple[float, Code]]:
    return MappingProxyType(
        {
            Stage.REGISTERED: (patience.survey_h * HOUR_S, Code.SOURCE_UNREACHABLE),
            Stage.SURVEYED: (patience.provision_h * HOUR_S, Code.MAILBOX_NOT_OPEN),
            Stage.PROVISIONED: (patience.coexist_h * HOUR_S, Code.GROUP_NOT_JOINED),
            # Waits for the slowest of its batch, and then for a supplement.
            Stage.COEXISTING: (patience.initial_sync_days * DAY_S, Code.SYNC_LATE),
            Stage.SYNCING: (patience.initial_sync_days * DAY_S, Code.SYNC_LATE),
            Stage.DETACHED: (patience.redirect_h * HOUR_S, Code.REDIRECT_NOT_PROVEN),
            Stage.REDIRECTED: (patience.final_sync_days * DAY_S, Code.SOURCE_NOT_QUIET),
            Stage.FINAL_SYNC: (patience.prove_h * HOUR_S, Code.INCOMPLETE),
            Stage.PROVEN: (patience.prove_h * HOUR_S, Code.SERVICE_UNREACHABLE),
        }
    )
