"""Two real DNS servers on loopback, and the adapter that asks them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bascule.adapters.public_dns import DnsPythonPublicDns
from bascule.domain.plan_dns import DnsPlan
from sandbox.servers.machine import ServersMissing, private_folder
from sandbox.servers.nsd import Nsd, require_nsd


@pytest.fixture(scope="session")
def two_servers() -> Iterator[tuple[Nsd, Nsd]]:
    """Two servers that serve nothing yet; a machine without them fails with one sentence."""
    try:
        require_nsd()
    except ServersMissing as missing:
        pytest.fail(str(missing), pytrace=False)
    with private_folder() as folder:
        first, second = Nsd(Path(folder, "one")), Nsd(Path(folder, "two"))
        yield first, second
        first.stop()
        second.stop()


@pytest.fixture
def public_dns(two_servers: tuple[Nsd, Nsd]) -> DnsPythonPublicDns:
    """The adapter under a plan that names the two servers, the first as the resolver too."""
    first, second = two_servers
    plan = DnsPlan(resolvers=(str(first),), authorities=(str(first), str(second)))
    return DnsPythonPublicDns(plan)
