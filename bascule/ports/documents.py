"""Named documents about the tenant as a whole: what was prepared, what drifted, how far completion has come."""

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Documents(Protocol):
    """Frozen dataclasses by name, each with compare-and-set. Every method may raise Unreachable."""

    def find(self, name: str, kind: type[T]) -> T | None:
        """The document of that name; None when nobody wrote it."""
        ...

    def amend(self, name: str, kind: type[T], change: Callable[[T | None], T]) -> T:
        """Read, change, write if unchanged meanwhile; otherwise read again and try again, a bounded number of times.

        `change` must be free of effects: it may be called more than once.

        Raises:
            Conflict: it never succeeded.
            Refusal(REQUEST_REJECTED): the document is longer than a row can be, some 30 000 characters of JSON; what
                grows with the number of mailboxes belongs into documents of its own.
        """
        ...

    def names(self, prefix: str) -> tuple[str, ...]:
        """Names of all documents that begin with `prefix`, in order."""
        ...

    def remove(self, name: str) -> None:
        """Remove a document; gone already is success."""
        ...
