"""What a run of many lives adds up to, and how it is said."""

from collections import Counter
from dataclasses import dataclass, field

from sandbox.simulate.life import FaultKind
from sandbox.simulate.living import Outcome
from sandbox.simulate.transitions import Pair, legal, never_taken

# The rarest legal transition is met about once in two hundred lives; this many meet every one.
LIVES_FOR_ALL_TRANSITIONS = 2_000
RAREST_SHOWN = 6
FAULTS = frozenset(kind.value for kind in FaultKind)


@dataclass
class Census:
    """Sums over outcomes."""

    life_count: int = 0
    step_count: int = 0
    turn_count: int = 0
    days: float = 0.0
    states: set[str] = field(default_factory=set)
    struck: Counter[str] = field(default_factory=Counter)
    transitions: Counter[Pair] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    broken: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count one life."""
        self.life_count += 1
        self.step_count += outcome.step_count
        self.turn_count += outcome.turn_count
        self.days += outcome.days
        self.states |= outcome.states
        self.struck += outcome.struck
        self.transitions += outcome.transitions
        self.endings += outcome.stages
        if outcome.broken:
            self.broken.append(outcome)

    @property
    def has_seen_enough(self) -> bool:
        """Whether every legal transition was taken, as far as so few lives can be held to it."""
        return self.life_count < LIVES_FOR_ALL_TRANSITIONS or not never_taken(self.transitions)

    def report(self, elapsed_s: float) -> str:
        """The lines that a run ends with."""
        missing = sorted(f"{a}->{b}" for a, b in never_taken(self.transitions))
        legal_count = len(legal())
        lines = [
            f"{self.life_count} lives, {self.life_count / max(elapsed_s, 0.001):.1f} seeds/s, {self.days:.0f} virtual days",
            f"{self.step_count} steps in {self.turn_count} turns, {len(self.states)} distinct states",
            "faults: " + _listed(self.struck, FAULTS),
            "deeds: " + _listed(self.struck, set(self.struck) - FAULTS),
            "endings: " + _listed(self.endings, set(self.endings)),
            f"legal transitions: {legal_count - len(missing)} of {legal_count} taken; not taken: {', '.join(missing) or 'none'}",
            f"rarest: {', '.join(self._rarest()) or 'none'}",
            f"violations: {len(self.broken)}",
        ]
        return "\n".join(lines)

    def _rarest(self) -> list[str]:
        """The legal changes that were nearly missed, with their counts."""
        taken = sorted((self.transitions[pair], pair) for pair in legal() & set(self.transitions))
        return [f"{a}->{b} {count}" for count, (a, b) in taken[:RAREST_SHOWN]]


def _listed(counts: Counter[str], names: set[str] | frozenset[str]) -> str:
    return ", ".join(f"{name} {counts[name]}" for name in sorted(names))
