"""Data keys wrapped by a key in a local file; for one machine without Key Vault."""

import hashlib
import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from bascule.adapters.secrets.key_wrap import WrappedKey
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal

KEY_FILE_BYTES = 32
ALGORITHM = "A256KW"
OTHERS_MAY = stat.S_IRWXG | stat.S_IRWXO


class KeyFileWrap:
    """Wraps with AES-256 key wrap. Source: RFC 3394."""

    def __init__(self, path: Path) -> None:
        self._key = _read(path)
        # Tells two files apart without saying anything of either.
        self._key_id = f"file:{hashlib.sha256(b'key-id' + self._key).hexdigest()[:16]}"

    def wrap(self, data_key: bytes) -> WrappedKey:
        """Wrap with the file's key."""
        return WrappedKey(aes_key_wrap(self._key, data_key), self._key_id, ALGORITHM)

    def unwrap(self, wrapped: WrappedKey) -> bytes:
        """Unwrap with the file's key."""
        try:
            return aes_key_unwrap(self._key, wrapped.wrapped)
        except InvalidUnwrap as error:
            raise Refusal(
                Code.SECRET_UNREADABLE,
                f"the batch's data key was wrapped by {wrapped.key_id}, not by {self._key_id}",
            ) from error


def create_key_file(path: Path) -> None:
    """Make a key file that only its owner reads; one that exists is left as it is."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        descriptor = os.open(path, flags, stat.S_IRUSR | stat.S_IWUSR)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "wb") as file:
        file.write(os.urandom(KEY_FILE_BYTES))


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise Refusal(Code.PERMISSION_MISSING, f"there is no key file {path}")
    if path.stat().st_mode & OTHERS_MAY:
        raise Refusal(Code.PERMISSION_MISSING, f"key file {path} is open to others; chmod 600 it")
    key = path.read_bytes()
    if len(key) != KEY_FILE_BYTES:
        raise Refusal(
            Code.PERMISSION_MISSING, f"key file {path} is not {KEY_FILE_BYTES} bytes long"
        )
    return key
