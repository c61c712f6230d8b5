"""The host is killed again and again at moments nobody chose; nothing of it may show in the end."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bascule.domain.addresses import mailbox_key
from bascule.domain.stages import LIFE
from sandbox.world.mail import header
from sandbox.world.verdict import canonical_hash, canonical_state, judge
from tests.end_to_end.killer import Killer
from tests.end_to_end.rehearsal import Rehearsal, rehearsal

# Starting the host twenty times over takes minutes on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

KILL_COUNT = 20
NOTICE = "Your mailbox has moved"


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """A batch that nobody disturbed, closed. Takes half a minute."""
    with ExitStack() as stack:
        run = _opened(stack, tmp_path_factory.mktemp("calm"))
        _live(run)
        yield run


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """The same batch, its host killed twenty times. Takes a minute and a half: each start loads every library anew."""
    with ExitStack() as stack:
        run = _opened(stack, tmp_path_factory.mktemp("killed"))
        killer = Killer(run, seed=20, count_max=KILL_COUNT)
        run.disturb = killer.watch
        _live(run)

        assert killer.count == KILL_COUNT

        yield run


def _opened(stack: ExitStack, folder: Path) -> Rehearsal:
    run = rehearsal(folder, 3)
    stack.enter_context(run.rig)
    run.rig.open()
    return run


def _live(run: Rehearsal) -> None:
    """From the upload to the batch's close; the operator asks for the cutover as soon as everybody is synced."""
    run.upload("pilot")
    run.wait_for_stage("pilot", "SYNCED")
    run.wish("pilot", "cutover")
    run.wait_for_state("pilot", "closed")


def test_a_batch_that_is_killed_twenty_times_ends_as_one_that_never_was(
    calm: Rehearsal, killed: Rehearsal
) -> None:
    """Otherwise a restart of the platform in the middle of a night's cutover would leave its mark on somebody's mail."""
    assert canonical_state(killed.rig.world) == canonical_state(calm.rig.world)
    assert canonical_hash(killed.rig.world) == canonical_hash(calm.rig.world)


def test_no_message_is_lost_or_doubled_by_a_kill(killed: Rehearsal) -> None:
    """A lost or doubled message is what users notice first."""
    verdict = judge(killed.rig.world)

    assert verdict.clean, verdict
    assert verdict.expected_count > 0


def test_every_user_is_told_once(killed: Rehearsal) -> None:
    """Two notices of one move make people call the help desk."""
    assert {each.address: _notices(killed, each.address) for each in killed.people} == {
        each.address: 1 for each in killed.people
    }


def test_no_account_is_made_twice(calm: Rehearsal, killed: Rehearsal) -> None:
    """A second account under a changed name would hold a seat, and its owner could not sign in to the right one."""
    assert _accounts(killed) == _accounts(calm)


def test_the_journal_tells_one_life_of_each_mailbox(killed: Rehearsal) -> None:
    """Whoever has to explain a lost mail reads the journal: a stage twice or out of order explains nothing."""
    told = {each.address: _stages_told(killed, each.address) for each in killed.people}

    assert told == {each.address: [stage.value for stage in LIFE[1:]] for each in killed.people}


def test_nothing_of_the_batch_is_left_behind(killed: Rehearsal) -> None:
    """A sync batch or a membership that outlives its batch by a crash goes on changing mailboxes, or their mail's way."""
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
