"""Kills the app's host at moments nobody chose, and starts it again."""

import random
import time

from tests.end_to_end.rehearsal import Rehearsal

LIFETIME_MAX_S = 1.4
CALLS_MAX = 18


class Killer:
    """Kills the host at seeded moments: so many seconds after it serves, or right after so many calls to the world."""

    def __init__(self, run: Rehearsal, seed: int, count_max: int) -> None:
        self._run = run
        self._luck = random.Random(seed)
        self.count = 0
        self._count_max = count_max
        self._deadline_s = 0.0
        self._calls_max = 0
        self._draw()

    def watch(self) -> None:
        """Kill and start again if the moment has come."""
        if self.count >= self._count_max:
            return
        if time.monotonic() >= self._deadline_s or self._calls() >= self._calls_max:
            self._run.rig.app.kill()
            self.count += 1
            self._run.rig.app.start()
            self._draw()

    def _draw(self) -> None:
        self._deadline_s = time.monotonic() + self._luck.uniform(0.05, LIFETIME_MAX_S)
        self._calls_max = self._calls() + self._luck.randrange(1, CALLS_MAX)

    def _calls(self) -> int:
        return sum(self._run.rig.world.calls.values())
