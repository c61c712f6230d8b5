"""End a batch: its sync batches, its key, its claims; and its last report."""

import re
from collections import Counter
from dataclasses import replace
from datetime import datetime

from activities.sync_boards import board_of, running_board_of, sync_batch_names
from activities.uploads import write_json
from bascule.domain.codec import encode
from bascule.domain.records import BatchRecord, MailboxRecord
from bascule.domain.requests import BatchRef
from bascule.ports.bundle import Ports

# A name may have been given up before Exchange heard of it, while the next was taken; two in a row were not seen.
MISSING_COUNT_MAX = 2


def close_batch(ports: Ports, ref: BatchRef) -> bool:
    """Repeatable at every line; the row is closed last.

    The sync batches go only now, after the last mailbox's grace, so that nothing late is left at the source. With the
    key every copy of the passwords is lost, those in backups included.
    """
    records = list(ports.ledger.mailboxes(ref.name))
    for name in _sync_batches(ports, ref.name, records):
        ports.exchange.remove_sync_batch(name)
        for board in (board_of(name), running_board_of(name, 0), running_board_of(name, 1)):
            ports.boards.replace_entries(board, {})
    ports.secrets.destroy_batch(ref.name)
    ports.ledger.release(ref.name, [record.address for record in records])
    write_json(ports, f"{ref.name}/report.json", _report(ports, ref.name, records))
    now_utc = ports.clock.now_utc()
    ports.ledger.amend_batch(ref.name, lambda batch: _closed(batch, now_utc))
    return True


def _closed(batch: BatchRecord, now_utc: datetime) -> BatchRecord:
    """A changed upload that still waits for a word can wait no more: its passwords went with the key."""
    return replace(batch, closed_utc=now_utc, pending_fingerprint="", accepted_fingerprint="")


def _sync_batches(ports: Ports, batch: str, records: list[MailboxRecord]) -> list[str]:
    """Those of the rows, and those that every mailbox has left again: Exchange has them until somebody removes them.

    What else Exchange has under such a name was made by hand, and stays.
    """
    found = {record.sync_batch for record in records} - {""}
    missing_count = 0
    for name in sync_batch_names(batch):
        if name in found:
            continue
        if missing_count == MISSING_COUNT_MAX:
            break
        if _was_sent(ports, name, batch):
            found.add(name)
        elif ports.exchange.find_sync_batch(name) is None:
            missing_count += 1
    return sorted(found)


def _was_sent(ports: Ports, name: str, batch: str) -> bool:
    head = ports.boards.head(board_of(name))
    # Sent by a version that did not mark it, it was at least seen running.
    is_unmarked = head.created_utc is not None and not head.sent_for
    return head.sent_for == batch or (is_unmarked and not _is_of_another(ports, name, batch))


def _is_of_another(ports: Ports, name: str, batch: str) -> bool:
    """Whether it is another batch's: one that is called like our supplement, or whose supplement is called like us."""
    others = {name, re.sub(r"-s\d+$", "", name)} - {batch}
    return any(
        record.sync_batch == name for other in others for record in ports.ledger.mailboxes(other)
    )


def _report(ports: Ports, name: str, records: list[MailboxRecord]) -> dict[str, object]:
    return {
        "batch": name,
        "closed_utc": encode(ports.clock.now_utc()),
        "counts": dict(sorted(Counter(record.stage.value for record in records).items())),
        "mailboxes": [
            {
                "address": record.address,
                "stage": record.stage.value,
                "source_messages": record.source_message_count,
                "redirected_utc": encode(record.redirected_utc),
                "certificate": record.certificate,
                "doubled_messages": record.doubled_count,
            }
            for record in records
        ],
    }
