"""Tell the operator which mailboxes of a batch hold messages twice: nothing is lost, but their owners will ask."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from activities.subject import batch_of
from bascule.domain.records import MailboxRecord
from bascule.ports.bundle import Ports

# A batch that is cut over in one night proves a mailbox every few seconds.
ALERT_EVERY = timedelta(hours=24)
NAMED_MAX = 20


def report_doubled(ports: Ports, name: str, records: Iterable[MailboxRecord]) -> None:
    """Each time there are more of them than were told, and at most once a day."""
    found = [record for record in records if record.doubled_count]
    batch, now_utc = batch_of(ports, name), ports.clock.now_utc()
    told_utc = batch.doubled_told_utc
    if len(found) <= batch.doubled_told_count or (told_utc and now_utc - told_utc < ALERT_EVERY):
        return
    lines = [f"{record.address}: {record.doubled_count}" for record in found[:NAMED_MAX]]
    further = [f"and {len(found) - NAMED_MAX} more"] if len(found) > NAMED_MAX else []
    ports.notifier.alert(
        f"Mailboxes of batch {name} hold messages twice",
        "\n".join(
            [
                "More often in the cloud than at the source; the certificates name them.",
                *lines,
                *further,
            ]
        ),
    )
    ports.ledger.amend_batch(
        name,
        lambda row: replace(row, doubled_told_count=len(found), doubled_told_utc=now_utc),
    )
