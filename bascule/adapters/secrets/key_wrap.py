"""What wraps a data key: a key that never lies beside the secrets."""

from dataclasses import dataclass, field
from typing import Protocol

DATA_KEY_BYTES = 32


@dataclass(frozen=True)
class WrappedKey:
    """A data key as it may be stored."""

    wrapped: bytes = field(repr=False)
    key_id: str
    """The wrapping key with its version: the only one that opens it."""
    algorithm: str


class KeyWrap(Protocol):
    """Wraps and unwraps data keys. Every method may raise Unreachable and Refusal(PERMISSION_MISSING)."""

    def wrap(self, data_key: bytes) -> WrappedKey:
        """The data key, readable only with the wrapping key."""
        ...

    def unwrap(self, wrapped: WrappedKey) -> bytes:
        """The data key.

        Raises:
            Refusal(SECRET_UNREADABLE): wrapped by another key, or damaged.
        """
        ...
