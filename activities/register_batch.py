"""Write a judged upload into the ledger: its batch, its mailboxes, its sealed passwords."""

from dataclasses import replace

from activities.address_claims import claim_all, shown_holders
from activities.completion_gate import is_closed_to_uploads
from activities.uploads import (
    fingerprint_of,
    read_upload,
    record_of_row,
    secrets_of,
    shown_mistakes,
    warnings_path,
    write_json,
)
from bascule.domain.batch_file import BatchFile
from bascule.domain.codes import Code
from bascule.domain.errors import Conflict, Refusal
from bascule.domain.records import BatchRecord
from bascule.domain.requests import BatchRef
from bascule.domain.stages import Stage
from bascule.ports.bundle import Ports


def register_batch(ports: Ports, ref: BatchRef) -> int:
    """How many mailboxes the batch has. Repeatable at every line; open only when everything is written.

    Raises:
        Conflict: the batch was opened meanwhile, by this step's own earlier attempt or with another file; or another
            file lies there than was judged, whose addresses nobody has claimed.
        Refusal(REQUEST_REJECTED): another batch has claimed an address since the upload was judged; nothing was written.
        Refusal(MAILBOXES_UNPROVEN): the tenant was closed for its completion meanwhile; the batch is closed, too.
    """
    _, file = read_upload(ports, ref)
    _claim(ports, ref.name, file)
    fingerprint = fingerprint_of(ports, ref.name, file)
    now_utc = ports.clock.now_utc()
    ports.ledger.add_batch(BatchRecord(ref.name, fingerprint, len(file.rows), now_utc))
    _stay_out_of_a_complete_tenant(ports, ref.name)
    ports.secrets.seal(ref.name, secrets_of(file.rows))
    ports.ledger.add_mailboxes(record_of_row(ports, ref.name, row) for row in file.rows)
    _retire_others(ports, ref.name, file)
    if file.warnings:
        write_json(ports, warnings_path(ref.name), _warnings(ref.name, file))
    ports.ledger.amend_batch(ref.name, lambda batch: _opened(batch, fingerprint, len(file.rows)))
    return len(file.rows)


def _warnings(name: str, file: BatchFile) -> dict[str, object]:
    shown = shown_mistakes(file.warnings)
    return {"batch": name, "warning_count": len(file.warnings), "warnings": shown}


def _claim(ports: Ports, name: str, file: BatchFile) -> None:
    """Claimed when the file was judged; but one that was taken away and put back has let its addresses go."""
    held = claim_all(ports, name, [row.address for row in file.rows])
    if held:
        raise Refusal(Code.REQUEST_REJECTED, shown_holders(held))


def _stay_out_of_a_complete_tenant(ports: Ports, name: str) -> None:
    """Looked at after the batch is written: the completion closes first and then looks, so one of us sees the other."""
    if not is_closed_to_uploads(ports):
        return
    now_utc = ports.clock.now_utc()
    ports.ledger.amend_batch(
        name, lambda batch: batch if batch.is_open else replace(batch, closed_utc=now_utc)
    )
    raise Refusal(Code.MAILBOXES_UNPROVEN, "the tenant is being completed: nothing new begins")


def _opened(batch: BatchRecord, fingerprint: str, row_count: int) -> BatchRecord:
    if batch.is_open and batch.fingerprint != fingerprint:
        raise Conflict(f"batch {batch.name} was opened with another file")
    return replace(batch, fingerprint=fingerprint, row_count=row_count, is_open=True)


def _retire_others(ports: Ports, name: str, file: BatchFile) -> None:
    """Rows of an earlier file that never opened: their stories have not begun, and must not."""
    wanted = {row.address for row in file.rows}
    for record in ports.ledger.mailboxes(name):
        if record.address not in wanted:
            ports.ledger.amend_mailbox(
                name, record.key, lambda stored: replace(stored, stage=Stage.ABANDONED)
            )
            ports.ledger.release(name, [record.address])
