"""Replace an uploaded file by its copy without passwords."""

from activities.uploads import fingerprint_of, mistakes_path, read_upload
from bascule.domain.batch_file import sanitised_csv
from bascule.domain.errors import Conflict
from bascule.domain.records import refusal_document
from bascule.domain.requests import BatchRef
from bascule.ports.bundle import Ports


def withdraw_upload(ports: Ports, ref: BatchRef) -> bool:
    """Archive the copy, delete the upload; only the one that was taken in. Gone already is success.

    Why an earlier upload was refused holds no longer, and goes with it.

    Raises:
        Conflict: another file lies there now; the story judges it next.
    """
    if ports.blobs.find_upload(ref.name) is None:
        return True
    upload, file = read_upload(ports, ref)
    batch = ports.ledger.find_batch(ref.name)
    known = {batch.fingerprint, batch.pending_fingerprint} if batch else set()
    if fingerprint_of(ports, ref.name, file) not in known:
        raise Conflict(f"another file was uploaded for batch {ref.name}")
    # Before the upload goes, so that a crash in between leaves something to do again.
    ports.blobs.remove_report(mistakes_path(ref.name))
    ports.documents.remove(refusal_document(ref.name))
    ports.blobs.withdraw(upload, sanitised_csv(file))
    return True
