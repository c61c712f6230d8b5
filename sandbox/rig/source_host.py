"""Which servers stand at the source: the world's own, or somebody's real ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from sandbox.world.world import World

EMBEDDED_PLACES = """
[source]
host = "{host}"
port = {port}
security = "{security}"
user_name_form = "local"

[alias_map]
driver = "sqlite"
path = "{alias_path}"
home_form = "{{local}}@{source_domain}"
"""


class SourceHost(Protocol):
    """What a rig asks of the source's side."""

    @property
    def alias_path(self) -> Path | None:
        """Where the world shares its alias rows as an SQLite file; None when the rows live elsewhere."""
        ...

    def open(self, world: World, addresses: Mapping[str, Any]) -> None:
        """Take up work, now that the tenant's doors are open at these addresses."""
        ...

    def places(self) -> str:
        """The plan's sections on source and alias map, in TOML."""
        ...

    def environment(self) -> Mapping[str, str]:
        """The app's further settings."""
        ...


class EmbeddedSource:
    """The world's own IMAP server, and its relay with an SQLite alias table."""

    def __init__(self, alias_path: Path) -> None:
        self.alias_path: Path | None = alias_path
        self._imap: Mapping[str, Any] = {}
        self._domain = ""

    def open(self, world: World, addresses: Mapping[str, Any]) -> None:
        """It is part of the faces, and open with them; only where it listens is still to be known."""
        self._imap, self._domain = addresses["source_imap"], world.naming.source_domain

    def places(self) -> str:
        """IMAP without TLS on loopback, and the file."""
        return EMBEDDED_PLACES.format(
            source_domain=self._domain, alias_path=self.alias_path, **self._imap
        )

    def environment(self) -> Mapping[str, str]:
        """It has no secrets."""
        return {}
