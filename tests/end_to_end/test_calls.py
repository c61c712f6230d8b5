"""How often one mailbox makes the app call somebody else's service, from its upload to MIGRATED, over the real protocols.

`benchmarks/remote_calls.py` prints the same, step by step. Time is virtual, so a busy machine counts the same. About 6 s.
"""

from collections import Counter
from dataclasses import dataclass

import pytest

from bascule.domain.stages import Stage
from sandbox.in_process.simulation import Options
from sandbox.in_process.wired import REMOTE, wired

# With folders three levels deep, as in the simulated mailboxes: each further level of folders is one call more.
CALLS_OF_A_MAILBOX = {"graph": 23, "exchange": 3, "imap_sessions": 4, "alias_map": 7}
# These look at what is asked for everybody at once, by whoever comes first.
BOARD_STEPS = (
    "see_membership",
    "find_membership",
    "see_sync",
    "request_delta",
    "serve_deltas",
    "build_sync_batches",
)
FEW, MORE = 2, 5
# Seats, plans, domains, the batch's own migration batch, and each board a few times.
SHARED_MAX = 30


@dataclass(frozen=True)
class Bill:
    """What a migration has called."""

    own: Counter[str]
    together: int


def _bill(people_count: int) -> Bill:
    with wired(Options(people_count=people_count)) as run:
        run.simulation.upload()
        run.simulation.run_until_all(Stage.SYNCED)
        run.simulation.ask_cutover()
        run.simulation.run_until_all(Stage.MIGRATED)
        return Bill(run.called(*BOARD_STEPS), run.called().total())


@pytest.fixture(scope="module")
def bills() -> tuple[Bill, Bill]:
    """Of a small batch and of a larger one; looks that found nothing yet are left out."""
    return _bill(FEW), _bill(MORE)


def test_a_mailbox_costs_as_many_calls_as_we_say(bills: tuple[Bill, Bill]) -> None:
    """A tenant throttles an app that asks too much, and then ten thousand mailboxes do not move in a night."""
    few, more = bills

    assert {kind: (more.own[kind] - few.own[kind]) / (MORE - FEW) for kind in REMOTE} == (
        CALLS_OF_A_MAILBOX
    )


def test_what_is_asked_for_everybody_does_not_grow_with_them(bills: tuple[Bill, Bill]) -> None:
    """One story for each mailbox must not mean one question for each."""
    for bill, count in zip(bills, (FEW, MORE), strict=True):
        shared = bill.together - sum(CALLS_OF_A_MAILBOX.values()) * count
        assert 0 <= shared <= SHARED_MAX
