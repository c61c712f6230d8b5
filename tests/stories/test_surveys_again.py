"""An offence that was mended is looked for again, and then holds nothing up: chapters 3 and 4 of the runbook."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bascule.domain.codes import Code
from bascule.domain.plan import Plan
from bascule.domain.records import MailboxRecord, Wish
from bascule.domain.stages import Stage
from bascule.domain.survey_again import SURVEY_AGE_MAX
from sandbox.in_process.simulation import BATCH, Simulation
from sandbox.world.source import SourceMailbox
from sandbox.world.weather import CALM
from tests.stories.conftest import Simulate
from tests.stories.endings import batch_has_let_go, judge_life

# Whole lives: a second or two each.
pytestmark = pytest.mark.slow

SIZE_MAX_BYTES = 40_000
# Exchange leaves such a message behind, so that its deletion at the source leaves nothing over.
WEATHER = replace(CALM, migration_message_max_bytes=SIZE_MAX_BYTES)
HEAVY: dict[str, object] = {"people_count": 1, "over_limit_bytes": 60_000, "weather": WEATHER}
SLASHED, RENAMED = "Projets.2026/27", "Projets.2026-27"


def small_messages(plan: Plan) -> Plan:
    """The plan with a limit below the heavy message of the first person."""
    return replace(plan, survey=replace(plan.survey, message_size_max_bytes=SIZE_MAX_BYTES))


def offending(simulate: Simulate, **options: object) -> Simulation:
    """One synced mailbox with a message that is too large."""
    simulation = simulate(change_plan=small_messages, **(HEAVY | options))
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    assert row_of(simulation).offences == ("message_too_large:1",)
    return simulation


def row_of(simulation: Simulation) -> MailboxRecord:
    """The row of the first person."""
    return simulation.record_of(simulation.people[0].address)


def box_of(simulation: Simulation) -> SourceMailbox:
    """The source mailbox of the first person."""
    box = simulation.world.source.at_address(simulation.people[0].address)
    assert box is not None
    return box


def delete_what_is_too_large(simulation: Simulation) -> None:
    """The user does as the operator asked; what is left is what must exist at the end."""
    for folder in box_of(simulation).store.folders.values():
        for uid in [u for u, each in folder.messages.items() if len(each.raw) > SIZE_MAX_BYTES]:
            del folder.messages[uid]
    simulation.world.take_stock()


def survey_report(simulation: Simulation) -> Any:
    """What the reports container says of the mailbox."""
    return simulation.report(f"{BATCH}/{row_of(simulation).key}.survey.json")


def test_a_mended_offence_is_gone_after_a_survey_and_nobody_waives_it(simulate: Simulate) -> None:
    """A waiver for what is gone reads, a year later, as a message that was left behind."""
    simulation = offending(simulate)
    before = row_of(simulation)
    delete_what_is_too_large(simulation)
    [refused] = simulation.ask_cutover()["refused"]
    assert "ask for a survey" in refused["why"]

    assert simulation.ask(Wish.SURVEY)["granted"] == 1
    simulation.settle()
    row = row_of(simulation)
    assert (row.offences, row.source_message_count) == ((), before.source_message_count - 1)
    assert row.source_size_bytes < before.source_size_bytes
    assert survey_report(simulation)["offenders"] == []
    assert simulation.ask_cutover()["granted"] == 1
    simulation.run_until_closed()

    assert row_of(simulation).waived == ()
    batch_has_let_go(simulation)
    judge_life(simulation)


def test_a_renamed_folder_is_copied_and_holds_nothing_up(simulate: Simulate) -> None:
    """Its mail must be in the cloud at the end, not only off the list."""
    simulation = simulate(people_count=5, messages_each=4)
    address = simulation.people[4].address
    box = simulation.world.source.at_address(address)
    assert box is not None
    assert box.separator == ".", "only here a level may hold a slash"
    letter = next(each for each in box.store.folders.values() if each.messages).messages.popitem()[
        1
    ]
    box.store.folder(SLASHED).add(letter.raw, letter.flags, letter.internal_utc)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    assert simulation.record_of(address).offences == ("folder_name_has_slash:1",)
    folder = box.store.folders.pop(SLASHED)
    box.store.folders[RENAMED] = replace(folder, name=RENAMED)
    simulation.ask(Wish.SURVEY)
    simulation.settle()
    assert simulation.record_of(address).offences == ()

    assert simulation.ask_cutover()["granted"] == 5
    simulation.run_until_closed()
    judge_life(simulation)


def test_an_offence_that_still_stands_is_counted_anew(simulate: Simulate) -> None:
    """Two letters where there was one: the old figure would be waived for the new one."""
    simulation = offending(simulate)
    box = box_of(simulation)
    inbox = box.store.folder("INBOX")
    heavy = next(
        m
        for f in box.store.folders.values()
        for m in f.messages.values()
        if len(m.raw) > SIZE_MAX_BYTES
    )
    inbox.add(heavy.raw, heavy.flags, heavy.internal_utc)
    simulation.ask(Wish.SURVEY)
    simulation.settle()

    counts = [int(each.partition(":")[2]) for each in row_of(simulation).offences]
    assert sum(counts) == 2
    assert sum(each["count"] for each in survey_report(simulation)["offenders"]) == 2
    assert simulation.ask_cutover()["granted"] == 0


def test_a_due_cutover_goes_on_by_itself_once_the_offence_is_gone(simulate: Simulate) -> None:
    """The instant stands in the file, and the user has done as asked: nobody is there at night to press anything."""
    simulation = simulate(change_plan=small_messages, **HEAVY)
    [anna] = simulation.people
    due_utc = simulation.clock.now_utc() + timedelta(days=2)
    simulation.upload(simulation.csv(CutoverAtUtc={anna.address: due_utc.isoformat()}))
    simulation.run_until_all(Stage.SYNCED)
    simulation.run_until(lambda: simulation.clock.now_utc() > due_utc + timedelta(hours=6))
    assert row_of(simulation).stage is Stage.SYNCED
    delete_what_is_too_large(simulation)
    simulation.run_until_all(Stage.MIGRATED)

    row = row_of(simulation)
    assert (row.offences, row.waived) == ((), ())
    assert row.detach_began_utc is not None
    assert row.detach_began_utc < due_utc + timedelta(hours=6) + 2 * SURVEY_AGE_MAX
    simulation.run_until_closed()
    judge_life(simulation)


def test_an_offence_gone_before_the_instant_costs_the_cutover_nothing(simulate: Simulate) -> None:
    """Deleted in the afternoon, cut over in the evening: at its instant, not an hour later."""
    simulation = simulate(change_plan=small_messages, **HEAVY)
    [anna] = simulation.people
    due_utc = simulation.clock.now_utc() + timedelta(days=2)
    simulation.upload(simulation.csv(CutoverAtUtc={anna.address: due_utc.isoformat()}))
    simulation.run_until_all(Stage.SYNCED)
    delete_what_is_too_large(simulation)
    simulation.run_until(lambda: row_of(simulation).detach_began_utc is not None)

    began_utc = row_of(simulation).detach_began_utc
    assert began_utc is not None
    assert due_utc <= began_utc < due_utc + timedelta(minutes=1)


def test_a_held_up_cutover_surveys_at_most_once_an_hour(simulate: Simulate) -> None:
    """Two hundred held up mailboxes must not keep the old server busy until somebody comes to work."""
    simulation = simulate(change_plan=small_messages, **HEAVY)
    [anna] = simulation.people
    due_utc = simulation.clock.now_utc() + timedelta(days=2)
    simulation.upload(simulation.csv(CutoverAtUtc={anna.address: due_utc.isoformat()}))
    simulation.run_until_all(Stage.SYNCED)
    assert simulation.witness.runs["survey_source"] == 1
    simulation.run_until(lambda: simulation.clock.now_utc() > due_utc + timedelta(hours=12))

    assert 12 <= simulation.witness.runs["survey_source"] - 1 <= 13
    assert row_of(simulation).stage is Stage.SYNCED
    judge_life(simulation)


def test_a_survey_that_is_refused_sets_aside_as_at_the_beginning(simulate: Simulate) -> None:
    """The password was changed since: the certificate would have failed for it in the middle of the night."""
    simulation = offending(simulate)
    box, right = box_of(simulation), box_of(simulation).password
    box.password = "another-Pw0000"
    simulation.ask(Wish.SURVEY)
    simulation.settle()
    row = row_of(simulation)
    assert (row.stage, row.code) == (Stage.SET_ASIDE, Code.SOURCE_LOGIN_REFUSED)
    assert row.resume_stage is Stage.SYNCED

    box.password = right
    delete_what_is_too_large(simulation)
    simulation.ask(Wish.RETRY)
    simulation.settle()
    # The survey that was asked for is made now; nobody has to ask twice.
    assert (row_of(simulation).stage, row_of(simulation).offences) == (Stage.SYNCED, ())


def test_a_source_that_is_away_is_waited_for_as_long_as_at_first(simulate: Simulate) -> None:
    """A wish that waits for ever is a wish that nobody hears of."""
    simulation = offending(simulate)
    calm = simulation.world.weather
    simulation.world.weather = replace(calm, source_unreachable_probability=1.0)
    simulation.ask(Wish.SURVEY)
    simulation.pass_time(hours=5)
    assert row_of(simulation).stage is Stage.SYNCED
    simulation.pass_time(hours=3)
    assert row_of(simulation).code is Code.SOURCE_UNREACHABLE

    simulation.world.weather = calm
    delete_what_is_too_large(simulation)
    simulation.ask(Wish.RETRY)
    simulation.settle()
    assert (row_of(simulation).stage, row_of(simulation).offences) == (Stage.SYNCED, ())


def test_an_hour_without_the_source_does_not_set_a_held_up_mailbox_aside(
    simulate: Simulate,
) -> None:
    """Days after its instant a single look that fails is no failure of hours."""
    simulation = simulate(change_plan=small_messages, **HEAVY)
    [anna] = simulation.people
    due_utc = simulation.clock.now_utc() + timedelta(days=2)
    simulation.upload(simulation.csv(CutoverAtUtc={anna.address: due_utc.isoformat()}))
    simulation.run_until_all(Stage.SYNCED)
    simulation.pass_time(days=4)
    calm = simulation.world.weather
    simulation.world.weather = replace(calm, source_unreachable_probability=1.0)
    simulation.pass_time(hours=3)
    assert row_of(simulation).stage is Stage.SYNCED

    simulation.world.weather = calm
    delete_what_is_too_large(simulation)
    simulation.run_until_all(Stage.MIGRATED)


def test_every_step_run_twice_comes_to_the_same(simulate: Simulate) -> None:
    """The host repeats a step whose answer was lost."""
    simulation = offending(simulate, each_step_twice=True)
    delete_what_is_too_large(simulation)
    simulation.ask(Wish.SURVEY)
    simulation.settle()
    assert row_of(simulation).offences == ()
    simulation.ask_cutover()
    simulation.run_until_closed()

    judge_life(simulation)


def test_the_alias_is_looked_at_again_before_anything_is_turned(simulate: Simulate) -> None:
    """A forward that somebody made since the first survey is better found now than out of the group."""
    simulation = offending(simulate)
    [anna] = simulation.people
    simulation.world.aliases.edit_by_hand(anna.address, ["elsewhere@example.net"])
    simulation.ask(Wish.SURVEY)
    simulation.settle()

    assert row_of(simulation).code is Code.ALIAS_UNEXPECTED


def test_a_survey_takes_nobodys_place(simulate: Simulate) -> None:
    """A survey asked for all must not make an abandoned mailbox migrate, nor sign somebody else's cutover."""
    simulation = offending(simulate)
    at_utc = simulation.clock.now_utc() + timedelta(days=9)
    simulation.ask_cutover(at_utc=at_utc, waived=("message_too_large",))
    simulation.ports.ledger.amend_mailbox(
        BATCH,
        row_of(simulation).key,
        lambda row: replace(row, wish=Wish.ABANDON, wish_by="colleague@example.org"),
    )
    simulation.ask(Wish.SURVEY)
    simulation.run_until_all(Stage.ABANDONED)

    assert row_of(simulation).wish_by == "colleague@example.org"


