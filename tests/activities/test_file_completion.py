"""The end of the migration is told, whatever becomes of the first try."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from activities.completion_gate import completion_of
from activities.file_completion import REPORT_PATH, file_completion
from bascule.domain.codes import Code
from bascule.domain.completion import CompletionRef, Phase
from bascule.domain.errors import BasculeError, Refusal, Throttled
from sandbox.in_process.simulation import Options, Simulation
from tests.activities.completion_moments import at

REF = CompletionRef()


@dataclass
class ReportMailbox:
    """A notifier that fails as often as it was told to; remembers what arrived."""

    failures: list[BasculeError]
    arrived: list[str] = field(default_factory=list)

    def alert(self, subject: str, text: str) -> None:
        """Take it, or fail."""
        del text
        if self.failures:
            raise self.failures.pop()
        self.arrived.append(subject)


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """A tenant whose SPF lets it alone send: nothing is left but to say so."""
    with Simulation(Options(people_count=1, messages_each=1)) as made:
        at(Phase.SEPARATING)(made)
        yield made


def phase(simulation: Simulation) -> Phase:
    """Where the document stands."""
    record = completion_of(simulation.ports)
    assert record is not None
    return record.phase


def test_a_mail_that_fails_once_is_sent_when_the_step_is_repeated(simulation: Simulation) -> None:
    """The director would wait for the one mail that says that it is over."""
    mailbox = ReportMailbox([Throttled(60.0, "busy")])
    ports = replace(simulation.ports, notifier=mailbox)  # type: ignore[arg-type]
    with pytest.raises(Throttled):
        file_completion(ports, REF)
    assert phase(simulation) is Phase.SEPARATING
    file_completion(ports, REF)
    file_completion(ports, REF)

    assert phase(simulation) is Phase.COMPLETE
    assert mailbox.arrived == ["The migration is complete"]


def test_a_report_mailbox_that_is_gone_keeps_no_migration_from_its_end(
    simulation: Simulation,
) -> None:
    """Everything is done; a mailbox that somebody has deleted does not undo it."""
    mailbox = ReportMailbox([Refusal(Code.REQUEST_REJECTED, "no such mailbox")])
    ports = replace(simulation.ports, notifier=mailbox)  # type: ignore[arg-type]
    file_completion(ports, REF)

    assert phase(simulation) is Phase.COMPLETE
    assert simulation.ports.blobs.read_report(REPORT_PATH) is not None
