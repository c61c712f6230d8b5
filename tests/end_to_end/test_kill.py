"""The host is killed again and again at moments nobody chose; nothing of it may show in the end."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from bascule.domain.addresses import mailbox_key
from bascule.domain.stages import LIFE
from sandbox.world.mail import header
from sandbox.world.verdict import canonical_hash, canonical_state, judge
from tests.end_to_end.rehearsal import PATIENCE_S, Rehearsal, rehearsal

pytestmark = pytest.mark.slow

KILL_COUNT_MIN = 20
# A run that is killed for ever would never end; what is over the minimum covers the last stages.
KILL_COUNT_MAX = 23
LIFETIME_MAX_S = 1.4
CALLS_MAX = 18
WATCH_INTERVAL_S = 0.004
LOOK_INTERVAL_S = 0.3
NOTICE = "Your mailbox has moved"


class Killer:
    """Kills the host at seeded moments: so many seconds after it serves, or right after so many calls to the world."""

    def __init__(self, run: Rehearsal, seed: int) -> None:
        self._run = run
        self._luck = random.Random(seed)
        self.count = 0
        self._deadline_s = 0.0
        self._calls_max = 0
        self._draw()

    def watch(self) -> None:
        """Kill and start again if the moment has come."""
        if self.count >= KILL_COUNT_MAX:
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


@pytest.fixture(scope="module")
def calm_and_killed(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Rehearsal, Rehearsal, int]]:
    """The same batch twice: undisturbed, and killed at least twenty times; with the number of kills. Two minutes."""
    with ExitStack() as stack:
        calm = _opened(stack, tmp_path_factory.mktemp("calm"))
        _live(calm, lambda: None)
        killed = _opened(stack, tmp_path_factory.mktemp("killed"))
        killer = Killer(killed, seed=20)
        _live(killed, killer.watch)
        yield calm, killed, killer.count


def _opened(stack: ExitStack, folder: Path) -> Rehearsal:
    run = rehearsal(folder, 3)
    stack.enter_context(run.rig)
    run.rig.open()
    return run


def _live(run: Rehearsal, disturb: Callable[[], None]) -> None:
    """From the upload to the batch's close; the operator asks for the cutover as soon as everybody is synced."""
    run.upload("pilot")
    _until(run, disturb, lambda view: set(view.get("stages", ())) == {"SYNCED"})
    run.rig.app.post("/batches/pilot/cutover", {"mailboxes": "all"})
    _until(run, disturb, lambda view: view.get("state") == "closed")


def _until(
    run: Rehearsal, disturb: Callable[[], None], holds: Callable[[dict[str, Any]], bool]
) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    look_s = 0.0
    while time.monotonic() < deadline_s:
        disturb()
        if time.monotonic() >= look_s:
            look_s = time.monotonic() + LOOK_INTERVAL_S
            if holds(run.batch("pilot")):
                return
        Event().wait(WATCH_INTERVAL_S)
    raise TimeoutError(f"not there within {PATIENCE_S:.0f} s; the batch is {run.batch('pilot')}")


Runs = tuple[Rehearsal, Rehearsal, int]


def test_a_batch_that_is_killed_twenty_times_ends_as_one_that_never_was(
    calm_and_killed: Runs,
) -> None:
    """Otherwise a restart of the platform in the middle of a night's cutover would leave its mark on somebody's mail."""
    calm, killed, kill_count = calm_and_killed

    assert kill_count >= KILL_COUNT_MIN
    assert canonical_state(killed.rig.world) == canonical_state(calm.rig.world)
    assert canonical_hash(killed.rig.world) == canonical_hash(calm.rig.world)


def test_no_message_is_lost_or_doubled_by_a_kill(calm_and_killed: Runs) -> None:
    """A lost or doubled message is what users notice first."""
    _, killed, _ = calm_and_killed

    verdict = judge(killed.rig.world)

    assert verdict.clean, verdict
    assert verdict.expected_count > 0


def test_every_user_is_told_once(calm_and_killed: Runs) -> None:
    """Two notices of one move make people call the help desk."""
    _, killed, _ = calm_and_killed

    assert {each.address: _notices(killed, each.address) for each in killed.people} == {
        each.address: 1 for each in killed.people
    }


def test_no_account_is_made_twice(calm_and_killed: Runs) -> None:
    """A second account under a changed name would hold a seat, and its owner could not sign in to the right one."""
    calm, killed, _ = calm_and_killed

    assert _accounts(killed) == _accounts(calm)


def test_the_journal_tells_one_life_of_each_mailbox(calm_and_killed: Runs) -> None:
    """Whoever has to explain a lost mail reads the journal: a stage twice or out of order explains nothing."""
    _, killed, _ = calm_and_killed

    told = {each.address: _stages_told(killed, each.address) for each in killed.people}

    assert told == {each.address: [stage.value for stage in LIFE[1:]] for each in killed.people}


def test_nothing_of_the_batch_is_left_behind(calm_and_killed: Runs) -> None:
    """A sync batch or a membership that outlives its batch by a crash goes on changing mailboxes, or their mail's way."""
    _, killed, _ = calm_and_killed

    assert killed.rig.uploads_left() == []
    assert killed.batch("pilot")["stages"] == {"MIGRATED": len(killed.people)}
    assert [each for each in killed.stories() if each["runtimeStatus"] != "Completed"] == []


def _notices(run: Rehearsal, address: str) -> int:
    box = run.rig.world.tenant.mailboxes.at_address(address)
    assert box is not None
    return sum(header(message.raw, "Subject") == NOTICE for _, message in box.store.walk())


def _accounts(run: Rehearsal) -> list[str]:
    return sorted(user.upn for user in run.rig.world.tenant.directory.users())


def _stages_told(run: Rehearsal, address: str) -> list[str]:
    entries = sorted(run.table("journal"), key=lambda row: str(row["RowKey"]))
    return [
        str(row["after"])
        for row in entries
        if row["effect"] == "stage" and row["key"] == mailbox_key(address)
    ]
