"""Mailboxes that cannot go on: each stops safely with its reason, the others go on, and a repair is enough."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bascule.domain.codes import Code
from bascule.domain.plan import Plan
from bascule.domain.records import Wish
from bascule.domain.stages import Stage
from bascule.domain.sync import SyncState
from sandbox.bound import exchange as bound_exchange
from sandbox.in_process.plan import LICENCE
from sandbox.in_process.simulation import BATCH, Simulation
from sandbox.world.licences import Seats
from sandbox.world.migration_states import UserStatus
from sandbox.world.naming import Naming
from sandbox.world.population import Person
from sandbox.world.weather import CALM, Span
from tests.stories.conftest import Simulate
from tests.stories.endings import batch_has_let_go, judge_life

# Dozens of whole lives: seconds each, minutes together.
pytestmark = pytest.mark.slow

WRONG = "wrong-Pw0000"
ELSEWHERE = "anna@elsewhere.example.net"


def is_aside(simulation: Simulation, person: Person) -> Callable[[], bool]:
    """Whether a mailbox has been set aside."""
    return lambda: simulation.record_of(person.address).stage is Stage.SET_ASIDE


def others_are(simulation: Simulation, person: Person, stage: Stage) -> Callable[[], bool]:
    """Whether everybody else has reached a stage."""
    return lambda: all(
        row.stage is stage for row in simulation.records() if row.address != person.address
    )


def repaired(simulation: Simulation, person: Person) -> None:
    """Ask for the retry and carry the whole batch to its end."""
    answer = simulation.ask(Wish.RETRY, [person.address])
    assert answer["granted"] == 1
    simulation.run_until(lambda: not is_aside(simulation, person)())
    simulation.run_until_all(Stage.SYNCED, Stage.MIGRATED)
    waiting = [row.address for row in simulation.records() if row.stage is Stage.SYNCED]
    if waiting:
        simulation.ask_cutover(waiting)
    simulation.run_until_all(Stage.MIGRATED)
    simulation.run_until_closed()
    batch_has_let_go(simulation)
    judge_life(simulation)


def change_password(simulation: Simulation, person: Person, password: str) -> None:
    """Let the source know another password than before."""
    box = simulation.world.source.at_address(person.address)
    assert box is not None
    box.password = password


def with_wrong_password(simulation: Simulation, person: Person) -> bytes:
    """The batch file with one password mistyped."""
    return simulation.csv(
        [replace(each, password=WRONG) if each is person else each for each in simulation.people]
    )


def test_a_mistyped_password_is_mended_by_a_changed_file(simulate: Simulate) -> None:
    """One typing mistake must not hold up a batch, nor need a second one."""
    simulation = simulate()
    anna = simulation.people[0]
    simulation.upload(with_wrong_password(simulation, anna))
    simulation.run_until(others_are(simulation, anna, Stage.SYNCED))
    assert simulation.record_of(anna.address).code is Code.SOURCE_LOGIN_REFUSED

    simulation.upload()
    simulation.pass_time(hours=1)
    report = simulation.report(f"{BATCH}/difference.json")
    assert report["changed"] == [{"address": anna.address, "fields": ["password_mark"]}]
    assert is_aside(simulation, anna)()

    simulation.accept_difference()
    repaired(simulation, anna)
    assert simulation.record_of(anna.address).sync_batch == f"{BATCH}-s1"


def test_a_password_changed_at_the_source_needs_only_the_retry(simulate: Simulate) -> None:
    """When the file was right and the server wrong, nobody should have to upload anything."""
    simulation = simulate()
    anna = simulation.people[0]
    change_password(simulation, anna, WRONG)
    simulation.upload()
    simulation.run_until(others_are(simulation, anna, Stage.SYNCED))
    assert simulation.record_of(anna.address).code is Code.SOURCE_LOGIN_REFUSED

    change_password(simulation, anna, anna.password)
    repaired(simulation, anna)


def test_a_retry_without_a_repair_stops_at_the_same_place(simulate: Simulate) -> None:
    """Hope is no repair."""
    simulation = simulate(people_count=1)
    [anna] = simulation.people
    change_password(simulation, anna, WRONG)
    simulation.upload()
    simulation.run_until(is_aside(simulation, anna))
    simulation.ask(Wish.RETRY)
    simulation.pass_time(hours=2)

    row = simulation.record_of(anna.address)
    assert (row.stage, row.code, row.resume_stage, row.wish) == (
        Stage.SET_ASIDE,
        Code.SOURCE_LOGIN_REFUSED,
        Stage.REGISTERED,
        Wish.NONE,
    )


@pytest.mark.parametrize(
    ("destinations", "code"),
    [
        ([ELSEWHERE], Code.ALIAS_UNEXPECTED),
        (["{home}", ELSEWHERE], Code.ALIAS_SECOND_DESTINATION),
        ([f"{{home}}, {ELSEWHERE}"], Code.ALIAS_SECOND_DESTINATION),
        ([], Code.ALIAS_MISSING),
    ],
)
def test_an_alias_row_that_is_not_in_the_plans_form_stops_the_survey(
    simulate: Simulate, destinations: list[str], code: Code
) -> None:
    """A private forward would lose its mail at the redirect, or keep a copy that nobody sweeps."""
    simulation = simulate(people_count=2)
    anna = simulation.people[0]
    home = simulation.world.naming.source_address(anna.address)
    simulation.world.aliases.edit_by_hand(
        anna.address, [each.replace("{home}", home) for each in destinations]
    )
    simulation.upload()
    simulation.run_until(others_are(simulation, anna, Stage.SYNCED))
    assert simulation.record_of(anna.address).code is code

    simulation.world.aliases.edit_by_hand(anna.address, [home])
    repaired(simulation, anna)


@pytest.mark.parametrize(
    ("also_home", "code"),
    [(False, Code.ALIAS_CHANGED), (True, Code.ALIAS_SECOND_DESTINATION)],
)
def test_an_alias_edited_before_the_redirect_is_never_overwritten(
    simulate: Simulate, *, also_home: bool, code: Code
) -> None:
    """Somebody had a reason to edit the row; overwriting it would lose their change and their mail."""
    simulation = simulate(people_count=2)
    anna = simulation.people[0]
    home = simulation.world.naming.source_address(anna.address)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    edited = [home, ELSEWHERE] if also_home else [ELSEWHERE]
    simulation.world.aliases.edit_by_hand(anna.address, edited)
    simulation.ask_cutover()
    simulation.run_until(is_aside(simulation, anna))

    row = simulation.record_of(anna.address)
    assert (row.code, row.resume_stage) == (code, Stage.DETACHED)
    assert simulation.world.aliases.rows_of(anna.address) == edited
    simulation.world.aliases.edit_by_hand(anna.address, [home])
    repaired(simulation, anna)


def test_a_mailbox_that_does_not_open_is_set_aside_after_a_day(simulate: Simulate) -> None:
    """Support wants to be called the next day, not the next month; and the others do not wait longer than that."""
    slow = replace(CALM, mailbox_provisioning=Span(3 * 86_400, 3 * 86_400))
    simulation = simulate(people_count=1, weather=slow)
    [anna] = simulation.people
    began_utc = simulation.clock.now_utc()
    simulation.upload()
    simulation.run_until(is_aside(simulation, anna))

    waited = simulation.clock.now_utc() - began_utc
    assert simulation.record_of(anna.address).code is Code.MAILBOX_NOT_OPEN
    assert timedelta(hours=24) <= waited < timedelta(hours=26)
    simulation.pass_time(days=3)
    repaired(simulation, anna)


def give_seats(simulation: Simulation, count: int) -> None:
    """Let the tenant have so many seats of the default licence."""
    shelf = simulation.world.tenant.directory.shelf
    shelf.seats[shelf.by_part_number(LICENCE).sku_id] = Seats(count)


def test_a_batch_without_enough_seats_is_refused_whole(simulate: Simulate) -> None:
    """Half a batch in the tenant is worse than none: nobody knows which half."""
    simulation = simulate()
    give_seats(simulation, 2)
    users_before = simulation.world.calls["graph"]
    simulation.upload()
    simulation.pass_time(hours=1)

    assert simulation.batch() is None
    assert simulation.report(f"{BATCH}/refused.json")["code"] == "no_seat"
    assert "1 seats are missing" in simulation.report(f"{BATCH}/refused.json")["detail"]
    assert simulation.ports.blobs.find_upload(BATCH) is None
    assert simulation.ports.ledger.claimed() == {}
    assert simulation.world.tenant.directory.truth(simulation.people[0].address) is None
    assert users_before == 0
    judge_life(simulation)

    give_seats(simulation, 3)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)


def test_two_batches_never_promise_the_same_seat(simulate: Simulate) -> None:
    """The second batch would be set aside mailbox by mailbox, in the middle of the night."""
    slow = replace(CALM, mailbox_provisioning=Span(7_200, 7_200))
    simulation = simulate(people_count=4, weather=slow)
    give_seats(simulation, 3)
    simulation.world.aliases.edit_by_hand(simulation.people[0].address, [ELSEWHERE])
    simulation.upload(simulation.csv(simulation.people[:2]))
    simulation.upload(simulation.csv(simulation.people[2:]), batch="lot-2")
    simulation.pass_time(hours=1)

    assert simulation.batch("lot-2") is None
    assert simulation.report("lot-2/refused.json")["code"] == "no_seat"


def test_a_seat_taken_by_somebody_else_stops_one_mailbox(simulate: Simulate) -> None:
    """A colleague who licenses a new employee must not stop a batch."""
    simulation = simulate()
    anna = simulation.people[0]
    home = simulation.world.naming.source_address(anna.address)
    give_seats(simulation, 3)
    simulation.world.aliases.edit_by_hand(anna.address, [ELSEWHERE])
    simulation.upload()
    simulation.run_until(others_are(simulation, anna, Stage.SYNCED))
    give_seats(simulation, 2)
    simulation.world.aliases.edit_by_hand(anna.address, [home])
    simulation.ask(Wish.RETRY)
    simulation.pass_time(hours=1)

    assert simulation.record_of(anna.address).code is Code.NO_SEAT
    assert simulation.stages() == {Stage.SYNCED: 2, Stage.SET_ASIDE: 1}
    give_seats(simulation, 3)
    repaired(simulation, anna)


def test_a_deleted_group_stops_everybody_before_any_redirect(simulate: Simulate) -> None:
    """Without the group the rule does nothing, and mail from inside would wait in mailboxes nobody opens."""
    simulation = simulate()
    simulation.world.tenant.groups.remove(simulation.names.group_address)
    simulation.upload()
    simulation.run_until_all(Stage.SET_ASIDE)

    assert {row.code for row in simulation.records()} == {Code.GROUP_MISSING}
    initial = Naming().initial_domain
    assert not any(to.endswith(initial) for _, to in simulation.world.aliases.all_rows())


def test_a_sync_that_cannot_sign_in_goes_into_a_supplement(simulate: Simulate) -> None:
    """A password changed between survey and sync fails in Exchange, where nobody looks."""
    simulation = simulate()
    anna = simulation.people[0]
    simulation.upload()
    simulation.run_until(
        lambda: simulation.record_of(anna.address).stage in {Stage.COEXISTING, Stage.SYNCING}
    )
    change_password(simulation, anna, WRONG)
    simulation.run_until(others_are(simulation, anna, Stage.SYNCED))
    simulation.run_until(is_aside(simulation, anna))
    assert simulation.record_of(anna.address).code is Code.SYNC_LOGIN_REFUSED

    change_password(simulation, anna, anna.password)
    repaired(simulation, anna)
    assert simulation.record_of(anna.address).sync_batch == f"{BATCH}-s1"


@pytest.mark.parametrize("stage", [Stage.SYNCED, Stage.REDIRECTED])
def test_a_delta_that_fails_later_is_taken_up_again(simulate: Simulate, stage: Stage) -> None:
    """Exchange does not try a failed mailbox again by itself: what arrives afterwards would stay behind."""
    simulation = simulate(people_count=2)
    anna, ben = simulation.people
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    if stage is Stage.REDIRECTED:
        simulation.ask_cutover()
        simulation.run_until(lambda: simulation.record_of(anna.address).stage is stage)
    fail_the_next_delta(simulation, anna)
    simulation.run_until(is_aside(simulation, anna), days=3)
    row = simulation.record_of(anna.address)
    assert (row.code, row.resume_stage) == (Code.SYNC_LOGIN_REFUSED, stage)

    simulation.mail_to(ben.address)
    repaired(simulation, anna)


def fail_the_next_delta(simulation: Simulation, person: Person) -> None:
    """Let Exchange be refused at the source just once, while our own logins work."""
    engine = simulation.world.tenant.migration.engine
    user = simulation.world.tenant.migration.user(person.address)
    engine.fail(user, "MigrationPermanentException", "We had trouble signing in to this account.")


@pytest.mark.parametrize("stage", [Stage.SYNCED, Stage.REDIRECTED])
def test_a_stopped_sync_is_started_again_by_the_retry(simulate: Simulate, stage: Stage) -> None:
    """A batch stopped by hand is never taken for done, and goes on without copying anything twice."""
    simulation = simulate(people_count=2)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    if stage is Stage.REDIRECTED:
        simulation.ask_cutover()
        simulation.run_until_all(stage)
    simulation.world.tenant.migration.stop_batch(BATCH)
    simulation.run_until_all(Stage.SET_ASIDE, days=3)
    assert {row.code for row in simulation.records()} == {Code.SYNC_STOPPED}

    anna = simulation.people[0]
    assert simulation.ask(Wish.RETRY)["granted"] == 2
    simulation.run_until(lambda: Stage.SET_ASIDE not in simulation.stages())
    waiting = [row.address for row in simulation.records() if row.stage is Stage.SYNCED]
    simulation.run_until_all(Stage.SYNCED, Stage.MIGRATED)
    if waiting:
        simulation.ask_cutover(waiting)
    simulation.run_until_closed()

    assert simulation.record_of(anna.address).sync_batch == BATCH
    batch_has_let_go(simulation)
    judge_life(simulation)


def test_a_removed_sync_batch_is_made_anew_as_a_supplement(simulate: Simulate) -> None:
    """Somebody tidies up in the admin centre; the mailboxes are still to be moved."""
    simulation = simulate(people_count=2)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.REDIRECTED)
    simulation.world.tenant.migration.remove_batch(BATCH)
    simulation.run_until_all(Stage.SET_ASIDE, days=14)
    for person in simulation.people:
        simulation.mail_to(person.address)
    simulation.ask(Wish.RETRY)
    simulation.run_until_closed()

    assert {row.sync_batch for row in simulation.records()} == {f"{BATCH}-s1"}
    batch_has_let_go(simulation)
    judge_life(simulation)


def with_patience_for_a_day(plan: Plan) -> Plan:
    """The plan with a day for the first sync."""
    return replace(plan, patience=replace(plan.patience, initial_sync_days=1))


def test_a_word_nobody_knows_is_never_taken_for_done(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor invents states; a green light by mistake costs mail."""
    monkeypatch.setitem(bound_exchange.USER_STATES, UserStatus.SYNCED, SyncState.UNKNOWN)
    simulation = simulate(people_count=1, change_plan=with_patience_for_a_day)
    [anna] = simulation.people
    simulation.upload()
    simulation.run_until(is_aside(simulation, anna), days=3)

    row = simulation.record_of(anna.address)
    assert row.code is Code.SYNC_LATE
    assert row.resume_stage in {Stage.COEXISTING, Stage.SYNCING}


def test_the_slowest_does_not_hold_up_the_others_for_ever(simulate: Simulate) -> None:
    """Four hundred people would wait for one server that does not answer."""
    simulation = simulate()
    anna = simulation.people[0]
    simulation.world.aliases.edit_by_hand(anna.address, [ELSEWHERE])
    simulation.upload()
    simulation.run_until(others_are(simulation, anna, Stage.SYNCED), days=1)

    assert simulation.record_of(anna.address).sync_batch == ""
