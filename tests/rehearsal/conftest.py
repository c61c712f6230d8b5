"""Stages on the real servers. A machine that cannot run them fails these tests with one sentence: it proves nothing."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from sandbox.rehearsal.stage import Stage, StageOptions, opened_stage
from sandbox.servers.machine import ServersMissing, require_servers

OpenStage = Callable[[StageOptions], AbstractContextManager[Stage]]


@pytest.fixture(scope="session")
def servers() -> None:
    """That the servers can be started here."""
    try:
        require_servers()
    except ServersMissing as missing:
        pytest.fail(str(missing), pytrace=False)


@pytest.fixture(scope="module")
def open_stage(servers: None) -> OpenStage:
    """Starts a stage; half a minute until it is open."""

    @contextmanager
    def opened(options: StageOptions) -> Iterator[Stage]:
        with opened_stage(options) as stage:
            yield stage

    return opened
