"""What every test may ask for: the storage emulator, and names that no other test uses."""

import shutil
import uuid
from collections.abc import Iterator

import pytest

from sandbox.rig.azurite import AZURITE, Azurite


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of a storage emulator that lives as long as the test run; takes two seconds to start."""
    if not AZURITE.exists() or shutil.which("node") is None:
        pytest.skip("the storage emulator is not installed: make setup")
    with Azurite(tmp_path_factory.mktemp("azurite")) as emulator:
        yield emulator.connection_string


@pytest.fixture
def table_prefix() -> str:
    """A table prefix that no other test uses."""
    return f"t{uuid.uuid4().hex[:12]}"
