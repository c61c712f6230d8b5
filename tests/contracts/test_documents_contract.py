"""What every store of documents promises."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from bascule.adapters.table_store.documents import TableDocuments
from bascule.adapters.table_store.tables import Tables
from bascule.domain.codes import Code
from bascule.domain.errors import Conflict, Refusal
from bascule.ports.documents import Documents
from sandbox.bound.documents import MemoryDocuments


@dataclass(frozen=True)
class Visit:
    """A document for these tests."""

    places: tuple[str, ...] = ()
    at_utc: datetime | None = None


def visited(place: str, before: Visit | None) -> Visit:
    """One place more."""
    known = before or Visit()
    return replace(known, places=(*known.places, place))


@pytest.fixture(params=["memory", "tables"])
def documents(request: pytest.FixtureRequest, table_prefix: str) -> Iterator[Documents]:
    """A store that nobody wrote to yet."""
    if request.param == "memory":
        yield MemoryDocuments()
        return
    tables = Tables.from_connection_string(request.getfixturevalue("azurite"), table_prefix)
    yield TableDocuments(tables)
    tables.close()


def test_a_document_is_there_once_it_was_written(documents: Documents) -> None:
    """A tenant that was prepared would be prepared again, or its drift never seen."""
    written = Visit(("Québec", "a/b?#"), datetime(2026, 3, 1, tzinfo=UTC))

    assert documents.find("tenant/é#1", Visit) is None
    assert documents.amend("tenant/é#1", Visit, lambda _: written) == written
    assert documents.find("tenant/é#1", Visit) == written


def test_two_who_change_at_once_both_count(documents: Documents) -> None:
    """The operator's word would be overwritten by the guard that runs at the same moment."""
    calls: list[str] = []

    def first(before: Visit | None) -> Visit:
        if not calls:
            calls.append("second")
            documents.amend("d", Visit, lambda now: visited("second", now))
        return visited("first", before)

    assert documents.amend("d", Visit, first).places == ("second", "first")


def test_who_always_loses_is_told(documents: Documents) -> None:
    """A loop without an end would hold the step for ever."""
    count = 0

    def always_late(before: Visit | None) -> Visit:
        nonlocal count
        count += 1
        documents.amend("d", Visit, lambda now: visited(f"other {count}", now))
        return visited("mine", before)

    with pytest.raises(Conflict):
        documents.amend("d", Visit, always_late)


@pytest.mark.parametrize("letter", ["a", "é", "\N{GRINNING FACE}"])
def test_a_document_that_no_row_holds_is_refused_and_the_one_before_stays(
    documents: Documents, letter: str
) -> None:
    """What fits in a test and not in a table stops the work of a whole school."""
    fitting = Visit((letter * 15_000,))
    documents.amend("d", Visit, lambda _: fitting)

    with pytest.raises(Refusal, check=lambda no: no.code is Code.REQUEST_REJECTED):
        documents.amend("d", Visit, lambda _: Visit((letter * 33_000,)))
    assert documents.find("d", Visit) == fitting


def test_names_are_found_by_their_beginning_and_removed_for_good(documents: Documents) -> None:
    """A document that stays after its removal would be taken for one of today."""
    for name in ("b/2", "a/1", "b/1"):
        documents.amend(name, Visit, lambda before: visited("x", before))

    assert documents.names("b/") == ("b/1", "b/2")
    documents.remove("b/1")
    documents.remove("b/1")
    assert documents.names("") == ("a/1", "b/2")
    assert documents.find("b/1", Visit) is None
