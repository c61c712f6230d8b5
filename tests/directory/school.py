"""A simulated tenant whose directory files an operator uploads and applies; time passes timer by timer."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from activities.directory_look import difference_of, surroundings
from activities.directory_store import find_head, wanted_of
from activities.directory_wishes import ask_for_application, keep_upload
from activities.wake_stories import ALIVE
from bascule.domain.codec import encode
from bascule.domain.directory_objects.changes import Difference
from bascule.domain.directory_objects.reading import read_directory_files
from bascule.domain.directory_objects.records import DIRECTORY, DirectoryHead, DirectoryRef
from bascule.domain.records import DOORBELL
from sandbox.in_process.simulation import Simulation

OPERATOR = "operator@example.org"
STORY = "directory_objects"


class School:
    """One simulation with its directory."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.ports = simulation.ports
        self.world = simulation.world

    def keep(self, files: Mapping[str, bytes]) -> str:
        """Upload files; their fingerprint."""
        wanted = read_directory_files(files, surroundings(self.ports))
        return keep_upload(self.ports, wanted, OPERATOR)

    def ask(self, removals: str = "") -> None:
        """Ask for an application, and ring."""
        ask_for_application(self.ports, OPERATOR, removals)
        self.ring()

    def ring(self) -> None:
        """Wake the story, or start it."""
        asyncio.run(self._ring())
        self.simulation.settle()

    def lose(self) -> None:
        """The engine forgets the story, if it runs."""
        if asyncio.run(self._is_alive()):
            self.simulation.lose_story(DIRECTORY)

    async def _is_alive(self) -> bool:
        status = await self.simulation.engine.client().get_status(DIRECTORY)
        return status.runtime_status is not None and status.runtime_status.value in ALIVE

    async def _ring(self) -> None:
        client = self.simulation.engine.client()
        if await self._is_alive():
            await client.raise_event(DIRECTORY, DOORBELL)
        else:
            await client.start_new(STORY, DIRECTORY, encode(DirectoryRef()))

    def apply(self, removals: str = "") -> dict[str, Any]:
        """Ask, let it be done, and read the report."""
        self.ask(removals)
        self.simulation.run_until(lambda: not self.head.is_under_way, days=2)
        return self.report

    @property
    def head(self) -> DirectoryHead:
        """What is remembered."""
        found = find_head(self.ports)
        assert found is not None
        return found

    @property
    def report(self) -> dict[str, Any]:
        """What became of the last application."""
        content = self.ports.blobs.reports[f"{DIRECTORY}/report.json"]
        report: dict[str, Any] = json.loads(content)
        return report

    def difference(self) -> Difference:
        """What separates the tenant from the files now."""
        return difference_of(self.ports, wanted_of(self.ports, self.head.fingerprint))

    def members(self, group: str) -> set[str]:
        """Who is in a group, as written."""
        return {each.primary_address for each in self.world.tenant.groups.members(group)}

    def write_count(self) -> int:
        """Effects in the journal."""
        return sum(1 for _ in self.ports.journal.entries(DIRECTORY))
