"""After the way back: what reached only the cloud comes home once, and what its owner deletes at home stays deleted."""

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest

from bascule.domain.errors import Unreachable
from bascule.domain.mail import Login
from bascule.domain.records import Wish
from bascule.domain.stages import Stage
from bascule.ports.source_mail import SourceMailbox
from sandbox.in_process.simulation import Simulation
from sandbox.world.coexistence import STAMP_NAME, STAMP_VALUE
from sandbox.world.mail import MailStore
from sandbox.world.weather import CALM, Arrival
from tests.stories.conftest import Simulate
from tests.stories.endings import batch_has_let_go, judge_life

# Whole lives: seconds each.
pytestmark = pytest.mark.slow


def home_again(simulate: Simulate) -> Simulation:
    """One mailbox, migrated and taken back; deltas go on copying and carry no deletions."""
    simulation = simulate(people_count=1, seed=3)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.MIGRATED)
    simulation.pass_time(hours=3)
    simulation.ask(Wish.ROLLBACK)
    simulation.run_until_all(Stage.ROLLED_BACK)
    return simulation


def at_source(simulation: Simulation) -> MailStore:
    """What the only person has at the source by now."""
    with simulation.world.kernel.look():
        mailbox = simulation.world.source.at_address(simulation.people[0].address)
    assert mailbox is not None
    return mailbox.store


def in_cloud(simulation: Simulation) -> MailStore:
    """What the only person has in the cloud by now."""
    with simulation.world.kernel.look():
        mailbox = simulation.world.tenant.mailboxes.at_address(simulation.people[0].address)
    assert mailbox is not None
    return mailbox.store


def count(store: MailStore) -> int:
    """How many messages there are."""
    return sum(1 for _ in store.walk())


def expunge_after(store: MailStore, began_utc: datetime) -> int:
    """Delete for good what came since then, as a user at the source does; how many there were."""
    chosen = [(folder, each.uid) for folder, each in store.walk() if each.internal_utc > began_utc]
    for folder, uid in chosen:
        del folder.messages[uid]
    return len(chosen)


def straggler(simulation: Simulation, hours: float) -> None:
    """The tenant sent it out to a Postfix, whose alias led back; held there, it comes in after so many hours."""
    person, world = simulation.people[0], simulation.world
    message = EmailMessage()
    message["Subject"], message["Message-ID"] = "held for long", f"<held-{hours}@example.net>"
    message[STAMP_NAME] = STAMP_VALUE
    message.set_content("Sent before the way back.")
    routing = world.naming.routing_address(person.address)

    def come_in() -> None:
        world.tenant.transport.receive(message.as_bytes(), [routing])

    world.kernel.at(simulation.clock.now_utc() + timedelta(hours=hours), come_in)


def test_what_is_deleted_at_home_after_a_delta_has_copied_it_stays_deleted(
    simulate: Simulate,
) -> None:
    """In the cloud the copy has no partner any more: taken for a straggler, it would come back for ever."""
    simulation = home_again(simulate)
    began_utc = simulation.clock.now_utc()
    simulation.mail_to(simulation.people[0].address)
    simulation.pass_time(hours=26)
    assert count(in_cloud(simulation)) == count(at_source(simulation)), "a delta has copied it"
    assert expunge_after(at_source(simulation), began_utc) == 1
    left = count(at_source(simulation))
    simulation.pass_time(hours=7)

    assert count(at_source(simulation)) == left


def test_a_second_cutover_brings_nothing_back_that_was_deleted_in_the_weeks_at_home(
    simulate: Simulate,
) -> None:
    """Twenty mails read and deleted, and all of them unread again on the morning of the move."""
    simulation = home_again(simulate)
    began_utc = simulation.clock.now_utc()
    simulation.pass_time(hours=2)
    for _ in range(8):
        simulation.mail_to(simulation.people[0].address)
        simulation.pass_time(days=1.1)
    assert expunge_after(at_source(simulation), began_utc) == 8
    left = count(at_source(simulation))
    simulation.ask_cutover()
    simulation.run_until_all(Stage.REDIRECTED)

    assert count(at_source(simulation)) == left


@pytest.mark.parametrize("hours", [0.5, 30, 110])
def test_what_reached_only_the_cloud_comes_home_once(simulate: Simulate, hours: float) -> None:
    """Nobody reads the cloud mailbox any more, and a delta may have run at any time."""
    simulation = home_again(simulate)
    straggler(simulation, hours)
    before = count(at_source(simulation))
    simulation.pass_time(hours=hours + 2)
    assert count(at_source(simulation)) == before + 1
    simulation.pass_time(hours=60)

    assert count(at_source(simulation)) == before + 1
    judge_life(simulation)


def away(_: Login) -> AbstractContextManager[SourceMailbox]:
    """An IMAP server that nobody reaches."""
    raise Unreachable("the source does not answer")


