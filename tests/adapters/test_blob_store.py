"""What the Azure blob store does beyond its contract."""

from collections.abc import Iterator

import pytest
from azure.storage.blob import BlobServiceClient

from bascule.adapters.blob_store import UPLOAD_BYTES_MAX, AzureBlobStore
from bascule.domain.batch_encoding import FILE_SIZE_MAX_BYTES
from bascule.domain.errors import Throttled, Unreachable
from tests.adapters.busy_storage import busy_storage

NOWHERE = (
    "DefaultEndpointsProtocol=http;AccountName=nobody;AccountKey=a2V5;"
    "BlobEndpoint=http://127.0.0.1:9/nobody;"
)


@pytest.fixture
def service(azurite: str) -> Iterator[BlobServiceClient]:
    """The storage account as an operator sees it."""
    with BlobServiceClient.from_connection_string(azurite) as service:
        yield service


@pytest.fixture
def blobs(azurite: str) -> Iterator[AzureBlobStore]:
    """The store under test."""
    store = AzureBlobStore.from_connection_string(azurite)
    yield store
    store.close()


def test_each_withdrawn_upload_leaves_one_archived_copy(
    blobs: AzureBlobStore, service: BlobServiceClient, table_prefix: str
) -> None:
    """What was uploaded when could not be told afterwards, or an old copy would be overwritten."""
    for content in (b"one", b"two"):
        blobs.upload(table_prefix, content)
        found = blobs.find_upload(table_prefix)
        assert found is not None
        blobs.withdraw(found, b"without passwords: " + content)
        blobs.withdraw(found, b"without passwords: " + content)

    archive = service.get_container_client("archive")
    kept = [archive.download_blob(blob.name).readall() for blob in archive.list_blobs(table_prefix)]

    assert sorted(kept) == [b"without passwords: one", b"without passwords: two"]


def test_an_upload_larger_than_any_batch_is_read_no_further(
    blobs: AzureBlobStore, service: BlobServiceClient, table_prefix: str
) -> None:
    """One wrong file would fill the memory of the worker that every batch needs."""
    blobs.upload(table_prefix, b"")
    blob = service.get_blob_client("batches", f"{table_prefix}.csv")
    blob.upload_blob(bytes(UPLOAD_BYTES_MAX + 1), overwrite=True)

    found = blobs.find_upload(table_prefix)
    assert found is not None
    assert len(found.content) == UPLOAD_BYTES_MAX > FILE_SIZE_MAX_BYTES
    blobs.withdraw(found, b"")
    assert blobs.find_upload(table_prefix) is None


def test_a_storage_account_that_is_not_there_is_unreachable() -> None:
    """A network trouble would set a batch aside."""
    service = BlobServiceClient.from_connection_string(NOWHERE, retry_total=0)
    store = AzureBlobStore(service)

    with pytest.raises(Unreachable):
        store.find_upload("pilot")
    store.close()


def test_a_busy_blob_service_is_asked_once_and_no_thread_sleeps() -> None:
    """Every worker would sleep in a busy hour, and no other mailbox would move."""
    with busy_storage(503, retry_after_s=60) as storage:
        store = AzureBlobStore.from_connection_string(storage.connection_string)
        with pytest.raises(Throttled) as busy:
            store.find_upload("pilot")
        store.close()

    assert (busy.value.wait_s, storage.asked_count) == (60, 1)
