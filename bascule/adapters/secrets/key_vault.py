"""Data keys wrapped by an RSA key of Azure Key Vault, which never leaves the vault."""

import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from azure.core.credentials import TokenCredential
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.keyvault.keys.crypto import CryptographyClient, KeyWrapAlgorithm

from bascule.adapters.azure_errors import azure_errors
from bascule.adapters.azure_transport import transport_options
from bascule.adapters.secrets.key_wrap import DATA_KEY_BYTES, WrappedKey
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal

READ_TIMEOUT_S = 30

ClientFor = Callable[[str], CryptographyClient]


class KeyVaultWrap:
    """Wraps with RSA-OAEP-256.

    Old versions of the key must stay enabled until the batches begun under them are done: each data key is unwrapped by
    the version that wrapped it.

    Source: "About keys" and "Key types, algorithms, and operations", Key Vault documentation, Microsoft Learn.
    """

    def __init__(self, key_id: str, client_for: ClientFor) -> None:
        self._key_id = key_id
        self._client_for = client_for
        self._clients: dict[str, CryptographyClient] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_identity(cls, key_id: str, credential: TokenCredential) -> "KeyVaultWrap":
        """Wraps with the key `https://VAULT.vault.azure.net/keys/NAME[/VERSION]` in the name of the app."""
        options = transport_options(READ_TIMEOUT_S)
        return cls(key_id, lambda wanted: CryptographyClient(wanted, credential, **options))

    def wrap(self, data_key: bytes) -> WrappedKey:
        """Wrap with the version of the key that is current, or named in the settings."""
        with azure_errors("wrapping a batch's data key"):
            result = self._client(self._key_id).wrap_key(KeyWrapAlgorithm.rsa_oaep_256, data_key)
        algorithm = KeyWrapAlgorithm(result.algorithm).value
        return WrappedKey(result.encrypted_key, str(result.key_id), algorithm)

    def unwrap(self, wrapped: WrappedKey) -> bytes:
        """Unwrap with the version that wrapped, in our own vault and by our own algorithm.

        Both stand beside what is sealed: whoever may write there must not lead the app to a vault of theirs, and have
        passwords sealed with a key that they know.
        """
        if _vault_of(wrapped.key_id) != _vault_of(self._key_id):
            raise _unreadable(wrapped, "lies in another vault than the app's key")
        if wrapped.algorithm != KeyWrapAlgorithm.rsa_oaep_256:
            raise _unreadable(wrapped, "would open it by an algorithm that the app never uses")
        with azure_errors("unwrapping a batch's data key"):
            try:
                result = self._client(wrapped.key_id).unwrap_key(
                    KeyWrapAlgorithm(wrapped.algorithm), wrapped.wrapped
                )
            except ResourceNotFoundError as error:
                raise _unreadable(wrapped, "is gone from the vault") from error
            except HttpResponseError as error:
                if error.status_code != 400:
                    raise
                raise _unreadable(wrapped, "does not open it") from error
            except ValueError as error:
                # The local implementation of RSA says so of a ciphertext of another key.
                raise _unreadable(wrapped, "does not open it") from error
        if len(result.key) != DATA_KEY_BYTES:
            raise _unreadable(wrapped, "opens it to something else")
        return result.key

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _client(self, key_id: str) -> CryptographyClient:
        with self._lock:
            if key_id not in self._clients:
                self._clients[key_id] = self._client_for(key_id)
            return self._clients[key_id]


def _vault_of(key_id: str) -> str:
    return urlsplit(key_id).netloc.lower()


def _unreadable(wrapped: WrappedKey, why: str) -> Refusal:
    return Refusal(
        Code.SECRET_UNREADABLE, f"the batch's data key cannot be opened: {wrapped.key_id} {why}"
    )
