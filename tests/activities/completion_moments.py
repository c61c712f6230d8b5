"""Moments of the completion of a tenant at which a step is tried."""

from collections.abc import Callable

from bascule.domain.completion import COMPLETION, CompletionRecord, Phase, Word, WordGiven
from sandbox.in_process.simulation import Simulation
from tests.stories.completions import Zone


def at(phase: Phase) -> Callable[[Simulation], None]:
    """A tenant without a batch, every word given, at a phase; the zone is as the tenant asks for."""

    def moment(simulation: Simulation) -> None:
        now_utc = simulation.clock.now_utc()
        words = tuple(WordGiven(word, "approver", now_utc) for word in Word)
        Zone(simulation.ports).change()
        record = CompletionRecord(phase, now_utc, words, closed_utc=now_utc)
        simulation.ports.documents.amend(COMPLETION, CompletionRecord, lambda _: record)

    return moment


def begun(simulation: Simulation) -> None:
    """The first word was said, and nothing looked at yet."""
    record = CompletionRecord(phase_since_utc=simulation.clock.now_utc())
    simulation.ports.documents.amend(COMPLETION, CompletionRecord, lambda _: record)
