"""What every keeper of passwords promises."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bascule.adapters.secrets.data_keys import DataKeys
from bascule.adapters.secrets.envelope import SealedSecrets
from bascule.adapters.secrets.key_file import KeyFileWrap, create_key_file
from bascule.adapters.table_store.tables import Tables
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.ports.secrets import Secrets
from sandbox.bound.secrets import MemorySecrets


@pytest.fixture(params=["memory", "sealed"])
def secrets(request: pytest.FixtureRequest, table_prefix: str, tmp_path: Path) -> Iterator[Secrets]:
    """A keeper with nothing kept."""
    if request.param == "memory":
        yield MemorySecrets()
        return
    create_key_file(tmp_path / "wrap.key")
    tables = Tables.from_connection_string(request.getfixturevalue("azurite"), table_prefix)
    yield SealedSecrets(tables, DataKeys(tables, KeyFileWrap(tmp_path / "wrap.key")))
    tables.close()


def test_a_secret_opens_as_it_was_sealed(secrets: Secrets) -> None:
    """The source would refuse the login of a user whose password has an accent."""
    secrets.seal("pilot", {"anna": 'pä55,"wörd', "bob": ""})

    assert secrets.open("pilot", "anna") == 'pä55,"wörd'
    assert secrets.open("pilot", "bob") == ""


def test_sealing_again_replaces(secrets: Secrets) -> None:
    """A corrected password would never be used."""
    secrets.seal("pilot", {"anna": "old", "bob": "kept"})
    secrets.seal("pilot", {"anna": "new"})

    assert secrets.open("pilot", "anna") == "new"
    assert secrets.open("pilot", "bob") == "kept"


@pytest.mark.parametrize(("batch", "key"), [("pilot", "nobody"), ("other", "anna")])
def test_what_was_never_sealed_is_refused(secrets: Secrets, batch: str, key: str) -> None:
    """A mailbox without a password would be tried with an empty one, and locked out."""
    secrets.seal("pilot", {"anna": "x"})

    with pytest.raises(Refusal) as refused:
        secrets.open(batch, key)
    assert refused.value.code is Code.SECRET_UNREADABLE


def test_a_destroyed_secret_is_gone_and_others_stay(secrets: Secrets) -> None:
    """The password of a migrated user would outlive the migration."""
    secrets.seal("pilot", {"anna": "x", "bob": "y"})
    secrets.destroy("pilot", "anna")
    secrets.destroy("pilot", "anna")

    with pytest.raises(Refusal):
        secrets.open("pilot", "anna")
    assert secrets.open("pilot", "bob") == "y"


def test_a_destroyed_batch_opens_nothing(secrets: Secrets) -> None:
    """Passwords would outlive their batch."""
    secrets.seal("pilot", {f"user{number}": "x" for number in range(120)})
    secrets.seal("other", {"anna": "kept"})
    secrets.destroy_batch("pilot")
    secrets.destroy_batch("pilot")

    with pytest.raises(Refusal) as refused:
        secrets.open("pilot", "user7")
    assert refused.value.code is Code.SECRET_UNREADABLE
    assert secrets.open("other", "anna") == "kept"


def test_a_mark_knows_the_same_text_again_and_says_nothing(secrets: Secrets) -> None:
    """The same file twice would be two batches, or its digest would give short passwords away."""
    mark = secrets.mark("pilot", "the file")

    assert secrets.mark("pilot", "the file") == mark
    assert secrets.mark("pilot", "the file ") != mark
    assert secrets.mark("other", "the file") != mark
    assert "file" not in mark


def test_many_marks_are_those_of_each(secrets: Secrets) -> None:
    """Every row of a batch would look changed."""
    texts = ["the file", "", "another"]

    assert secrets.marks("pilot", texts) == [secrets.mark("pilot", text) for text in texts]
    assert secrets.marks("pilot", ()) == []


def test_many_secrets_are_read_together(secrets: Secrets) -> None:
    """A batch of fifty thousand would ask fifty thousand times, and run into its time-out."""
    secrets.seal("pilot", {f"user{number}": f"x{number}" for number in range(120)} | {"bob": ""})
    secrets.seal("other", {"carl": "kept"})
    wanted = [f"user{number}" for number in range(0, 120, 7)]

    kept = secrets.kept("pilot", [*wanted, "bob", "nobody", "carl"])
    assert kept == {key: key.replace("user", "x") for key in wanted} | {"bob": ""}
    assert secrets.kept("pilot", []) == {}
    secrets.destroy_batch("pilot")
    assert secrets.kept("pilot", wanted) == {}
