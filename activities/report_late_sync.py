"""Tell the operator, once a day for a whole batch, that its sync is late; and which mailboxes hold messages twice."""

from dataclasses import replace
from datetime import timedelta

from activities.report_doubled import report_doubled
from activities.subject import batch_of
from activities.sync_boards import is_late
from bascule.domain.requests import BatchRef
from bascule.domain.stages import Stage
from bascule.ports.bundle import Ports

ALERT_EVERY = timedelta(hours=24)


def report_late_sync(ports: Ports, ref: BatchRef) -> int:
    """How many synced mailboxes have had no complete sync for longer than the plan's alert age. Raises NotYet."""
    now_utc = ports.clock.now_utc()
    records = list(ports.ledger.mailboxes(ref.name))
    report_doubled(ports, ref.name, records)
    age_max = timedelta(hours=ports.plan.sync.delta_age_alert_h)
    late_count = sum(
        record.stage is Stage.SYNCED
        and record.last_synced_utc is not None
        and is_late(ports, record, age_max)
        for record in records
    )
    told_utc = batch_of(ports, ref.name).late_told_utc
    if late_count and (told_utc is None or now_utc - told_utc >= ALERT_EVERY):
        ports.notifier.alert(
            f"The sync of batch {ref.name} is late",
            f"{late_count} mailboxes had no complete sync for {ports.plan.sync.delta_age_alert_h} h.",
        )
        ports.ledger.amend_batch(ref.name, lambda batch: replace(batch, late_told_utc=now_utc))
    return late_count
