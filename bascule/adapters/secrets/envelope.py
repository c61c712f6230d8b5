"""Passwords sealed with AES-256-GCM under their batch's data key, one table row each.

The seal covers batch and key: a row copied to another place does not open there.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bascule.adapters.secrets.data_keys import DataKeys
from bascule.adapters.table_store.keys import key_of
from bascule.adapters.table_store.tables import Table, Tables
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal

# Source: NIST SP 800-38D 8.2: 96-bit nonces; random ones are safe for 2^32 seals under one key.
NONCE_BYTES = 12
SEAL_VERSION = "v1"
# Digests use a key of their own: an attacker who sees many of them learns nothing about the sealing key.
MARK_PURPOSE = b"bascule mark v1"
MARK_KEY_BYTES = 32


class SealedSecrets:
    """The secrets' contract on a table and a wrapping key."""

    def __init__(self, tables: Tables, data_keys: DataKeys) -> None:
        self._tables = tables
        self._data_keys = data_keys

    def seal(self, batch: str, secrets: Mapping[str, str]) -> None:
        """Seal {key: secret}, a hundred rows at a time; sealing again replaces."""
        cipher = AESGCM(self._data_keys.make(batch))
        self._table.put_all(
            _sealed_row(cipher, batch, key, secret) for key, secret in sorted(secrets.items())
        )

    def open(self, batch: str, key: str) -> str:
        """The secret under a key."""
        row = self._table.find(key_of(batch), key_of(key))
        if row is None:
            raise Refusal(Code.SECRET_UNREADABLE, f"no password is kept for {key} of batch {batch}")
        cipher = AESGCM(self._data_keys.find(batch))
        try:
            return _opened(cipher, batch, key, row["sealed"])
        except InvalidTag as error:
            raise Refusal(
                Code.SECRET_UNREADABLE,
                f"the password kept for {key} of batch {batch} was not sealed for it",
            ) from error

    def kept(self, batch: str, keys: Collection[str]) -> Mapping[str, str]:
        """The secrets under many keys, read a page at a time; those that cannot be opened are missing."""
        wanted = {key_of(key): key for key in keys}
        if not wanted:
            return {}
        rows = self._table.rows(key_of(batch), first=min(wanted), last=max(wanted))
        sealed = {wanted[row["RowKey"]]: row["sealed"] for row in rows if row["RowKey"] in wanted}
        try:
            cipher = AESGCM(self._data_keys.find(batch))
        except Refusal:
            return {}  # destroyed: whatever is left of the rows says nothing
        return dict(_openable(cipher, batch, sealed))

    def mark(self, batch: str, text: str) -> str:
        """As `marks`."""
        return self.marks(batch, (text,))[0]

    def marks(self, batch: str, texts: Iterable[str]) -> list[str]:
        """HMAC-SHA256 under a key derived from the batch's data key, as hexadecimal digits. Source: RFC 5869."""
        derive = HKDF(
            algorithm=hashes.SHA256(), length=MARK_KEY_BYTES, salt=None, info=MARK_PURPOSE
        )
        # Once for all of them: the data key's row is read at every use.
        mark_key = derive.derive(self._data_keys.make(batch))
        return [hmac.new(mark_key, text.encode(), hashlib.sha256).hexdigest() for text in texts]

    def destroy(self, batch: str, key: str) -> None:
        """Delete one sealed row."""
        self._table.remove(key_of(batch), key_of(key))

    def destroy_batch(self, batch: str) -> None:
        """Delete the wrapped data key, then the sealed rows, which nothing can open by then."""
        self._data_keys.destroy(batch)
        self._table.remove_all(self._table.rows(key_of(batch)))

    @property
    def _table(self) -> Table:
        return self._tables.table("secrets")


def _sealed_row(cipher: AESGCM, batch: str, key: str, secret: str) -> dict[str, str]:
    nonce = os.urandom(NONCE_BYTES)
    sealed = nonce + cipher.encrypt(nonce, secret.encode(), _place(batch, key))
    return {
        "PartitionKey": key_of(batch),
        "RowKey": key_of(key),
        "sealed": base64.b64encode(sealed).decode(),
    }


def _opened(cipher: AESGCM, batch: str, key: str, text: str) -> str:
    sealed = base64.b64decode(text)
    return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _place(batch, key)).decode()


def _openable(cipher: AESGCM, batch: str, sealed: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, text in sealed.items():
        with suppress(InvalidTag):  # not sealed for this place
            yield key, _opened(cipher, batch, key, text)


def _place(batch: str, key: str) -> bytes:
    # Keys as the table spells them hold no `|`, so two places never read alike.
    return f"{key_of(batch)}|{key_of(key)}|{SEAL_VERSION}".encode()
