"""Every interleaving of the cutover's heart, searched to the end, and what the search takes for granted; half a minute."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

import pytest

from bascule.domain.stages import Stage
from sandbox.simulate.crash_points import ROLLED_BACK, boundaries
from sandbox.simulate.cutover_kernel import SERVER_COUNT, Rules, can_always_end, search, way_to
from sandbox.simulate.life import FaultKind

pytestmark = pytest.mark.slow

# Which step makes which move of the model; all other steps look, record or keep the sync alive.
STEP_OF = {
    "leave the group": "leave_coexistence",
    "probe through": "send_probe",
    "probe found": "look_for_probe",
    "turn the alias": "switch_route",
    "turn the alias back": "switch_route",
    "join the group": "join_coexistence",
    "fetch and prove": "certify",
    "bring home": "bring_home",
}
BOTH = "both redirects at once"


def test_no_interleaving_of_cutover_retry_and_rollback_breaks_a_promise() -> None:
    """A loop that needs one unlucky order of two messages, three caches, a crash and a change of mind would be met in production."""
    found = search()

    assert found.broken == "", " -> ".join(found.way)
    assert found.state_count > 20_000


def test_from_every_state_the_cutover_can_still_end() -> None:
    """A crash at the wrong instant must not leave a mailbox that no retry can carry on."""
    assert can_always_end()


@pytest.mark.parametrize(
    ("rules", "promise"),
    [
        (Rules(leaves_first=False), BOTH),
        (Rules(turns_back_first=False), BOTH),
        (Rules(proves_anew=False), BOTH),
        (Rules(waits_for_hold=False, probes_needed=1), BOTH),
        (Rules(fetches_after_redirect=False), "a message stays behind"),
    ],
)
def test_the_search_finds_each_deliberate_mistake(rules: Rules, promise: str) -> None:
    """A search that finds nothing because it looks at nothing would be worse than none."""
    assert search(rules).broken == promise


def test_the_promise_rests_on_the_hold_and_the_probes_alone_would_not_carry_it() -> None:
    """The hold is a figure that somebody chose: who shortens it has to know what is left then.

    A hold that outlasts every memory needs no probe. One that does not needs probes that meet every server, and ours go
    through whichever takes them.
    """
    outlived = Rules(hold_outlasts_memory=False)
    unsafe = search(outlived, to_the_end=True)
    met = replace(outlived, probes_meet_every_server=True)

    assert search(Rules(probes_needed=0)).broken == ""
    assert (unsafe.broken, unsafe.broken_count > 0) == (BOTH, True)
    assert sum(move.startswith("probe found: cloud") for move in unsafe.way) >= SERVER_COUNT
    assert search(met).broken == ""
    assert search(replace(met, probes_needed=SERVER_COUNT - 1)).broken == BOTH


def test_the_model_walks_the_way_of_the_real_story() -> None:
    """A model that leaves out or turns round a step of the product proves something about itself."""
    there, way_there = way_to("MIGRATED")
    _, way_home = way_to("ROLLED_BACK", there)

    assert steps_of((*way_there, *way_home)) == list(real_steps())


def steps_of(way: Iterable[str]) -> list[str]:
    """The steps that make the moves of a way."""
    heads = (move.partition(":")[0].partition(" server")[0] for move in way)
    return [STEP_OF[head] for head in heads if head in STEP_OF]


def real_steps() -> Iterable[str]:
    """The steps of a lived cutover and rollback that make such moves, each as often as it was waited for once."""
    life = replace(ROLLED_BACK, pace=replace(ROLLED_BACK.pace, probe_count=SERVER_COUNT))
    passed = boundaries(life)
    begun = next(n for n, each in enumerate(passed) if each.kill.step == "leave_coexistence")
    home = next(n for n, each in enumerate(passed) if each.stage is Stage.ROLLED_BACK)
    run = (
        boundary.kill.step
        for boundary in passed[begun:home]
        if boundary.kill.kind is FaultKind.KILLED_BEFORE_STEP
        and boundary.kill.step in STEP_OF.values()
    )
    return (step for step, _ in groupby(run))