def test_a_mailbox_at_home_again_is_surveyed_too(simulate: Simulate) -> None:
    """Before the second cutover the same question is asked as before the first."""
    simulation = offending(simulate)
    simulation.ask_cutover(waived=("message_too_large",))
    simulation.run_until_all(Stage.REDIRECTED)
    [refused] = simulation.ask(Wish.SURVEY)["refused"]
    assert refused["why"] == "its cutover has begun"
    simulation.ask(Wish.ROLLBACK)
    simulation.run_until_all(Stage.ROLLED_BACK)
    asked_utc = simulation.clock.now_utc()
    assert simulation.ask(Wish.SURVEY)["granted"] == 1
    simulation.settle()

    made_utc = row_of(simulation).surveyed_utc
    assert made_utc is not None
    assert made_utc >= asked_utc


@pytest.mark.parametrize("stage", [Stage.REGISTERED, Stage.SURVEYED, Stage.SET_ASIDE])
def test_who_cannot_be_surveyed_hears_why(simulate: Simulate, stage: Stage) -> None:
    """An answer of "granted" would be waited for in vain."""
    simulation = offending(simulate)
    simulation.ports.ledger.amend_mailbox(
        BATCH, row_of(simulation).key, lambda row: replace(row, stage=stage)
    )
    [refused] = simulation.ask(Wish.SURVEY)["refused"]

    assert str(stage) in refused["why"]
    assert "COEXISTING" in refused["why"]
