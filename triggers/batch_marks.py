"""Which batches have a refused upload, or are held up: told by documents, because some have no row to be found by."""

from collections.abc import Collection
from dataclasses import dataclass

from bascule.domain.records import HOLD_UP_PREFIX, REFUSAL_PREFIX
from bascule.ports.bundle import Ports


@dataclass(frozen=True)
class BatchMarks:
    """Names of batches."""

    refused: frozenset[str]
    """Their last upload was refused."""
    held_up: frozenset[str]

    def beside(self, known: Collection[str]) -> dict[str, str]:
        """{name: state} of the batches that are not known: their first file was refused, or cannot be judged."""
        states = dict.fromkeys(self.refused, "refused") | dict.fromkeys(self.held_up, "held up")
        return {name: states[name] for name in sorted(states) if name not in known}


def batch_marks(ports: Ports) -> BatchMarks:
    """All of them; no report is read for it."""
    return BatchMarks(_behind(ports, REFUSAL_PREFIX), _behind(ports, HOLD_UP_PREFIX))


def _behind(ports: Ports, prefix: str) -> frozenset[str]:
    return frozenset(name.removeprefix(prefix) for name in ports.documents.names(prefix))
