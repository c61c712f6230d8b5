"""Azure Tables with the habits all our tables share: made on first use, conditional writes never repeated blindly."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.core.credentials import TokenCredential
from azure.core.exceptions import (
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import (
    TableClient,
    TableEntity,
    TableServiceClient,
    TableTransactionError,
    UpdateMode,
)

from bascule.adapters.azure_errors import azure_errors
from bascule.adapters.azure_transport import transport_options

T = TypeVar("T")
Row = Mapping[str, Any]

# A transaction takes 100 operations on one partition. Source: "Performing entity group transactions", Microsoft Learn.
TRANSACTION_ROWS_MAX = 100
# A query answers at most so many rows at once. Source: "Query timeout and pagination", Microsoft Learn.
PAGE_ROWS_MAX = 1_000
READ_TIMEOUT_S = 30

ONE_ATTEMPT: Mapping[str, Any] = {"retry_total": 0}
"""For writes whose repetition would meet its own effect, and take it for somebody else's."""


class Tables:
    """The tables of one storage account whose names begin with our prefix."""

    def __init__(self, service: TableServiceClient, prefix: str) -> None:
        self._service = service
        self._prefix = prefix
        self._clients: dict[str, TableClient] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_connection_string(cls, connection_string: str, prefix: str) -> "Tables":
        """Tables opened with an account key; for the storage emulator."""
        service = TableServiceClient.from_connection_string(
            connection_string, **transport_options(READ_TIMEOUT_S)
        )
        return cls(service, prefix)

    @classmethod
    def from_account(cls, account: str, credential: TokenCredential, prefix: str) -> "Tables":
        """Tables of a storage account, opened with the app's identity."""
        endpoint = f"https://{account}.table.core.windows.net"
        return cls(
            TableServiceClient(
                endpoint, credential=credential, **transport_options(READ_TIMEOUT_S)
            ),
            prefix,
        )

    def table(self, name: str) -> "Table":
        """One table, created when this process first asks for it."""
        with self._lock:
            if name not in self._clients:
                self._clients[name] = self._opened(f"{self._prefix}{name}")
            return Table(self._clients[name])

    def close(self) -> None:
        """Let go of the connections."""
        self._service.close()

    def _opened(self, full_name: str) -> TableClient:
        with azure_errors(f"making sure of table {full_name}"):
            return self._service.create_table_if_not_exists(full_name)


