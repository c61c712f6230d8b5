"""The small app, with the environment that leads to it."""

from collections.abc import Iterator

import pytest

from tests.cli.small_app import SmallApp, small_app


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallApp]:
    """An app that BASCULE_URL names; no key and no scope."""
    with small_app() as made:
        monkeypatch.setenv("BASCULE_URL", made.url)
        monkeypatch.delenv("BASCULE_KEY", raising=False)
        monkeypatch.delenv("BASCULE_SCOPE", raising=False)
        yield made
