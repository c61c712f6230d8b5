"""One data key per batch: made once whoever asks first, stored wrapped, opened once per process and quarter of an hour."""

import base64
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bascule.adapters.secrets.key_wrap import DATA_KEY_BYTES, KeyWrap, WrappedKey
from bascule.adapters.table_store.keys import key_of
from bascule.adapters.table_store.tables import Table, Tables
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal

DATA_KEY_ROW = "data-key"
# Key Vault allows some thousand unwraps in ten seconds for everybody; one per batch and process is far below.
OPENED_AGE_S_MAX = 15 * 60
# More batches than this are not worked on by one process within that time.
OPENED_COUNT_MAX = 64


class DataKeys:
    """The wrapped keys in their table, and the few that are open in this process.

    The row is read at every use, so a destroyed key is unusable at once in every process; only the unwrapping, which
    asks the vault, is remembered.
    """

    def __init__(
        self, tables: Tables, wrap: KeyWrap, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._tables = tables
        self._wrap = wrap
        self._monotonic_s = monotonic_s
        self._opened: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, batch: str) -> bytes:
        """The data key of a batch. Raises Refusal(SECRET_UNREADABLE) when it was never made, or destroyed."""
        stored = self._stored(batch)
        if stored is None:
            raise Refusal(Code.SECRET_UNREADABLE, f"batch {batch} has no data key (any more)")
        return self._unwrapped(stored)

    def make(self, batch: str) -> bytes:
        """The data key of a batch, made when there is none; of two processes that make one, the first row counts."""
        stored = self._stored(batch)
        if stored is not None:
            return self._unwrapped(stored)
        data_key = AESGCM.generate_key(DATA_KEY_BYTES * 8)
        row = _row(batch, self._wrap.wrap(data_key))
        return data_key if self._table.add(row) else self.find(batch)

    def destroy(self, batch: str) -> None:
        """Delete the wrapped key; nothing sealed under it can be read again, backups of the sealed rows included."""
        stored = self._stored(batch)
        self._table.remove(key_of(batch), DATA_KEY_ROW)
        if stored is not None:
            with self._lock:
                self._opened.pop(stored.wrapped, None)

    def _stored(self, batch: str) -> WrappedKey | None:
        row = self._table.find(key_of(batch), DATA_KEY_ROW)
        if row is None:
            return None
        return WrappedKey(base64.b64decode(row["wrapped"]), row["key_id"], row["algorithm"])

    def _unwrapped(self, stored: WrappedKey) -> bytes:
        with self._lock:
            # Under the lock, so that a hundred steps that start together ask the vault once.
            opened_at_s, data_key = self._opened.get(stored.wrapped, (None, b""))
            if opened_at_s is None or self._monotonic_s() - opened_at_s > OPENED_AGE_S_MAX:
                data_key = self._wrap.unwrap(stored)
                self._opened[stored.wrapped] = (self._monotonic_s(), data_key)
            self._opened.move_to_end(stored.wrapped)
            while len(self._opened) > OPENED_COUNT_MAX:
                self._opened.popitem(last=False)
            return data_key

    @property
    def _table(self) -> Table:
        return self._tables.table("datakeys")


def _row(batch: str, wrapped: WrappedKey) -> dict[str, str]:
    return {
        "PartitionKey": key_of(batch),
        "RowKey": DATA_KEY_ROW,
        "wrapped": base64.b64encode(wrapped.wrapped).decode(),
        "key_id": wrapped.key_id,
        "algorithm": wrapped.algorithm,
    }
