"""Judge an upload whole, against the rules and against the ledger, before anything is written for it."""

from activities.address_claims import Holder, claim_all
from activities.completion_gate import is_closed_to_uploads
from activities.uploads import fingerprint_of, mistakes_path, shown_mistakes, write_json
from bascule.domain.batch_file import BatchFile, read_batch_file
from bascule.domain.batch_mistakes import BatchFileInvalid, Mistake
from bascule.domain.records import BatchRecord
from bascule.domain.requests import BatchRef, UploadKind, UploadVerdict
from bascule.ports.blob_store import Upload
from bascule.ports.bundle import Ports


def validate_upload(ports: Ports, ref: BatchRef) -> UploadVerdict:
    """What lies where uploads are expected.

    INVALID: how many mistakes there are, and the first of them with line and column, stands in the report `NAME/refused.json`.
    NEW: the addresses are claimed for this batch. SAME and CHANGED: against the batch that runs.
    """
    upload = ports.blobs.find_upload(ref.name)
    if upload is None:
        return UploadVerdict(UploadKind.NONE)
    try:
        file = read_batch_file(upload.content, ports.plan)
        kind = _kind(ports, ref.name, file)
    except BatchFileInvalid as invalid:
        return _invalid(ports, ref.name, upload, invalid.mistakes)
    return UploadVerdict(kind, upload.etag, len(file.rows))


def _kind(ports: Ports, name: str, file: BatchFile) -> UploadKind:
    if is_closed_to_uploads(ports):
        raise BatchFileInvalid((_too_late(),))
    batch = ports.ledger.find_batch(name)
    if batch is not None and batch.closed_utc is not None:
        raise BatchFileInvalid((_closed(name),))
    if batch is not None and batch.is_open:
        is_same = fingerprint_of(ports, name, file) in _known(batch)
        return UploadKind.SAME if is_same else UploadKind.CHANGED
    _claim(ports, name, file)
    return UploadKind.NEW


def _known(batch: BatchRecord) -> set[str]:
    return {batch.fingerprint, batch.pending_fingerprint, batch.accepted_fingerprint} - {""}


def _claim(ports: Ports, name: str, file: BatchFile) -> None:
    """Claim every address, or none. Raises BatchFileInvalid naming each that another batch holds."""
    held = claim_all(ports, name, [row.address for row in file.rows])
    if held:
        raise BatchFileInvalid(
            tuple(_held(row.line, held[row.address]) for row in file.rows if row.address in held)
        )


def _held(line: int, holder: Holder) -> Mistake:
    other = holder.batch
    if holder.has_copy:
        what = f"its cloud mailbox holds a copy already: batch {other} abandoned it after a sync"
        todo = (
            f"Take the row out until batch {other} is closed, and empty or delete the cloud mailbox"
            " before it comes again: otherwise everything is there twice."
        )
        return Mistake(line, 1, "EmailAddress", what, todo)
    what = f"the address is in batch {other}, which is not closed"
    todo = "Take the row out, or abandon it in the other batch."
    return Mistake(line, 1, "EmailAddress", what, todo)


def _too_late() -> Mistake:
    what = "the tenant is being completed: there is no way left over which a mailbox could move"
    return Mistake(0, 0, "", what, "See `bascule completion show`.")


def _closed(name: str) -> Mistake:
    return Mistake(0, 0, "", f"a batch {name} was migrated and closed", "Choose another file name.")


def _invalid(
    ports: Ports, name: str, upload: Upload, mistakes: tuple[Mistake, ...]
) -> UploadVerdict:
    write_json(
        ports,
        mistakes_path(name),
        {
            "batch": name,
            "code": "invalid_file",
            "mistake_count": len(mistakes),
            "mistakes": shown_mistakes(mistakes),
        },
    )
    return UploadVerdict(UploadKind.INVALID, upload.etag, mistake_count=len(mistakes))
