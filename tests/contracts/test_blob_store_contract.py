"""What every store of uploads and reports promises."""

from collections.abc import Iterator

import pytest

from bascule.adapters.blob_store import AzureBlobStore
from bascule.domain.errors import Conflict
from bascule.ports.blob_store import BlobStore
from sandbox.bound.blob_store import MemoryBlobStore

CSV = b"EmailAddress,UserName,Password\r\nanna@example.org,anna,Pa55\r\n"
SANITISED = b"EmailAddress,UserName\r\nanna@example.org,anna\r\n"


@pytest.fixture(params=["memory", "azure"])
def blobs(request: pytest.FixtureRequest) -> Iterator[BlobStore]:
    """A blob store; tests use names of their own."""
    if request.param == "memory":
        yield MemoryBlobStore()
        return
    store = AzureBlobStore.from_connection_string(request.getfixturevalue("azurite"))
    yield store
    store.close()


def test_an_upload_is_found_with_its_content(blobs: BlobStore, table_prefix: str) -> None:
    """The batch would be read from something else than what the operator uploaded."""
    blobs.upload(table_prefix, CSV)
    found = blobs.find_upload(table_prefix)

    assert found is not None
    assert (found.name, found.content) == (table_prefix, CSV)


def test_what_nobody_uploaded_is_not_found(blobs: BlobStore) -> None:
    """A doorbell without a file would be an error instead of nothing."""
    assert blobs.find_upload("nobody-uploaded-this") is None


def test_what_waits_is_listed_by_the_name_of_its_batch(blobs: BlobStore, table_prefix: str) -> None:
    """The watchdog would never find the file whose bell nobody heard."""
    names = (f"{table_prefix}-b", f"{table_prefix}-a")
    for name in names:
        blobs.upload(name, CSV)
    listed = [name for name in blobs.waiting_uploads() if name.startswith(table_prefix)]
    found = blobs.find_upload(names[0])
    assert found is not None
    blobs.withdraw(found, SANITISED)

    assert listed == sorted(names)
    assert names[0] not in blobs.waiting_uploads()


def test_an_empty_upload_is_found(blobs: BlobStore, table_prefix: str) -> None:
    """An operator who uploaded an empty file would never hear of it."""
    blobs.upload(table_prefix, b"")
    found = blobs.find_upload(table_prefix)

    assert found is not None
    assert found.content == b""


def test_a_withdrawn_upload_is_gone_and_twice_is_the_same(
    blobs: BlobStore, table_prefix: str
) -> None:
    """The file with the passwords would stay, or the second attempt would fail."""
    blobs.upload(table_prefix, CSV)
    found = blobs.find_upload(table_prefix)
    assert found is not None
    blobs.withdraw(found, SANITISED)
    blobs.withdraw(found, SANITISED)

    assert blobs.find_upload(table_prefix) is None


def test_a_file_uploaded_meanwhile_stays(blobs: BlobStore, table_prefix: str) -> None:
    """The operator's correction would be deleted unread."""
    blobs.upload(table_prefix, CSV)
    found = blobs.find_upload(table_prefix)
    assert found is not None
    blobs.upload(table_prefix, CSV + b"bob@example.org,bob,x\r\n")

    with pytest.raises(Conflict):
        blobs.withdraw(found, SANITISED)
    assert blobs.find_upload(table_prefix) is not None


def test_a_discarded_file_is_gone_and_twice_is_the_same(
    blobs: BlobStore, table_prefix: str
) -> None:
    """A misnamed file may hold passwords just as well; it must not lie there for ever."""
    blobs.upload(table_prefix, b"passwords")
    blobs.discard(f"{table_prefix}.csv")
    blobs.discard(f"{table_prefix}.csv")

    assert blobs.find_upload(table_prefix) is None


def test_the_content_of_an_upload_is_never_printed(blobs: BlobStore, table_prefix: str) -> None:
    """A log line about an upload would hold every password of the batch."""
    blobs.upload(table_prefix, CSV)

    assert "Pa55" not in repr(blobs.find_upload(table_prefix))


def test_a_report_can_be_written_again_and_read(blobs: BlobStore, table_prefix: str) -> None:
    """The last word about a batch would be its first draft."""
    path = f"{table_prefix}/anna/certificate.json"
    assert blobs.read_report(path) is None
    blobs.write_report(path, b"{}", "application/json")
    blobs.write_report(path, b'{"missing": 0}', "application/json")

    assert blobs.read_report(path) == b'{"missing": 0}'


def test_a_removed_report_is_gone_and_others_stay(blobs: BlobStore, table_prefix: str) -> None:
    """What was wrong with a file would be shown long after a good one was taken in."""
    for name in ("refused", "report"):
        blobs.write_report(f"{table_prefix}/{name}.json", b"{}", "application/json")
    blobs.remove_report(f"{table_prefix}/refused.json")
    blobs.remove_report(f"{table_prefix}/refused.json")

    assert blobs.read_report(f"{table_prefix}/refused.json") is None
    assert blobs.read_report(f"{table_prefix}/report.json") == b"{}"
