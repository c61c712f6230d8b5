"""Wishes that meet: put off, taken back, asked by two people: chapters 4 to 6 of the runbook."""

from dataclasses import replace
from datetime import timedelta

import pytest

from activities.grant_wish import grant_wish
from activities.leave_sync import leave_sync
from bascule.domain.addresses import mailbox_key
from bascule.domain.codes import Code
from bascule.domain.errors import Conflict
from bascule.domain.records import MailboxRecord, MailboxRef, Wish
from bascule.domain.requests import WishRequest
from bascule.domain.stages import Stage
from sandbox.in_process.simulation import BATCH, OPERATOR, Simulation
from tests.stories.conftest import Simulate
from tests.stories.endings import judge_life

COLLEAGUE = "colleague@example.org"


def synced(simulate: Simulate) -> Simulation:
    """One person whose mailbox waits for a cutover."""
    simulation = simulate(people_count=1)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    return simulation


def row_of(simulation: Simulation) -> MailboxRecord:
    """The row of the one person."""
    [row] = simulation.records()
    return row


def grant(simulation: Simulation, wish: Wish, by: str = OPERATOR) -> str:
    """Write a wish while no story looks; why it is refused, or empty."""
    request = WishRequest(BATCH, wish, (row_of(simulation).key,), by)
    outcome = grant_wish(simulation.ports, request)
    return outcome.refused[0].why if outcome.refused else ""


def amend(simulation: Simulation, **said: object) -> None:
    """The row of the one person, changed while no story looks."""
    key = mailbox_key(simulation.people[0].address)
    simulation.ports.ledger.amend_mailbox(
        BATCH,
        key,
        lambda row: replace(row, **said),  # type: ignore[arg-type]
    )


def set_aside(simulate: Simulate) -> Simulation:
    """One person whose sync has failed at SYNCED, with the evening of the cutover behind it."""
    simulation = synced(simulate)
    past_utc = simulation.clock.now_utc() - timedelta(hours=10)
    amend(
        simulation,
        stage=Stage.SET_ASIDE,
        resume_stage=Stage.SYNCED,
        code=Code.SERVICE_UNREACHABLE,
        cutover_at_utc=past_utc,
    )
    return simulation


def asked(simulation: Simulation) -> list[tuple[str, str, str]]:
    """What the journal says was asked: what stood before, what was asked, and by whom."""
    entries = simulation.ports.journal.entries(BATCH)
    return [(each.before, each.after, each.asked_by) for each in entries if each.effect == "asked"]


def test_a_cutover_that_has_begun_is_not_put_off(simulate: Simulate) -> None:
    """Users were told of another evening, and find their mail gone in the morning."""
    simulation = synced(simulate)
    simulation.ask_cutover()
    simulation.run_until(lambda: row_of(simulation).left_group_utc is not None)
    later_utc = simulation.clock.now_utc() + timedelta(days=30)
    answer = simulation.ask_cutover(at_utc=later_utc)

    assert answer["granted"] == 0
    assert answer["refused"][0]["why"] == "its cutover has begun; only a rollback takes it back"
    assert simulation.ask(Wish.ROLLBACK)["granted"] == 1
    simulation.run_until_all(Stage.ROLLED_BACK)
    simulation.pass_time(days=1)
    assert simulation.stages() == {Stage.ROLLED_BACK: 1}
    judge_life(simulation)


def test_a_cutover_that_is_still_to_come_can_be_taken_back(simulate: Simulate) -> None:
    """To abandon the mailbox would destroy its password; to name a day in ten years is no answer."""
    simulation = synced(simulate)
    simulation.ask_cutover(at_utc=simulation.clock.now_utc() + timedelta(hours=6))
    assert simulation.ask(Wish.ROLLBACK)["granted"] == 1
    assert simulation.ask(Wish.ROLLBACK)["granted"] == 1
    simulation.pass_time(days=2)

    assert simulation.stages() == {Stage.SYNCED: 1}
    assert row_of(simulation).cutover_at_utc is None
    assert asked(simulation)[-1][1:] == ("taken back", OPERATOR)
    assert asked(simulation)[-1][0].startswith("cutover at ")
    simulation.ask_cutover()
    simulation.run_until_closed()
    assert simulation.stages() == {Stage.MIGRATED: 1}
    judge_life(simulation)


def test_who_is_to_be_abandoned_takes_no_other_wish(simulate: Simulate) -> None:
    """A colleague's `retry all` would move a mailbox of which somebody was told that it stays."""
    simulation = set_aside(simulate)
    assert grant(simulation, Wish.ABANDON, COLLEAGUE) == ""
    why = f"it was asked by {COLLEAGUE} to be abandoned; ask for the rollback to take that back"

    assert grant(simulation, Wish.RETRY) == why
    assert grant(simulation, Wish.CUTOVER) == why
    assert grant(simulation, Wish.ABANDON) == ""
    assert row_of(simulation).wish_by == COLLEAGUE
    simulation.ring(simulation.people[0].address)
    simulation.run_until_all(Stage.ABANDONED)
    judge_life(simulation)


