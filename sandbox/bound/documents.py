"""Documents in memory, kept as the JSON that a table would keep."""

import json
from collections.abc import Callable
from typing import TypeVar

from bascule.domain.codec import Json, decode, encode
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from sandbox.bound.rows import Rows

T = TypeVar("T")

# A string property holds 64 KiB of UTF-16. Source: "Understanding the Table service data model", Microsoft Learn.
TEXT_SIZE_MAX_BYTES = 64 * 1024


class MemoryDocuments:
    """Implements `bascule.ports.documents.Documents`."""

    def __init__(self) -> None:
        self._rows: Rows[Json] = Rows()

    def find(self, name: str, kind: type[T]) -> T | None:
        """The document of that name."""
        return _value(kind, self._rows.find(name))

    def amend(self, name: str, kind: type[T], change: Callable[[T | None], T]) -> T:
        """Compare-and-set of a document."""
        after = self._rows.amend(
            name, lambda found: found, lambda before: _fitting(encode(change(_value(kind, before))))
        )
        return decode(kind, after)

    def names(self, prefix: str) -> tuple[str, ...]:
        """Names that begin with `prefix`."""
        return tuple(name for name in self._rows.ordered_keys() if name.startswith(prefix))

    def kept(self) -> list[Json]:
        """Every document as it is kept, for whoever looks on."""
        return [self._rows.find(name) for name in self._rows.ordered_keys()]

    def remove(self, name: str) -> None:
        """Remove a document."""
        self._rows.remove_if(name, lambda _: True)


def _value(kind: type[T], kept: Json) -> T | None:
    return None if kept is None else decode(kind, kept)


def _fitting(kept: Json) -> Json:
    """The JSON itself, if a row can hold its text."""
    size_bytes = len(json.dumps(kept, ensure_ascii=False).encode("utf-16-le"))
    if size_bytes > TEXT_SIZE_MAX_BYTES:
        raise Refusal(
            Code.REQUEST_REJECTED, f"a document of {size_bytes} bytes, which no table column holds"
        )
    return kept
