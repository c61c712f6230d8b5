"""How values become rows and back, and how Azure's refusals become ours."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseTimeoutError,
)
from azure.data.tables import TableServiceClient

from bascule.adapters.azure_errors import BUSY_WAIT_S, azure_errors
from bascule.adapters.table_store.keys import key_of, text_of
from bascule.adapters.table_store.ledger import TableLedger
from bascule.adapters.table_store.rows import TEXT_UNITS_MAX, columns_of, value_of
from bascule.adapters.table_store.tables import Tables
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Throttled, Unreachable
from tests.adapters.busy_storage import busy_storage


@dataclass(frozen=True)
class Crate:
    """A value with one field of each kind."""

    name: str
    weight_bytes: int = 0
    is_open: bool = False
    seen_utc: datetime | None = None
    code: Code | None = None
    labels: tuple[str, ...] = ()


class Answer:
    """A response with headers, as an HTTP error carries one."""

    status_code = 503
    reason = "busy"

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers

    def text(self) -> str:
        """No body."""
        return ""


@pytest.fixture
def tables(azurite: str, table_prefix: str) -> Iterator[Tables]:
    """Tables of this test's own."""
    tables = Tables.from_connection_string(azurite, table_prefix)
    yield tables
    tables.close()


def refused(status: int, headers: dict[str, str] | None = None) -> HttpResponseError:
    """What the client raises for a status."""
    error = HttpResponseError("refused")
    error.status_code = status
    error.response = Answer(headers or {})  # type: ignore[assignment]
    return error


def test_a_row_of_an_older_release_takes_defaults() -> None:
    """Every running batch would stop with the release that adds a column."""
    assert value_of(Crate, {"name": "a", "gone": 1}) == Crate("a")


def test_an_instant_of_another_zone_is_kept_in_utc() -> None:
    """Two hosts would disagree about which of two instants came first."""
    paris = timezone(timedelta(hours=1))
    columns = columns_of(Crate("a", seen_utc=datetime(2026, 11, 22, 13, tzinfo=paris)))

    assert columns["seen_utc"] == datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_an_instant_without_zone_is_refused() -> None:
    """It would be read back as another instant."""
    with pytest.raises(TypeError, match="seen_utc"):
        columns_of(Crate("a", seen_utc=datetime(2026, 11, 22)))  # noqa: DTZ001  what is tested


def test_a_text_too_long_for_a_column_names_its_field_only() -> None:
    """The table would answer a bare 400, or the log would hold the text."""
    columns_of(Crate("x" * TEXT_UNITS_MAX))

    with pytest.raises(Refusal, match="`name`") as error:
        columns_of(Crate("𝒳" * (TEXT_UNITS_MAX // 2 + 1)))
    assert "𝒳" not in str(error.value)


def test_an_unknown_type_is_refused_before_it_is_written() -> None:
    """A field would silently not be stored."""
    with pytest.raises(TypeError, match="name"):
        columns_of(Crate(b"bytes"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["o'hara@x.org", "a/b\\c#d?e%f=g", "guest#ext#@x.org", "é\n\x85", "", "=2F", "A b"]
)
def test_any_text_is_a_key_and_comes_back(text: str, tables: Tables) -> None:
    """An address with a forbidden character could not be migrated."""
    table = tables.table("keys")
    table.put({"PartitionKey": key_of(text), "RowKey": key_of(text), "text": text})
    found = list(table.rows(key_of(text)))

    assert [row["text"] for row in found] == [text]
    assert text_of(found[0]["RowKey"]) == text


def test_a_row_changed_since_it_was_read_is_not_removed(tables: Tables) -> None:
    """A claim given to another batch meanwhile would be deleted."""
    table = tables.table("things")
    for name in ("a", "b"):
        table.put({"PartitionKey": "p", "RowKey": name, "by": "us"})
    read = list(table.rows("p"))
    table.put({"PartitionKey": "p", "RowKey": "a", "by": "them"})
    table.remove_all(read)

    assert [row["RowKey"] for row in table.rows("p")] == ["a"]


def test_a_storage_account_that_is_not_there_is_unreachable(table_prefix: str) -> None:
    """A network trouble would set mailboxes aside."""
    service = TableServiceClient(
        "http://127.0.0.1:9/nobody",
        credential=AzureNamedKeyCredential("nobody", "a2V5"),
        retry_total=0,
    )
    tables = Tables(service, table_prefix)

    with pytest.raises(Unreachable):
        TableLedger(tables).find_batch("pilot")
    tables.close()


def test_a_busy_table_service_is_asked_once_and_no_thread_sleeps() -> None:
    """Every worker would sleep in a busy hour, and no other mailbox would move."""
    with busy_storage(503, retry_after_s=60) as storage:
        tables = Tables.from_connection_string(storage.connection_string, "busy")
        with pytest.raises(Throttled) as busy:
            TableLedger(tables).find_batch("pilot")
        tables.close()

    assert (busy.value.wait_s, storage.asked_count) == (60, 1)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_troubles_of_the_service_may_pass(status: int) -> None:
    """A bad minute of storage would need a person."""
    with pytest.raises(Unreachable), azure_errors("reading"):
        raise refused(status)


@pytest.mark.parametrize(
    "error", [ServiceRequestError("no route"), ServiceResponseTimeoutError("slow")]
)
def test_no_answer_may_pass(error: Exception) -> None:
    """A lost connection would need a person."""
    with pytest.raises(Unreachable), azure_errors("reading"):
        raise error


@pytest.mark.parametrize(
    ("status", "headers", "wait_s"),
    [(429, {}, BUSY_WAIT_S), (429, {"Retry-After": "17"}, 17), (503, {"Retry-After": "3"}, 3)],
)
def test_a_busy_service_says_how_long_to_wait(
    status: int, headers: dict[str, str], wait_s: float
) -> None:
    """We would knock again while being asked for patience, and be slowed down more."""
    with pytest.raises(Throttled) as busy, azure_errors("reading"):
        raise refused(status, headers)
    assert busy.value.wait_s == wait_s


@pytest.mark.parametrize("error", [refused(401), refused(403), ClientAuthenticationError("no")])
def test_a_missing_role_is_named(error: Exception) -> None:
    """A role that was forgotten would be retried for days."""
    with pytest.raises(Refusal) as refusal, azure_errors("reading"):
        raise error
    assert refusal.value.code is Code.PERMISSION_MISSING


@pytest.mark.parametrize("status", [400, 405, 413, 418])
def test_any_other_refusal_needs_a_person(status: int) -> None:
    """A request that can never succeed would be retried for days."""
    with pytest.raises(Refusal) as refusal, azure_errors("reading"):
        raise refused(status)
    assert refusal.value.code is Code.REQUEST_REJECTED


def test_answers_pass_untranslated() -> None:
    """The caller who knows what a missing row means would not hear of it."""
    with pytest.raises(ResourceNotFoundError), azure_errors("reading"):
        raise ResourceNotFoundError("not there")


def test_rows_are_read_behind_a_key_and_only_the_columns_that_are_wanted(tables: Tables) -> None:
    """Keys alone of a large batch would bring every row whole, from the first on."""
    table = tables.table("crates")
    table.put_all(
        {"PartitionKey": "p", "RowKey": name, "name": name, "weight": 1} for name in "abcd"
    )

    found = list(table.rows("p", after="b", select=["name"], page_rows=1))
    assert [dict(row) for row in found] == [{"name": "c"}, {"name": "d"}]
