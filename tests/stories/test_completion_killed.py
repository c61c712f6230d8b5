"""The completion's story killed after every single step of the engine; about 20 s."""

import itertools

import pytest

from bascule.domain.completion import COMPLETION, Phase, Word
from tests.stories.completions import Operator, with_dns
from tests.stories.conftest import Simulate
from tests.stories.test_completion import nothing_is_left

pytestmark = pytest.mark.slow

# A generation of the story takes fewer turns and tasks than this.
STEPS_OF_A_GENERATION = 9
WORDS = (
    (Word.AUTHORITATIVE, Phase.ROUTING),
    (Word.ROUTING, Phase.ENDPOINT),
    (Word.ENDPOINT, Phase.KEYS),
    (Word.KEYS, Phase.SEPARATING),
)


@pytest.mark.parametrize("steps", range(STEPS_OF_A_GENERATION))
def test_a_story_killed_after_any_step_comes_to_the_same_end(
    simulate: Simulate, steps: int
) -> None:
    """A host is stopped in the middle of the one evening on which everything is taken down."""
    simulation = simulate(people_count=1, messages_each=1, change_plan=with_dns)
    operator = Operator(simulation)
    operator.have_everybody_migrated()
    operator.come_to_ready()
    for word, phase in WORDS:
        operator.write_word(word)
        operator.ring()
        for _ in itertools.repeat(None, steps):
            simulation.engine.run_step()
        simulation.engine.control.terminate(COMPLETION, "killed")
        simulation.settle()
        simulation.engine.control.purge(COMPLETION)
        operator.revive()
        operator.run_until(phase)
    operator.zone.separate()
    operator.run_until(Phase.COMPLETE)

    nothing_is_left(operator)
    assert len(operator.deeds()) == len(set(operator.deeds())) == 7