class Table:
    """One table. Rows are mappings with PartitionKey and RowKey; errors are those of our tree."""

    def __init__(self, client: TableClient) -> None:
        self._client = client
        self._name = client.table_name

    def find(self, partition: str, row: str) -> TableEntity | None:
        """The row, with its ETag in `metadata`; None when it is not there."""
        with azure_errors(f"reading {self._name}"):
            try:
                return self._client.get_entity(partition, row)
            except ResourceNotFoundError:
                return None

    def add(self, row: Row) -> bool:
        """Create a row; False when one of its key is there, which is left as it is."""
        with azure_errors(f"adding to {self._name}"):
            try:
                self._client.create_entity(dict(row), **ONE_ATTEMPT)
            except ResourceExistsError:
                return False
        return True

    def put(self, row: Row) -> None:
        """Create or replace a row."""
        with azure_errors(f"writing {self._name}"):
            self._client.upsert_entity(dict(row), mode=UpdateMode.REPLACE)

    def replace(self, row: Row, etag: str) -> bool:
        """Replace a row that still has this ETag; False when it was changed or removed meanwhile."""
        with azure_errors(f"changing {self._name}"):
            try:
                self._client.update_entity(
                    dict(row), mode=UpdateMode.REPLACE, **_if_still(etag), **ONE_ATTEMPT
                )
            except (ResourceModifiedError, ResourceNotFoundError):
                return False
        return True

    def remove(self, partition: str, row: str) -> None:
        """Delete a row; gone already is success."""
        with azure_errors(f"deleting from {self._name}"):
            self._client.delete_entity(partition, row)

    def remove_if_still(self, row: TableEntity) -> bool:
        """Delete a row that was not changed since it was read; False when it was."""
        with azure_errors(f"deleting from {self._name}"):
            try:
                self._client.delete_entity(row, **_if_still(etag_of(row)), **ONE_ATTEMPT)
            except ResourceModifiedError:
                return False
        return True

    def rows(
        self,
        partition: str,
        *,
        first: str = "",
        after: str = "",
        last: str = "",
        select: Sequence[str] = (),
        page_rows: int = PAGE_ROWS_MAX,
    ) -> Iterator[TableEntity]:
        """Every row of a partition in the order of its keys, page by page.

        `first` and `last` are inclusive, `after` is not; only the columns of `select` are read when it names any.
        """
        wanted, parameters = "PartitionKey eq @partition", {"partition": partition}
        if first:
            wanted, parameters = f"{wanted} and RowKey ge @first", parameters | {"first": first}
        if after:
            wanted, parameters = f"{wanted} and RowKey gt @after", parameters | {"after": after}
        if last:
            wanted, parameters = f"{wanted} and RowKey le @last", parameters | {"last": last}
        with azure_errors(f"listing {self._name}"):
            yield from self._client.query_entities(
                wanted,
                parameters=parameters,
                select=list(select) or None,
                results_per_page=page_rows,
            )

    def add_missing(self, rows: Iterable[Row]) -> list[TableEntity]:
        """Create many rows of one partition; answers those that were there already, as they are.

        A hundred at a time; only a hundred that meets an existing row is read and gone through again.
        """
        ordered = sorted(rows, key=lambda row: str(row["RowKey"]))
        found: list[TableEntity] = []
        for some in in_hundreds(ordered):
            if not self._add_together(some):
                found.extend(self._add_one_by_one(some))
        return found

    def put_all(self, rows: Iterable[Row]) -> None:
        """Create or replace many rows of one partition, a hundred at a time."""
        for some in in_hundreds(rows):
            with azure_errors(f"writing {self._name}"):
                self._client.submit_transaction(
                    [("upsert", dict(row), {"mode": UpdateMode.REPLACE}) for row in some]
                )

    def remove_all(self, rows: Iterable[TableEntity]) -> None:
        """Delete many rows of one partition unless they were changed since they were read."""
        for some in in_hundreds(rows):
            if not self._remove_together(some):
                for row in some:
                    self.remove_if_still(row)

    def _add_together(self, rows: Sequence[Row]) -> bool:
        with azure_errors(f"adding to {self._name}"):
            try:
                operations = [("create", dict(row)) for row in rows]
                self._client.submit_transaction(operations, **ONE_ATTEMPT)
            except TableTransactionError as error:
                if error.status_code == 409:
                    return False
                raise
        return True

    def _add_one_by_one(self, rows: Sequence[Row]) -> Iterator[TableEntity]:
        partition = str(rows[0]["PartitionKey"])
        there = self.rows(partition, first=str(rows[0]["RowKey"]), last=str(rows[-1]["RowKey"]))
        by_key = {str(row["RowKey"]): row for row in there}
        for row in rows:
            existing = by_key.get(str(row["RowKey"]))
            if existing is None and not self.add(row):
                existing = self.find(partition, str(row["RowKey"]))
            if existing is not None:
                yield existing

    def _remove_together(self, rows: Sequence[TableEntity]) -> bool:
        with azure_errors(f"deleting from {self._name}"):
            try:
                self._client.submit_transaction(
                    [("delete", row, _if_still(etag_of(row))) for row in rows], **ONE_ATTEMPT
                )
            except TableTransactionError as error:
                if error.status_code in (404, 412):
                    return False
                raise
        return True


def etag_of(row: TableEntity) -> str:
    """The ETag under which a row was read."""
    etag = row.metadata["etag"]
    if etag is None:
        raise ValueError("a row that was read has an ETag")
    return etag


def in_hundreds(rows: Iterable[T]) -> Iterator[list[T]]:
    """The rows in their order, as many at a time as a transaction takes."""
    remaining = iter(rows)
    while some := list(islice(remaining, TRANSACTION_ROWS_MAX)):
        yield some


def _if_still(etag: str) -> dict[str, Any]:
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}
