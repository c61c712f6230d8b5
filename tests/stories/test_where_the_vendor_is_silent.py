"""The same life whichever way the service behaves where its manual says nothing."""

from dataclasses import replace

import pytest

from bascule.domain.records import Wish
from bascule.domain.stages import Stage
from sandbox.world.weather import CALM, Span
from tests.stories.conftest import Simulate
from tests.stories.endings import batch_has_let_go, judge_life

# Dozens of whole lives: seconds each, minutes together.
pytestmark = pytest.mark.slow

ODD = replace(
    CALM, group_cache_age=Span(60, 3600), counter_lag=Span(0, 300), delta_late=Span(0, 3600)
)
WAYS = {
    "source deletions propagate": replace(ODD, source_deletions_propagate=True),
    "duplicates known by Message-ID": replace(ODD, duplicates_known_by_message_id=True),
    "copies that are missed come back": replace(ODD, missed_copies_come_back=True),
    "held mailboxes refuse the batch": replace(ODD, batches_refused_for_held_mailboxes=True),
    "a running delta absorbs a request": replace(ODD, sync_now_absorbed_by_running_delta=True),
    "deltas end as IncrementalSynced": replace(ODD, delta_ends_as_incremental_synced=True),
    "the purpose of a user is an object": replace(ODD, user_purpose_as_object=True),
    "passwords of two classes": replace(ODD, education_passwords=True),
}


@pytest.mark.parametrize("way", WAYS)
def test_there_back_and_there_again_whatever_the_service_does(simulate: Simulate, way: str) -> None:
    """We may not bet anybody's mail on what a manual leaves out."""
    simulation = simulate(people_count=2, seed=31, weather=WAYS[way])
    anna = simulation.people[0]
    simulation.keep_writing(hours=60, every_s=1_700)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.MIGRATED)
    simulation.ask(Wish.ROLLBACK, [anna.address])
    simulation.run_until(lambda: simulation.record_of(anna.address).stage is Stage.ROLLED_BACK)
    simulation.pass_time(hours=8)
    simulation.ask_cutover([anna.address])
    simulation.run_until_closed()

    assert simulation.stages() == {Stage.MIGRATED: 2}
    batch_has_let_go(simulation)
    judge_life(simulation)
