"""Documents in one Azure Table: a row each, its value as JSON."""

import itertools
import json
from collections.abc import Callable
from typing import TypeVar

from azure.data.tables import TableEntity

from bascule.adapters.table_store.amend import Place, amend
from bascule.adapters.table_store.keys import key_of, text_of
from bascule.adapters.table_store.rows import checked_text
from bascule.adapters.table_store.tables import Row, Table, Tables
from bascule.domain.codec import decode, encode

T = TypeVar("T")

PARTITION = "documents"


class TableDocuments:
    """The documents' contract on an Azure Table."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find(self, name: str, kind: type[T]) -> T | None:
        """The document of that name."""
        return _value(kind, self._documents.find(PARTITION, key_of(name)))

    def amend(self, name: str, kind: type[T], change: Callable[[T | None], T]) -> T:
        """Compare-and-set of a document."""

        def changed(before: T | None) -> T | None:
            return change(before)

        place = Place(self._documents, PARTITION, key_of(name))
        after = amend(place, lambda row: _value(kind, row), changed, _row)
        if after is None:
            raise TypeError(f"document {name} was changed into nothing")
        return after

    def names(self, prefix: str) -> tuple[str, ...]:
        """Names that begin with `prefix`."""
        # Keys begin as their names do and come in order: what is read ends with the last that begins so.
        rows = self._documents.rows(PARTITION, first=key_of(prefix), select=["RowKey"])
        found = (text_of(str(row["RowKey"])) for row in rows)
        return tuple(sorted(itertools.takewhile(lambda name: name.startswith(prefix), found)))

    def remove(self, name: str) -> None:
        """Remove a document."""
        self._documents.remove(PARTITION, key_of(name))

    @property
    def _documents(self) -> Table:
        return self._tables.table("documents")


def _value(kind: type[T], row: TableEntity | None) -> T | None:
    return None if row is None else decode(kind, json.loads(str(row["value"])))


def _row(document: object) -> Row:
    text = json.dumps(encode(document), ensure_ascii=False)
    return {"value": checked_text("document", text)}
