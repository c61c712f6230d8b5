"""An operator's wish and the story's progress that meet in one row."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.grant_wish import grant_wish
from activities.record_progress import record_progress
from bascule.domain.addresses import mailbox_key
from bascule.domain.records import MailboxRecord, Wish
from bascule.domain.requests import Progress, WishRequest
from bascule.domain.stages import Stage
from sandbox.in_process.simulation import BATCH, OPERATOR, Options, Simulation
from tests.activities.moments import first, synced

WHY = "its cutover has begun"


class WordInBetween:
    """A ledger in which a wish is granted in the instant before the cutover is written."""

    def __init__(self, simulation: Simulation, wish: Wish, at_utc: datetime | None = None) -> None:
        self._simulation, self._ledger = simulation, simulation.ports.ledger
        self._wish, self._at_utc = wish, at_utc
        self.granted: list[str] = []

    def amend_mailbox(
        self, batch: str, key: str, change: Callable[[MailboxRecord], MailboxRecord]
    ) -> MailboxRecord:
        """As it is, the word first."""
        stored = self._ledger.find_mailbox(batch, key)
        assert stored is not None
        if not self.granted and not stored.has_begun_cutover and change(stored).has_begun_cutover:
            wish = WishRequest(batch, self._wish, (key,), OPERATOR, self._at_utc)
            self.granted = [
                *grant_wish(replace(self._simulation.ports, ledger=self._ledger), wish).granted_keys
            ]
        return self._ledger.amend_mailbox(batch, key, change)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


def test_a_wish_to_abandon_goes_before_a_cutover_that_has_not_begun() -> None:
    """The operator was told that it is granted, and the mailbox moved all the same."""
    with Simulation(Options(people_count=1)) as simulation:
        synced(simulation)
        ledger = WordInBetween(simulation, Wish.ABANDON)
        object.__setattr__(simulation.ports, "ledger", ledger)
        simulation.ask_cutover()
        simulation.run_until_all(Stage.MIGRATED, Stage.ABANDONED)

        assert ledger.granted == [mailbox_key(simulation.people[0].address)]
        assert simulation.stages() == {Stage.ABANDONED: 1}
        assert simulation.witness.broken == []


@pytest.mark.parametrize("wish", [Wish.CUTOVER, Wish.ROLLBACK])
def test_a_cutover_that_is_put_off_or_taken_back_in_its_last_instant_does_not_begin(
    wish: Wish,
) -> None:
    """The operator was told that it is granted, and the mailbox moved in the same night."""
    with Simulation(Options(people_count=1)) as simulation:
        synced(simulation)
        later_utc = simulation.clock.now_utc() + timedelta(days=30)
        ledger = WordInBetween(simulation, wish, later_utc if wish is Wish.CUTOVER else None)
        object.__setattr__(simulation.ports, "ledger", ledger)
        simulation.ask_cutover()
        simulation.pass_time(days=3)

        assert ledger.granted == [mailbox_key(simulation.people[0].address)]
        assert simulation.stages() == {Stage.SYNCED: 1}
        assert first(simulation).detach_began_utc is None
        assert simulation.witness.broken == []


def test_a_wish_that_is_dropped_is_journaled_and_told() -> None:
    """Whoever asked would wait for something that never comes."""
    with Simulation(Options(people_count=1)) as simulation:
        synced(simulation)
        ports, row = simulation.ports, first(simulation)
        asked = ports.ledger.amend_mailbox(
            BATCH, row.key, lambda stored: replace(stored, wish=Wish.ABANDON, wish_by=OPERATOR)
        )
        progress = Progress(asked, served_wish=Wish.ABANDON, dropped_because=WHY)
        record_progress(ports, progress)
        record_progress(ports, progress)

        assert (first(simulation).wish, first(simulation).detail) == (Wish.NONE, WHY)
        [entry] = [entry for entry in ports.journal.entries(BATCH) if entry.effect == "wish"]
        assert (entry.before, entry.after, entry.asked_by) == (
            "abandon",
            f"dropped: {WHY}",
            OPERATOR,
        )