def test_a_wish_to_abandon_can_be_taken_back_before_it_is_served(simulate: Simulate) -> None:
    """A wrong address at night must not cost a mailbox its place in the batch."""
    simulation = synced(simulate)
    amend(simulation, cutover_at_utc=simulation.clock.now_utc() + timedelta(hours=3))
    assert grant(simulation, Wish.ABANDON) == ""
    assert grant(simulation, Wish.ROLLBACK) == ""
    assert grant(simulation, Wish.ROLLBACK) == ""
    simulation.ring(simulation.people[0].address)
    simulation.pass_time(days=1)

    row = row_of(simulation)
    assert (row.stage, row.wish, row.cutover_at_utc) == (Stage.SYNCED, Wish.NONE, None)
    simulation.ask_cutover()
    simulation.run_until_closed()
    assert simulation.stages() == {Stage.MIGRATED: 1}
    judge_life(simulation)


def test_an_abandonment_that_has_begun_is_not_taken_back(simulate: Simulate) -> None:
    """Without its password the mailbox would stand in the batch and never move."""
    simulation = synced(simulate)
    assert grant(simulation, Wish.ABANDON) == ""
    leave_sync(simulation.ports, MailboxRef(BATCH, row_of(simulation).key))
    assert grant(simulation, Wish.ROLLBACK).startswith("it is being abandoned")
    simulation.ring(simulation.people[0].address)
    simulation.run_until_all(Stage.ABANDONED)
    assert grant(simulation, Wish.ROLLBACK) == "it is ABANDONED"
    judge_life(simulation)


def test_a_step_of_an_abandonment_that_was_taken_back_does_nothing(simulate: Simulate) -> None:
    """The operator was told that it is taken back: a story that was under way must not go on."""
    simulation = synced(simulate)
    assert grant(simulation, Wish.ABANDON) == ""
    assert grant(simulation, Wish.ROLLBACK) == ""
    with pytest.raises(Conflict):
        leave_sync(simulation.ports, MailboxRef(BATCH, row_of(simulation).key))

    assert row_of(simulation).sync_batch


def test_who_is_to_be_rolled_back_is_not_sent_off_again(simulate: Simulate) -> None:
    """`retry all` or `cutover all` right after the rollback of one would take it back, and nobody would know."""
    simulation = synced(simulate)
    simulation.ask_cutover()
    simulation.run_until(lambda: row_of(simulation).left_group_utc is not None)
    amend(simulation, stage=Stage.SET_ASIDE, resume_stage=Stage.SYNCED, code=Code.STEP_BROKEN)
    assert grant(simulation, Wish.ROLLBACK, COLLEAGUE) == ""
    why = f"it was asked by {COLLEAGUE} to be rolled back; ask again when it is ROLLED_BACK"
    assert grant(simulation, Wish.RETRY) == why
    assert "its cutover has begun" in grant(simulation, Wish.CUTOVER)
    simulation.ring(simulation.people[0].address)
    simulation.run_until_all(Stage.ROLLED_BACK)

    assert row_of(simulation).cutover_at_utc is None
    assert asked(simulation)[-1][1:] == ("rollback", COLLEAGUE)


def test_a_mailbox_set_aside_gets_another_night(simulate: Simulate) -> None:
    """Its retry would cut it over within minutes, in working hours: the evening it was planned for is over."""
    simulation = set_aside(simulate)
    later_utc = simulation.clock.now_utc() + timedelta(days=7)
    assert simulation.ask_cutover()["granted"] == 0
    assert simulation.ask_cutover(at_utc=later_utc)["granted"] == 1
    assert simulation.ask(Wish.RETRY)["granted"] == 1
    simulation.pass_time(days=6)
    assert simulation.stages() == {Stage.SYNCED: 1}

    simulation.run_until_closed()
    entries = simulation.ports.journal.entries(BATCH)
    [proven] = [each for each in entries if each.after == Stage.DETACHED]
    assert proven.at_utc > later_utc
    judge_life(simulation)


def test_a_retry_leaves_the_name_of_who_asked_for_the_cutover(simulate: Simulate) -> None:
    """Months later somebody asks who had the alias turned."""
    simulation = synced(simulate)
    simulation.ask_cutover(at_utc=simulation.clock.now_utc() + timedelta(days=2))
    amend(simulation, stage=Stage.SET_ASIDE, resume_stage=Stage.SYNCED, code=Code.SYNC_LATE)
    assert grant(simulation, Wish.RETRY, COLLEAGUE) == ""
    simulation.ring(simulation.people[0].address)
    simulation.run_until_all(Stage.MIGRATED)

    [turned] = [each for each in simulation.ports.journal.entries(BATCH) if each.effect == "alias"]
    assert turned.asked_by == OPERATOR
    assert asked(simulation)[-1][1:] == ("retry", COLLEAGUE)
