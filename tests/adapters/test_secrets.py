"""What the envelope promises beyond the contract: at rest, across processes, against the vault's habits."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.keyvault.keys import JsonWebKey
from azure.keyvault.keys.crypto import CryptographyClient, KeyWrapAlgorithm, UnwrapResult
from cryptography.hazmat.primitives.asymmetric import rsa

from bascule.adapters.secrets.data_keys import OPENED_AGE_S_MAX, DataKeys
from bascule.adapters.secrets.envelope import SealedSecrets
from bascule.adapters.secrets.key_file import KeyFileWrap, create_key_file
from bascule.adapters.secrets.key_vault import KeyVaultWrap
from bascule.adapters.secrets.key_wrap import WrappedKey
from bascule.adapters.table_store.tables import Tables
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Unreachable

CANARY = "canary-Pa55word"
DATA_KEY = b"k" * 32


class CountingWrap:
    """A key wrap that remembers how often it was asked, and during which something else may happen."""

    def __init__(
        self, inner: KeyFileWrap, before_wrap: Callable[[], object] = lambda: None
    ) -> None:
        self._inner = inner
        self._before_wrap = before_wrap
        self.unwrap_count = 0

    def wrap(self, data_key: bytes) -> WrappedKey:
        """As the key file does."""
        self._before_wrap()
        return self._inner.wrap(data_key)

    def unwrap(self, wrapped: WrappedKey) -> bytes:
        """As the key file does, counted."""
        self.unwrap_count += 1
        return self._inner.unwrap(wrapped)


class ScriptedVault(CryptographyClient):
    """A vault client that answers every unwrap with one error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def unwrap_key(
        self,
        algorithm: KeyWrapAlgorithm,  # noqa: ARG002  the vendor's signature
        encrypted_key: bytes,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> UnwrapResult:
        """Fails."""
        raise self._error


@pytest.fixture
def key_file(tmp_path: Path) -> KeyFileWrap:
    """A new key file."""
    create_key_file(tmp_path / "wrap.key")
    return KeyFileWrap(tmp_path / "wrap.key")


@pytest.fixture
def tables(azurite: str, table_prefix: str) -> Iterator[Tables]:
    """Tables of this test's own."""
    tables = Tables.from_connection_string(azurite, table_prefix)
    yield tables
    tables.close()


@pytest.fixture(scope="module")
def vault_key() -> JsonWebKey:
    """An RSA key as the vault would hold it."""
    numbers = rsa.generate_private_key(public_exponent=65_537, key_size=2_048).private_numbers()
    parts = {
        "n": numbers.public_numbers.n,
        "e": numbers.public_numbers.e,
        "d": numbers.d,
        "p": numbers.p,
        "q": numbers.q,
        "dp": numbers.dmp1,
        "dq": numbers.dmq1,
        "qi": numbers.iqmp,
    }
    values = {name: part.to_bytes((part.bit_length() + 7) // 8) for name, part in parts.items()}
    return JsonWebKey(kty="RSA", key_ops=["wrapKey", "unwrapKey"], **values)


def test_no_table_holds_a_password_in_clear(tables: Tables, key_file: KeyFileWrap) -> None:
    """Anyone who may read the storage account could read every mailbox of the source."""
    SealedSecrets(tables, DataKeys(tables, key_file)).seal("pilot", {"anna": CANARY})

    rows = [*tables.table("secrets").rows("pilot"), *tables.table("datakeys").rows("pilot")]
    stored = "".join(str(value) for row in rows for value in row.values())
    sealed = base64.b64decode(str(rows[0]["sealed"]))

    assert len(rows) == 2
    assert CANARY not in stored
    assert base64.b64encode(CANARY.encode()).decode() not in stored
    assert CANARY.encode() not in sealed


def test_a_row_copied_to_another_mailbox_does_not_open(
    tables: Tables, key_file: KeyFileWrap
) -> None:
    """Whoever may write the table could open one mailbox with another one's password."""
    secrets = SealedSecrets(tables, DataKeys(tables, key_file))
    secrets.seal("pilot", {"anna": CANARY, "bob": "other"})
    stolen = tables.table("secrets").find("pilot", "anna")
    assert stolen is not None
    tables.table("secrets").put({**stolen, "RowKey": "bob"})

    with pytest.raises(Refusal) as refused:
        secrets.open("pilot", "bob")
    assert refused.value.code is Code.SECRET_UNREADABLE
    assert CANARY not in str(refused.value)


def test_two_processes_that_begin_at_once_agree_on_one_key(
    tables: Tables, key_file: KeyFileWrap
) -> None:
    """Half of a batch would be sealed under a key that nobody kept."""
    other = DataKeys(tables, key_file)
    overtaken = CountingWrap(key_file, before_wrap=lambda: other.make("pilot"))

    assert DataKeys(tables, overtaken).make("pilot") == other.find("pilot")


def test_the_wrapping_key_is_asked_once_in_a_quarter_of_an_hour(
    tables: Tables, key_file: KeyFileWrap
) -> None:
    """Ten thousand mailboxes would be ten thousand calls to a vault that allows four thousand."""
    now_s = [1000.0]
    wrap = CountingWrap(key_file)
    keys = DataKeys(tables, wrap, monotonic_s=lambda: now_s[0])
    keys.make("pilot")
    for _ in range(5):
        keys.find("pilot")
    asked_before = wrap.unwrap_count
    now_s[0] += OPENED_AGE_S_MAX + 1
    keys.find("pilot")

    assert (asked_before, wrap.unwrap_count) == (1, 2)


def test_a_key_destroyed_by_another_process_is_unusable_at_once(
    tables: Tables, key_file: KeyFileWrap
) -> None:
    """A process that still remembers the key would read passwords of a finished batch."""
    here, elsewhere = DataKeys(tables, key_file), DataKeys(tables, key_file)
    here.make("pilot")
    here.find("pilot")
    elsewhere.destroy("pilot")

    with pytest.raises(Refusal):
        here.find("pilot")


def test_the_vault_wraps_and_unwraps(vault_key: JsonWebKey) -> None:
    """The product would run in the sandbox and fail in Azure."""
    wrap = KeyVaultWrap("local", lambda _: CryptographyClient.from_jwk(vault_key))
    wrapped = wrap.wrap(DATA_KEY)

    assert wrapped.algorithm == "RSA-OAEP-256"
    assert DATA_KEY not in wrapped.wrapped
    assert wrap.unwrap(wrapped) == DATA_KEY


@pytest.mark.parametrize(
    ("key_id", "algorithm"),
    [
        ("https://theirs.vault.azure.net/keys/batch-wrapping/0123", "RSA-OAEP-256"),
        ("https://ours.vault.azure.net.example.org/keys/batch-wrapping/0123", "RSA-OAEP-256"),
        ("https://ours.vault.azure.net/keys/batch-wrapping/0123", "RSA1_5"),
    ],
)
def test_a_row_cannot_lead_to_another_vault(key_id: str, algorithm: str) -> None:
    """Who can write into the table, and not into the vault, would have passwords sealed with a key of theirs."""
    asked: list[str] = []

    def client_for(wanted: str) -> CryptographyClient:
        asked.append(wanted)
        return ScriptedVault(ServiceRequestError("refused"))

    wrap = KeyVaultWrap("https://ours.vault.azure.net/keys/batch-wrapping", client_for)
    with pytest.raises(Refusal) as refused:
        wrap.unwrap(WrappedKey(b"x", key_id, algorithm))
    assert refused.value.code is Code.SECRET_UNREADABLE
    assert asked == []
    with pytest.raises(Unreachable):
        wrap.unwrap(
            WrappedKey(b"x", "https://ours.vault.azure.net/keys/former/4567", "RSA-OAEP-256")
        )


def test_a_damaged_key_is_unreadable_and_not_tried_again(vault_key: JsonWebKey) -> None:
    """A batch would be tried for ever instead of being set aside."""
    wrap = KeyVaultWrap("local", lambda _: CryptographyClient.from_jwk(vault_key))

    with pytest.raises(Refusal) as refused:
        wrap.unwrap(WrappedKey(b"\0" * 256, "local", "RSA-OAEP-256"))
    assert refused.value.code is Code.SECRET_UNREADABLE


def test_a_vault_that_does_not_answer_is_unreachable() -> None:
    """A short trouble of the vault would set every mailbox aside."""
    wrap = KeyVaultWrap("k", lambda _: ScriptedVault(ServiceRequestError("refused")))

    with pytest.raises(Unreachable):
        wrap.unwrap(WrappedKey(b"x", "k", "RSA-OAEP-256"))


def test_a_missing_role_on_the_vault_is_named() -> None:
    """The operator would look for the fault in the source instead of the role."""
    error = HttpResponseError("no")
    error.status_code = 403
    wrap = KeyVaultWrap("k", lambda _: ScriptedVault(error))

    with pytest.raises(Refusal) as refused:
        wrap.unwrap(WrappedKey(b"x", "k", "RSA-OAEP-256"))
    assert refused.value.code is Code.PERMISSION_MISSING


def test_a_key_file_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    """Every user of the machine could open the passwords, or a second start would lose them."""
    path = tmp_path / "wrap.key"
    create_key_file(path)
    first = path.read_bytes()
    create_key_file(path)

    assert path.read_bytes() == first
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_key_file_open_to_others_is_refused(tmp_path: Path) -> None:
    """A key that others may have read protects nothing."""
    path = tmp_path / "wrap.key"
    create_key_file(path)
    path.chmod(0o640)

    with pytest.raises(Refusal):
        KeyFileWrap(path)


@pytest.mark.parametrize("content", [None, b"", b"short", b"x" * 33])
def test_a_wrong_key_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """A truncated key file would seal passwords that no other copy of it opens."""
    path = tmp_path / "wrap.key"
    if content is not None:
        path.touch(mode=0o600)
        path.write_bytes(content)

    with pytest.raises(Refusal):
        KeyFileWrap(path)


def test_another_key_file_does_not_open_the_batch(tmp_path: Path, key_file: KeyFileWrap) -> None:
    """A key file replaced by mistake must be said, not read as a wrong password."""
    create_key_file(tmp_path / "other.key")

    with pytest.raises(Refusal) as refused:
        KeyFileWrap(tmp_path / "other.key").unwrap(key_file.wrap(DATA_KEY))
    assert refused.value.code is Code.SECRET_UNREADABLE
