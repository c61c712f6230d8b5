"""Uploads, their archived copies and reports in Azure Blob Storage."""

import hashlib
import itertools
import threading
from typing import Any

from azure.core import MatchConditions
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContainerClient, ContentSettings

from bascule.adapters.azure_errors import azure_errors
from bascule.adapters.azure_transport import transport_options
from bascule.domain.errors import Conflict
from bascule.ports.blob_store import LISTED_COUNT_MAX, Upload

BATCHES = "batches"
ARCHIVE = "archive"
REPORTS = "reports"
ENDING = ".csv"

# More than a batch file may have, so that what was cut off here is refused for its size; and one request fetches as
# much, so that content and ETag belong together.
UPLOAD_BYTES_MAX = 32 * 1024 * 1024
READ_TIMEOUT_S = 60
ETAG_DIGEST_LENGTH = 12
IF_STILL = MatchConditions.IfNotModified


class AzureBlobStore:
    """The blob store's contract on one storage account; containers are created when first asked for."""

    def __init__(self, service: BlobServiceClient) -> None:
        self._service = service
        self._containers: dict[str, ContainerClient] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_connection_string(cls, connection_string: str) -> "AzureBlobStore":
        """Opened with an account key; for the storage emulator."""
        return cls(BlobServiceClient.from_connection_string(connection_string, **_transport()))

    @classmethod
    def from_account(cls, account: str, credential: TokenCredential) -> "AzureBlobStore":
        """Opened with the app's identity."""
        endpoint = f"https://{account}.blob.core.windows.net"
        return cls(BlobServiceClient(endpoint, credential=credential, **_transport()))

    def close(self) -> None:
        """Let go of the connections."""
        self._service.close()

    def upload(self, name: str, content: bytes) -> None:
        """Put a batch file where the upload trigger looks."""
        self._write(BATCHES, _file_name(name), content, "text/csv")

    def find_upload(self, name: str) -> Upload | None:
        """The uploaded file of a batch, read no further than any batch file is long; None when it is not there."""
        with azure_errors(f"reading the upload of batch {name}"):
            try:
                stream = self._container(BATCHES).download_blob(_file_name(name))
            except ResourceNotFoundError:
                return None
            content = stream.read(UPLOAD_BYTES_MAX)
        return Upload(name, stream.properties.etag, content)

    def waiting_uploads(self) -> tuple[str, ...]:
        """Names of the batches whose file lies where uploads are expected; one request for five thousand."""
        with azure_errors("listing the uploads"):
            names = self._container(BATCHES).list_blob_names()
            listed = list(itertools.islice(names, LISTED_COUNT_MAX))
        return tuple(sorted(name.removesuffix(ENDING) for name in listed if name.endswith(ENDING)))

    def withdraw(self, upload: Upload, sanitised: bytes) -> None:
        """Archive the copy without passwords under the upload's own mark, then delete the upload that was read."""
        # The archive first: a crash in between leaves both, and the same call again ends the same way.
        self._write(ARCHIVE, f"{upload.name}.{_digest(upload.etag)}.csv", sanitised, "text/csv")
        blob = self._container(BATCHES).get_blob_client(_file_name(upload.name))
        with azure_errors(f"withdrawing the upload of batch {upload.name}"):
            try:
                blob.delete_blob("include", etag=upload.etag, match_condition=IF_STILL)
            except ResourceNotFoundError:
                return
            except ResourceModifiedError as error:
                # A condition on a blob that is gone is answered as one that does not hold.
                if blob.exists():
                    raise Conflict(f"another file was uploaded for batch {upload.name}") from error

    def discard(self, file_name: str) -> None:
        """Delete a file that can be no batch: whoever put it there may have written passwords into it."""
        self._remove(BATCHES, file_name)

    def write_report(self, path: str, content: bytes, content_type: str) -> None:
        """Write or replace a report."""
        self._write(REPORTS, path, content, content_type)

    def read_report(self, path: str) -> bytes | None:
        """A report; None when it is not there."""
        with azure_errors(f"reading report {path}"):
            try:
                return self._container(REPORTS).download_blob(path).readall()
            except ResourceNotFoundError:
                return None

    def remove_report(self, path: str) -> None:
        """Delete a report that no longer holds."""
        self._remove(REPORTS, path)

    def _remove(self, container: str, path: str) -> None:
        with azure_errors(f"deleting from {container}"):
            try:
                self._container(container).delete_blob(path, "include")
            except ResourceNotFoundError:
                return

    def _write(self, container: str, path: str, content: bytes, content_type: str) -> None:
        with azure_errors(f"writing {container}/{path}"):
            self._container(container).upload_blob(
                path,
                content,
                overwrite=True,
                content_settings=ContentSettings(content_type=content_type),
            )

    def _container(self, name: str) -> ContainerClient:
        with self._lock:
            if name not in self._containers:
                client = self._service.get_container_client(name)
                if not client.exists():
                    _create(client)
                self._containers[name] = client
            return self._containers[name]


def _create(client: ContainerClient) -> None:
    try:
        client.create_container()
    except ResourceExistsError:
        # Another process created it since we looked; what exists is what we want.
        return


def _file_name(name: str) -> str:
    return f"{name}{ENDING}"


def _digest(etag: str) -> str:
    return hashlib.sha256(etag.encode()).hexdigest()[:ETAG_DIGEST_LENGTH]


def _transport() -> dict[str, Any]:
    return transport_options(READ_TIMEOUT_S) | {"max_single_get_size": UPLOAD_BYTES_MAX}
