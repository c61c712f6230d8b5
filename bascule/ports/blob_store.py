"""Uploaded batch files, their copies without passwords, and reports."""

from dataclasses import dataclass, field
from typing import Protocol

# Far more files than anybody uploads at once; those behind are listed when the first have been taken in.
LISTED_COUNT_MAX = 1_000


@dataclass(frozen=True)
class Upload:
    """An uploaded batch file as it stands now."""

    name: str
    etag: str
    content: bytes = field(repr=False)


class BlobStore(Protocol):
    """Containers `batches`, `archive` and `reports`. Every method may raise Unreachable."""

    def upload(self, name: str, content: bytes) -> None:
        """Put a batch file where uploads are expected, as an operator does by hand."""
        ...

    def find_upload(self, name: str) -> Upload | None:
        """The uploaded file of a batch; None when it is not there, or was withdrawn.

        Of a file that is longer than any batch may be, at least so much that its length tells: it is refused and
        withdrawn like any other, because it may hold passwords.
        """
        ...

    def waiting_uploads(self) -> tuple[str, ...]:
        """Names of the batches whose file lies where uploads are expected, in order; at most LISTED_COUNT_MAX."""
        ...

    def withdraw(self, upload: Upload, sanitised: bytes) -> None:
        """Archive the copy without passwords, then delete the upload if it is still the one that was read.

        Raises:
            Conflict: another file was uploaded meanwhile; it stays.
        """
        ...

    def discard(self, file_name: str) -> None:
        """Delete a file that lies where uploads are expected and can be none; gone already is success."""
        ...

    def write_report(self, path: str, content: bytes, content_type: str) -> None:
        """Write or replace a report."""
        ...

    def read_report(self, path: str) -> bytes | None:
        """A report; None when it is not there."""
        ...

    def remove_report(self, path: str) -> None:
        """Delete a report that no longer holds; gone already is success."""
        ...
