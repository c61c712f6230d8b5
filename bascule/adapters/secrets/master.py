"""The password of a master user, for mailboxes whose rows bring none of their own."""

from collections.abc import Collection, Iterable, Mapping

from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.ports.secrets import Secrets


class MasterPassword:
    """Secrets as they are kept, and the master user's password in place of an empty one.

    It is asked for at every use: when it changes in the settings, no batch has to be sealed again. Source: Dovecot
    documentation, "Master users/passwords".
    """

    def __init__(self, kept: Secrets, master_password: str) -> None:
        self._kept = kept
        self._master_password = master_password

    def seal(self, batch: str, secrets: Mapping[str, str]) -> None:
        """Seal what the rows bring, the empty ones too: they say that the mailbox belongs to the batch."""
        self._kept.seal(batch, secrets)

    def open(self, batch: str, key: str) -> str:
        """The row's own secret, or the master's; refused for a row that was destroyed, as ever."""
        secret = self._kept.open(batch, key) or self._master_password
        if not secret:
            raise Refusal(Code.SECRET_UNREADABLE, "BASCULE_SOURCE_MASTER_PASSWORD is not set")
        return secret

    def kept(self, batch: str, keys: Collection[str]) -> Mapping[str, str]:
        """The rows' own; the master's password is never copied beside a row."""
        return self._kept.kept(batch, keys)

    def mark(self, batch: str, text: str) -> str:
        """As it is kept."""
        return self._kept.mark(batch, text)

    def marks(self, batch: str, texts: Iterable[str]) -> list[str]:
        """As they are kept."""
        return self._kept.marks(batch, texts)

    def destroy(self, batch: str, key: str) -> None:
        """As it is kept."""
        self._kept.destroy(batch, key)

    def destroy_batch(self, batch: str) -> None:
        """As it is kept."""
        self._kept.destroy_batch(batch)
