"""Refuse an upload whole: say why, take its passwords out of the storage, write nothing else."""

from activities.uploads import mistakes_path, write_json
from bascule.domain.batch_file import read_batch_file, sanitised_csv
from bascule.domain.batch_mistakes import BatchFileInvalid
from bascule.domain.records import StandingRefusal, refusal_document
from bascule.domain.requests import Refusals
from bascule.ports.blob_store import Upload
from bascule.ports.bundle import Ports

# A line on a page; the report has the whole, which may name thousands of addresses.
DETAIL_LENGTH_MAX = 500
UNREADABLE_COPY = (
    b"This file could not be read as a batch. It was deleted, because it may hold passwords.\r\n"
)


def refuse_upload(ports: Ports, refusal: Refusals) -> bool:
    """Write the reason, archive what can be kept, release the addresses, tell the operator.

    The file itself is deleted: it holds passwords, and the operator has the original. False: another file lies there
    by now; nothing was done, and the story looks again at once.
    """
    upload = ports.blobs.find_upload(refusal.name)
    if upload is None:
        return True  # refused by an earlier attempt whose answer was lost
    if upload.etag != refusal.etag:
        return False
    if refusal.code != "invalid_file":
        reason = {"batch": refusal.name, "code": refusal.code, "detail": refusal.detail}
        told = {**reason, "mistake_count": 0, "mistakes": []}
        write_json(ports, mistakes_path(refusal.name), told)
    _release(ports, refusal.name, upload)
    _remember(ports, refusal)
    ports.blobs.withdraw(upload, _copy(ports, upload))
    ports.notifier.alert(f"Batch {refusal.name} was refused", f"{refusal.code}: {refusal.detail}")
    return True


def _remember(ports: Ports, refusal: Refusals) -> None:
    """For lists: a batch that was refused before its first write has no row to be found by."""
    detail, now_utc = refusal.detail[:DETAIL_LENGTH_MAX], ports.clock.now_utc()
    standing = StandingRefusal(refusal.code, detail, now_utc)
    ports.documents.amend(refusal_document(refusal.name), StandingRefusal, lambda _: standing)


def _release(ports: Ports, name: str, upload: Upload) -> None:
    """Give the claimed addresses back; those of a batch that runs stay claimed."""
    if ports.ledger.find_batch(name) is not None:
        return
    try:
        file = read_batch_file(upload.content, ports.plan)
    except BatchFileInvalid:
        return  # nothing was claimed for a file that could not be read
    ports.ledger.release(name, [row.address for row in file.rows])


def _copy(ports: Ports, upload: Upload) -> bytes:
    try:
        return sanitised_csv(read_batch_file(upload.content, ports.plan))
    except BatchFileInvalid:
        return UNREADABLE_COPY
