"""Passwords of source mailboxes: sealed at rest, opened only inside a step."""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol


class Secrets(Protocol):
    """Envelope encryption, one data key per batch. Every method may raise Unreachable."""

    def seal(self, batch: str, secrets: Mapping[str, str]) -> None:
        """Seal {key: secret} under the batch's data key, which is made on first use. Sealing again replaces."""
        ...

    def open(self, batch: str, key: str) -> str:
        """The secret under a key.

        Raises:
            Refusal(SECRET_UNREADABLE): there is none, it was destroyed, or it does not belong to this key.
        """
        ...

    def kept(self, batch: str, keys: Collection[str]) -> Mapping[str, str]:
        """{key: secret} as they were sealed, of many keys in few calls; keys that `open` refuses are missing.

        To compare and to copy: what a row left empty is empty here, and nothing else stands in for it.
        """
        ...

    def mark(self, batch: str, text: str) -> str:
        """A keyed digest of a text, the same for the same batch and text; says nothing about the text."""
        ...

    def marks(self, batch: str, texts: Iterable[str]) -> list[str]:
        """The `mark` of each of many texts, in their order, at the price of one."""
        ...

    def destroy(self, batch: str, key: str) -> None:
        """Destroy one secret; destroyed already is success."""
        ...

    def destroy_batch(self, batch: str) -> None:
        """Destroy the batch's data key and with it every copy of its secrets, backups included."""
        ...
