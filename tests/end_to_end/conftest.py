"""Rehearsals that are stopped at the end, whatever became of the test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.end_to_end.rehearsal import Rehearsal, rehearsal

Opener = Callable[..., Rehearsal]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    """A maker of running rehearsals, each in a folder of its own; opening one takes four seconds."""
    with ExitStack() as stack:

        def open_one(name: str = "rig", count: int = 4, **options: object) -> Rehearsal:
            made = rehearsal(tmp_path / name, count, **options)  # type: ignore[arg-type]
            stack.enter_context(made.rig)
            made.rig.open()
            return made

        yield open_one
