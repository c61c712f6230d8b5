"""Passwords in memory: a batch without its key opens nothing, as in the sealed store."""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Iterable, Mapping

from bascule.domain.codes import Code
from bascule.domain.errors import Refusal

KEY_BYTES = 32


class MemorySecrets:
    """Implements `bascule.ports.secrets.Secrets`; what it holds is never printed."""

    def __init__(self) -> None:
        self._keys: dict[str, bytes] = {}
        self._kept: dict[tuple[str, str], str] = {}

    def seal(self, batch: str, secrets: Mapping[str, str]) -> None:
        """Keep {key: secret} under the batch's key."""
        self._key(batch)
        self._kept |= {(batch, key): secret for key, secret in secrets.items()}

    def open(self, batch: str, key: str) -> str:
        """The secret under a key."""
        if batch not in self._keys or (batch, key) not in self._kept:
            raise Refusal(Code.SECRET_UNREADABLE, f"no password is kept for {key} of batch {batch}")
        return self._kept[batch, key]

    def kept(self, batch: str, keys: Collection[str]) -> Mapping[str, str]:
        """The secrets under many keys, those that there are."""
        if batch not in self._keys:
            return {}
        return {key: self._kept[batch, key] for key in keys if (batch, key) in self._kept}

    def mark(self, batch: str, text: str) -> str:
        """A keyed digest, as hexadecimal digits."""
        return hmac.new(self._key(batch), text.encode(), hashlib.sha256).hexdigest()

    def marks(self, batch: str, texts: Iterable[str]) -> list[str]:
        """A keyed digest of each."""
        return [self.mark(batch, text) for text in texts]

    def destroy(self, batch: str, key: str) -> None:
        """Forget one secret."""
        self._kept.pop((batch, key), None)

    def destroy_batch(self, batch: str) -> None:
        """Forget the batch's key and everything kept under it."""
        self._keys.pop(batch, None)
        self._kept = {place: kept for place, kept in self._kept.items() if place[0] != batch}

    def kept_count(self, batch: str) -> int:
        """How many secrets of a batch are still kept, for whoever looks on."""
        return sum(place[0] == batch for place in self._kept)

    def _key(self, batch: str) -> bytes:
        return self._keys.setdefault(batch, secrets.token_bytes(KEY_BYTES))
