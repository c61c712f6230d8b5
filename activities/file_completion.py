"""Write the final report of the migration, and end it."""

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

from activities.completion_gate import advance, completion_of, entries_of_completion
from activities.uploads import write_json
from bascule.domain.codec import encode
from bascule.domain.completion import CompletionRef, Phase
from bascule.domain.errors import Refusal
from bascule.domain.records import MailboxRecord
from bascule.domain.stages import Stage
from bascule.ports.bundle import Ports

logger = logging.getLogger("bascule.completion")

REPORT_PATH = "TENANT/report.json"


def file_completion(ports: Ports, ref: CompletionRef) -> bool:
    """Repeatable; the report stands, and the operator is told, before the phase says so.

    Told once more, at most, for each time that the step ends between the two.
    """
    del ref
    record = completion_of(ports)
    if record is not None and record.phase is not Phase.COMPLETE:
        write_json(ports, REPORT_PATH, _report(ports))
        _tell(ports)
        advance(ports, Phase.SEPARATING, Phase.COMPLETE)
    return True


def _tell(ports: Ports) -> None:
    try:
        ports.notifier.alert("The migration is complete", f"The final report is {REPORT_PATH}.")
    except Refusal as no:
        # It does not pass by itself, and the log has the alert; what is complete stays so without a mail.
        logger.warning("the end of the migration was not mailed: %s", no)


def _report(ports: Ports) -> dict[str, Any]:
    record = completion_of(ports)
    mailboxes = list(_all_mailboxes(ports))
    return {
        "completed_utc": encode(ports.clock.now_utc()),
        "domains": list(ports.plan.tenant.domains),
        "words": [encode(given) for given in record.words] if record else [],
        "batches": [
            {"batch": batch.name, "rows": batch.row_count, "closed_utc": encode(batch.closed_utc)}
            for batch in ports.ledger.batches()
        ],
        "stages": dict(sorted(Counter(each.stage.value for each in mailboxes).items())),
        "abandoned": [each.address for each in mailboxes if each.stage is Stage.ABANDONED],
        "deeds": [encode(entry) for entry in entries_of_completion(ports)],
    }


def _all_mailboxes(ports: Ports) -> Iterator[MailboxRecord]:
    for batch in ports.ledger.batches():
        yield from ports.ledger.mailboxes(batch.name)
