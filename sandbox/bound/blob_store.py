"""Uploads, archived copies and reports in memory."""

from itertools import count

from bascule.domain.errors import Conflict
from bascule.ports.blob_store import LISTED_COUNT_MAX, Upload


class MemoryBlobStore:
    """Implements `bascule.ports.blob_store.BlobStore`."""

    def __init__(self) -> None:
        self.archive: dict[str, bytes] = {}
        """Copies without passwords, by name and mark of the upload."""
        self.reports: dict[str, bytes] = {}
        self._uploads: dict[str, Upload] = {}
        self._etags = count(1)

    def upload(self, name: str, content: bytes) -> None:
        """Put a batch file where uploads are expected."""
        self._uploads[name] = Upload(name, f"0x{next(self._etags):X}", content)

    def lying(self) -> dict[str, bytes]:
        """{name: content} of every upload that was not withdrawn, for whoever looks on."""
        return {name: upload.content for name, upload in self._uploads.items()}

    def find_upload(self, name: str) -> Upload | None:
        """The uploaded file of a batch."""
        return self._uploads.get(name)

    def waiting_uploads(self) -> tuple[str, ...]:
        """Names of the batches whose file lies there."""
        return tuple(sorted(self._uploads)[:LISTED_COUNT_MAX])

    def withdraw(self, upload: Upload, sanitised: bytes) -> None:
        """Archive the copy, then delete the upload that was read."""
        self.archive[f"{upload.name}.{upload.etag}.csv"] = sanitised
        lying = self._uploads.get(upload.name)
        if lying is not None and lying.etag != upload.etag:
            raise Conflict(f"another file was uploaded for batch {upload.name}")
        self._uploads.pop(upload.name, None)

    def discard(self, file_name: str) -> None:
        """Delete a file that can be no batch."""
        self._uploads.pop(file_name.removesuffix(".csv"), None)

    def write_report(self, path: str, content: bytes, content_type: str) -> None:
        """Write or replace a report."""
        del content_type
        self.reports[path] = content

    def read_report(self, path: str) -> bytes | None:
        """A report; None when it is not there."""
        return self.reports.get(path)

    def remove_report(self, path: str) -> None:
        """Delete a report."""
        self.reports.pop(path, None)
