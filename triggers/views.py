"""How batches and mailboxes look over HTTP; nothing of a password, nothing of a subject."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from activities.desks import counts_of
from activities.uploads import difference_path, mistakes_path, warnings_path
from bascule.domain.codec import encode
from bascule.domain.records import (
    BatchRecord,
    MailboxRecord,
    StandingHoldUp,
    hold_up_document,
)
from bascule.domain.stages import Stage
from bascule.ports.bundle import Ports


def state_of(batch: BatchRecord) -> str:
    """Where a batch stands as a whole."""
    return "closed" if batch.closed_utc else "running" if batch.is_open else "registering"


def batch_view(ports: Ports, batch: BatchRecord) -> dict[str, Any]:
    """One batch with its counts."""
    records = list(ports.ledger.mailboxes(batch.name))
    view: dict[str, Any] = {
        "batch": batch.name,
        "state": state_of(batch),
        "uploaded_utc": encode(batch.uploaded_utc),
        "mailboxes": len(records),
        "stages": stage_counts(records),
        "on_the_way_back": sum(record.is_on_its_way_back for record in records),
        "set_aside": {
            record.address: record.code.value
            for record in records
            # One who was abandoned keeps the reason, and waits for nobody.
            if record.code is not None and record.stage is Stage.SET_ASIDE
        },
        "doubled": {
            record.address: record.doubled_count for record in records if record.doubled_count
        },
        "sync_batches": sorted({record.sync_batch for record in records} - {""}),
    }
    if held_up := held_up_view(ports, batch.name):
        view["held_up"] = held_up
    if counts := counts_of(ports, batch.name, records):
        view["workstations"] = {
            "migrated": counts.migrated_count,
            "done": counts.done,
            "complete": counts.complete_count,
        }
    if batch.pending_fingerprint:
        view["difference"] = report(ports, difference_path(batch.name))
    if told := report(ports, warnings_path(batch.name)):
        view["warnings"] = told["warnings"]
        # A report that an older version wrote lists all of them.
        view["warning_count"] = told.get("warning_count", len(told["warnings"]))
    if refused := report(ports, mistakes_path(batch.name)):
        view["last_refused_upload"] = refused
    return view


def stage_counts(records: Iterable[MailboxRecord]) -> dict[str, int]:
    """{stage: mailboxes}; whoever is on the way back is counted apart: its stage is the one that it leaves."""
    staying = (record.stage.value for record in records if not record.is_on_its_way_back)
    return dict(sorted(Counter(staying).items()))


def refused_view(ports: Ports, name: str) -> dict[str, Any] | None:
    """A batch that was refused, or is held up, before its first write; None when nothing is known of it."""
    if held_up := held_up_view(ports, name):
        return {"batch": name, "state": "held up", "held_up": held_up}
    refused = report(ports, mistakes_path(name))
    return None if refused is None else {"batch": name, "state": "refused", "refused": refused}


def held_up_view(ports: Ports, name: str) -> dict[str, Any] | None:
    """What holds a batch up and since when; None when nothing does."""
    found = ports.documents.find(hold_up_document(name), StandingHoldUp)
    return None if found is None else {"detail": found.detail, "since_utc": encode(found.since_utc)}


def mailbox_view(record: MailboxRecord) -> dict[str, Any]:
    """One mailbox: where it stands, since when, and what was asked."""
    names = (
        "address",
        "stage",
        "stage_since_utc",
        "code",
        "detail",
        "resume_stage",
        "wish",
        "wish_by",
        "cutover_at_utc",
        "detach_began_utc",
        "rollback_began_utc",
        "waived",
        "survey_asked_utc",
        "surveyed_utc",
        "source_message_count",
        "source_size_bytes",
        "offences",
        "route_home",
        "sync_batch",
        "synced_count",
        "skipped_count",
        "last_synced_utc",
        "redirected_utc",
        "migrated_utc",
        "home_watched_until_utc",
        "closed_utc",
        "certificate",
        "doubled_count",
    )
    return {name: encode(getattr(record, name)) for name in names}


def report(ports: Ports, path: str) -> Any:
    """A JSON report; None when it is not there."""
    content = ports.blobs.read_report(path)
    return None if content is None else json.loads(content)
