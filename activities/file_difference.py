"""Put a changed upload before the operator: what it would change, and nothing changed yet."""

from collections.abc import Mapping
from dataclasses import replace

from activities.ensure_account import new_password_key
from activities.subject import batch_of
from activities.uploads import (
    difference_path,
    fingerprint_of,
    pending_key,
    pending_path,
    read_upload,
    row_facts,
    secrets_of,
    write_json,
)
from bascule.domain.batch_difference import Difference, RowFacts, difference
from bascule.domain.codec import encode
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.records import MailboxRecord
from bascule.domain.requests import BatchRef
from bascule.ports.bundle import Ports


def file_difference(ports: Ports, ref: BatchRef) -> int:
    """Write the difference and the pending rows, seal the pending passwords; how many mailboxes it touches."""
    _, file = read_upload(ports, ref.name)
    running = {record.address: _facts(ports, record) for record in ports.ledger.mailboxes(ref.name)}
    fresh = [row_facts(ports, ref.name, row) for row in file.rows]
    found = difference(running, [_with_instant(facts, running) for facts in fresh])
    fingerprint = fingerprint_of(ports, ref.name, file)
    sealed = secrets_of(file.rows).items()
    ports.secrets.seal(ref.name, {pending_key(key, fingerprint): text for key, text in sealed})
    write_json(ports, pending_path(ref.name, fingerprint), [encode(facts) for facts in fresh])
    write_json(ports, difference_path(ref.name), _report(ref.name, fingerprint, found))
    if batch_of(ports, ref.name).pending_fingerprint != fingerprint:
        ports.notifier.alert(
            f"Batch {ref.name}: a changed file was uploaded",
            "Nothing was applied. Read its difference and accept it, or upload the first file again.",
        )
    ports.ledger.amend_batch(
        ref.name, lambda batch: replace(batch, pending_fingerprint=fingerprint)
    )
    return len(found.added) + len(found.removed) + len(found.changed)


def _with_instant(facts: RowFacts, running: Mapping[str, RowFacts]) -> RowFacts:
    """A row without an instant does not take back a cutover that was asked for otherwise."""
    known = running.get(facts.address)
    if facts.cutover_at_utc is not None or known is None:
        return facts
    return replace(facts, cutover_at_utc=known.cutover_at_utc)


def _facts(ports: Ports, record: MailboxRecord) -> RowFacts:
    return RowFacts(
        address=record.address,
        user_name=record.source_user,
        user_root=record.user_root,
        display_name=record.display_name,
        cohort=record.cohort,
        cutover_at_utc=record.cutover_at_utc,
        usage_location=record.usage_location,
        password_mark=_password_mark(ports, record),
        unit=record.unit,
    )


def _password_mark(ports: Ports, record: MailboxRecord) -> str:
    try:
        password = ports.secrets.open(record.batch, record.key)
        new = (
            ports.secrets.open(record.batch, new_password_key(record.key))
            if record.has_new_password
            else ""
        )
    except Refusal as refusal:
        if refusal.code is not Code.SECRET_UNREADABLE:
            raise
        return ""  # destroyed: the mailbox has closed, any password differs
    return ports.secrets.mark(record.batch, f"{password}\0{new}")


def _report(batch: str, fingerprint: str, found: Difference) -> dict[str, object]:
    return {
        "batch": batch,
        "fingerprint": fingerprint,
        "added": list(found.added),
        "removed": list(found.removed),
        "changed": [
            {"address": change.address, "fields": list(change.fields)} for change in found.changed
        ],
        "what_to_do": "POST /api/batches/NAME/difference with this fingerprint applies what was added"
        " and changed. Rows that were removed are never abandoned by a file: ask for it by name.",
    }