def test_a_straggler_comes_home_although_the_source_was_away_for_days(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The looks that failed must not count as looks."""
    simulation = home_again(simulate)
    before = count(at_source(simulation))
    door = simulation.ports.source_mail
    monkeypatch.setattr(door, "open", away)
    straggler(simulation, 3)
    simulation.pass_time(hours=50)
    assert count(at_source(simulation)) == before
    monkeypatch.undo()
    simulation.pass_time(hours=15)

    assert count(at_source(simulation)) == before + 1
    judge_life(simulation)


@pytest.mark.parametrize("arrival", Arrival)
def test_days_at_home_double_nothing_whatever_time_the_service_gives_its_copies(
    simulate: Simulate, arrival: Arrival
) -> None:
    """Every hour, the copies of what the last look had brought home came home: hundreds within five days."""
    weather = replace(CALM, migration_arrival=arrival)
    simulation = simulate(people_count=1, seed=3, weather=weather)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.keep_writing(hours=40, every_s=1_800)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.REDIRECTED)
    simulation.pass_time(hours=12)
    simulation.ask(Wish.ROLLBACK)
    simulation.run_until_all(Stage.ROLLED_BACK)
    simulation.pass_time(days=5)

    judge_life(simulation)


def test_a_draft_that_was_never_sent_comes_home_and_stops_nobody(simulate: Simulate) -> None:
    """It has no id by which it could be seen at home: the way back ended there, four attempts in four more copies."""
    simulation = simulate(people_count=1, seed=3)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.MIGRATED)
    draft = b"From: anna@example.org\r\nSubject: brouillon\r\n\r\nChers tous,\r\n"
    drafts = in_cloud(simulation).folder("Drafts")
    drafts.add(draft, frozenset({"\\Draft"}), simulation.clock.now_utc())
    simulation.pass_time(hours=3)
    simulation.ask(Wish.ROLLBACK)
    simulation.run_until_all(Stage.ROLLED_BACK)
    simulation.pass_time(days=3)

    for store in (at_source(simulation), in_cloud(simulation)):
        assert sum(b"brouillon" in each.raw for _, each in store.walk()) == 1


def it_came_home_once(simulation: Simulation, before: int) -> None:
    """The one straggler is at the source, once, and no promise is broken."""
    assert count(at_source(simulation)) == before + 1
    judge_life(simulation)


def stands_at(simulation: Simulation, stage: Stage) -> bool:
    """Whether the only mailbox has come to a stage."""
    return simulation.record_of(simulation.people[0].address).stage is stage


@pytest.mark.parametrize("hours", [0.5, 30, 110])
def test_a_straggler_comes_home_while_a_second_cutover_is_awaited(
    simulate: Simulate, hours: float
) -> None:
    """Back tonight and again next week: its user works at the source all that time, and would not see it."""
    simulation = home_again(simulate)
    before = count(at_source(simulation))
    simulation.ask_cutover(at_utc=simulation.clock.now_utc() + timedelta(days=7))
    straggler(simulation, hours)
    simulation.pass_time(hours=hours + 2)

    assert stands_at(simulation, Stage.SYNCED)
    it_came_home_once(simulation, before)
    simulation.run_until_all(Stage.MIGRATED)
    simulation.pass_time(hours=2)
    judge_life(simulation)


def test_a_straggler_comes_home_while_a_second_cutover_is_held_up(simulate: Simulate) -> None:
    """It is due, and stands there for days because of something at the source."""
    simulation = home_again(simulate)
    before = count(at_source(simulation))
    world, address = simulation.world, simulation.people[0].address
    world.aliases.edit_by_hand("boss@example.org", [world.naming.source_address(address)])
    simulation.ask_cutover()
    straggler(simulation, 30)
    simulation.pass_time(hours=32)

    assert stands_at(simulation, Stage.SYNCED)
    it_came_home_once(simulation, before)


def no_answer(_: str, __: bytes) -> None:
    """An Exchange that takes no migration batch."""
    raise Unreachable("Exchange does not answer")


def test_a_straggler_comes_home_while_a_lost_copy_is_awaited(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first cutover lost its sync, and the second waits for a new copy, which may take days."""
    simulation = home_again(simulate)
    row = simulation.record_of(simulation.people[0].address)
    before = count(at_source(simulation))
    monkeypatch.setattr(simulation.ports.exchange, "create_sync_batch", no_answer)
    simulation.ports.exchange.remove_sync_user(row.address)
    simulation.ports.ledger.amend_mailbox(
        row.batch, row.key, lambda stored: replace(stored, sync_batch="")
    )
    simulation.ask_cutover()
    straggler(simulation, 3)
    simulation.pass_time(hours=6)
    assert stands_at(simulation, Stage.ROLLED_BACK)
    it_came_home_once(simulation, before)
    monkeypatch.undo()
    simulation.run_until_all(Stage.MIGRATED)

    judge_life(simulation)


def test_what_no_look_has_met_before_a_second_cutover_comes_home_with_the_second_way_back(
    simulate: Simulate,
) -> None:
    """It reached the cloud a moment before the cutover began: what that one looks for began after it."""
    simulation = home_again(simulate)
    before = count(at_source(simulation))
    simulation.ask_cutover(at_utc=simulation.clock.now_utc() + timedelta(minutes=30))
    straggler(simulation, 0.25)
    simulation.run_until_all(Stage.MIGRATED)
    assert count(at_source(simulation)) == before, "a look has met it: the test shows nothing"
    simulation.ask(Wish.ROLLBACK)
    simulation.run_until_all(Stage.ROLLED_BACK)
    simulation.pass_time(hours=2)

    it_came_home_once(simulation, before)


@pytest.mark.parametrize("hours", [0.3, 30])
@pytest.mark.parametrize("cutover_in_days", [None, 20])
def test_who_is_given_up_after_the_way_back_keeps_the_stragglers(
    simulate: Simulate, hours: float, cutover_in_days: int | None
) -> None:
    """Without its password nobody could fetch them any more, and its user never looks into the cloud."""
    simulation = home_again(simulate)
    before = count(at_source(simulation))
    if cutover_in_days is not None:
        later_utc = simulation.clock.now_utc() + timedelta(days=cutover_in_days)
        simulation.ask_cutover(at_utc=later_utc)
    straggler(simulation, hours)
    simulation.pass_time(hours=min(hours, 0.4))
    assert simulation.ask(Wish.ABANDON)["granted"] == 1
    simulation.run_until_closed()

    assert stands_at(simulation, Stage.ABANDONED)
    assert simulation.record_of(simulation.people[0].address).detail == ""
    it_came_home_once(simulation, before)
    batch_has_let_go(simulation)


def test_who_waits_to_be_given_up_says_for_what_and_takes_no_other_word(
    simulate: Simulate,
) -> None:
    """It stands for days: whoever asks must see until when, and no cutover is granted that never comes."""
    simulation = home_again(simulate)
    [anna] = simulation.people
    simulation.ask(Wish.ABANDON)
    simulation.pass_time(hours=3)
    row = simulation.record_of(anna.address)
    until_utc = row.home_watched_until_utc
    status = simulation.engine.control.instance(simulation.story_of(anna.address)).custom_status

    assert (row.stage, row.wish) == (Stage.ROLLED_BACK, Wish.ABANDON)
    assert until_utc is not None
    assert f"stragglers until {until_utc:%Y-%m-%d %H:%M} UTC" in str(status)
    [refused] = simulation.ask_cutover()["refused"]
    assert refused["why"].startswith("it was asked by operator@example.org to be abandoned")
    simulation.run_until_all(Stage.ABANDONED)
    assert simulation.clock.now_utc() - until_utc <= timedelta(hours=2)


def test_a_source_that_stays_away_does_not_keep_a_mailbox_from_being_given_up(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch has to close one day; and the operator has to know that mail may wait in the cloud."""
    simulation = home_again(simulate)
    [anna] = simulation.people
    until_utc = simulation.record_of(anna.address).home_watched_until_utc
    assert until_utc is not None
    monkeypatch.setattr(simulation.ports.source_mail, "open", away)
    straggler(simulation, 3)
    simulation.ask(Wish.ABANDON)
    simulation.run_until_all(Stage.ABANDONED)

    assert timedelta() < simulation.clock.now_utc() - until_utc < timedelta(hours=25)
    assert "was not brought home" in simulation.record_of(anna.address).detail


def test_a_source_that_refuses_the_login_is_tried_again_as_long_as_stragglers_may_come(
    simulate: Simulate,
) -> None:
    """Somebody may set the password right: with the first refusal nothing is lost yet."""
    simulation = home_again(simulate)
    [anna] = simulation.people
    before = count(at_source(simulation))
    source = simulation.world.source.at_address(anna.address)
    assert source is not None
    source.password = "another one"
    straggler(simulation, 3)
    simulation.ask(Wish.ABANDON)
    simulation.pass_time(hours=30)
    assert stands_at(simulation, Stage.ROLLED_BACK)
    source.password = anna.password
    simulation.run_until_closed()

    it_came_home_once(simulation, before)


def test_who_is_given_up_while_set_aside_keeps_the_stragglers_too(simulate: Simulate) -> None:
    """Set aside by the very straggler, which could not be moved; then somebody set the password right."""
    simulation = home_again(simulate)
    [anna] = simulation.people
    before = count(at_source(simulation))
    source = simulation.world.source.at_address(anna.address)
    assert source is not None
    source.password = "another one"
    straggler(simulation, 3)
    simulation.run_until_all(Stage.SET_ASIDE)
    simulation.ask(Wish.ABANDON)
    [refused] = simulation.ask(Wish.RETRY)["refused"]
    assert refused["why"].startswith("it was asked by operator@example.org to be abandoned")
    source.password = anna.password
    simulation.run_until_closed()

    it_came_home_once(simulation, before)


def test_a_login_that_stays_refused_is_told_when_the_mailbox_is_given_up(
    simulate: Simulate,
) -> None:
    """The operator has to know that mail may wait in the cloud mailbox."""
    simulation = home_again(simulate)
    [anna] = simulation.people
    source = simulation.world.source.at_address(anna.address)
    assert source is not None
    source.password = "another one"
    straggler(simulation, 3)
    simulation.ask(Wish.ABANDON)
    simulation.run_until_closed()

    assert "was not brought home" in simulation.record_of(anna.address).detail
