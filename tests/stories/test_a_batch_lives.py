"""A batch from its upload to its last message: chapters 1 to 5 of the runbook."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bascule.domain.stages import Stage
from sandbox.in_process.simulation import BATCH, START_UTC
from sandbox.world.verdict import canonical_state
from sandbox.world.weather import CALM, ORDINARY, Span
from tests.stories.conftest import Simulate
from tests.stories.endings import all_migrated, batch_has_let_go, judge_life

LIMIT_BYTES = 40_000
STALE_CACHES = replace(CALM, group_cache_age=Span(0, 4 * 3600))


def test_six_mailboxes_move_while_everybody_writes(simulate: Simulate) -> None:
    """This is the product."""
    simulation = simulate(people_count=6)
    simulation.keep_writing(hours=36)
    simulation.upload()
    all_migrated(simulation)
    simulation.run_until_closed()

    assert simulation.stages() == {Stage.MIGRATED: 6}
    batch_has_let_go(simulation)
    judge_life(simulation)


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_ordinary_weather_changes_the_delay_and_nothing_else(simulate: Simulate, seed: int) -> None:
    """Throttling, lost replies, stale caches and deferred mail are an ordinary week."""
    weather = replace(ORDINARY, migration_message_max_bytes=LIMIT_BYTES)
    simulation = simulate(seed=seed, weather=weather, over_limit_bytes=60_000)
    heavy = simulation.people[0].address
    simulation.keep_writing(hours=48)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover(waived=("message_too_large",))
    simulation.run_until_all(Stage.MIGRATED)
    simulation.run_until_closed()

    assert simulation.record_of(heavy).offences == ("message_too_large:1",)
    assert simulation.verdict().named_count == 1
    batch_has_let_go(simulation)
    judge_life(simulation)


def test_no_mail_goes_round_while_caches_are_stale_for_four_hours(simulate: Simulate) -> None:
    """The members as written say nothing: only probes know what the transport servers remember."""
    simulation = simulate(weather=STALE_CACHES, seed=5)
    simulation.keep_writing(hours=24, every_s=600)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.pass_time(hours=5)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.MIGRATED)
    simulation.run_until_closed()

    assert simulation.verdict().hops_max <= 2
    judge_life(simulation)


def test_mail_that_postfix_held_back_is_swept_into_the_cloud(simulate: Simulate) -> None:
    """Postfix expands an alias when mail enters its queue: such mail arrives at the old mailbox days later."""
    held = replace(CALM, postfix_deferral_probability=0.4, postfix_retry=Span(80_000, 100_000))
    simulation = simulate(weather=held, seed=11)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.keep_writing(hours=1, every_s=300)
    simulation.pass_time(hours=1)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.MIGRATED)
    migrated_utc = max(filter(None, (row.migrated_utc for row in simulation.records())))
    simulation.run_until_closed()

    arrivals = [
        message.internal_utc
        for box in simulation.world.source.all()
        for _, message in box.store.walk()
    ]
    assert max(arrivals) > migrated_utc
    judge_life(simulation)


def test_the_date_in_the_file_starts_the_cutover(simulate: Simulate) -> None:
    """Nobody wants to sit at a keyboard on Saturday at eight."""
    simulation = simulate(people_count=2)
    early, late = simulation.people
    at_utc = START_UTC + timedelta(days=3)
    simulation.upload(simulation.csv(CutoverAtUtc={early.address: at_utc.isoformat()}))
    simulation.run_until(
        lambda: simulation.record_of(early.address).stage is Stage.MIGRATED, days=5
    )

    began_utc = simulation.record_of(early.address).detach_began_utc
    assert began_utc is not None
    assert timedelta(0) <= began_utc - at_utc < timedelta(minutes=15)
    assert simulation.record_of(late.address).stage is Stage.SYNCED


def test_every_step_run_twice_comes_to_the_same_end(simulate: Simulate) -> None:
    """A crash between an effect and its answer runs a step again; it must not double the effect."""

    def life(*, twice: bool) -> object:
        simulation = simulate(each_step_twice=twice)
        simulation.upload()
        all_migrated(simulation)
        simulation.run_until_closed()
        batch_has_let_go(simulation)
        judge_life(simulation)
        return canonical_state(simulation.world)

    assert life(twice=True) == life(twice=False)


def test_services_come_after_the_migration_and_the_user_is_told(simulate: Simulate) -> None:
    """Before the migration only the mailbox is on; a user in an empty Teams would be lost."""
    simulation = simulate(people_count=1)
    [anna] = simulation.people
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    before = simulation.ports.directory.find_account(anna.address)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.MIGRATED)
    after = simulation.ports.directory.find_account(anna.address)

    assert before is not None
    assert after is not None
    assert len(before.licences[0].disabled_plan_ids) > 0
    assert after.licences[0].disabled_plan_ids == ()
    account_id = simulation.record_of(anna.address).account_id
    subject = simulation.plan.notices.migrated_subject
    simulation.pass_time(hours=1)
    assert len(simulation.ports.cloud_mail.find_by_subject(account_id, subject)) == 1


def test_the_journal_tells_every_effect_in_order(simulate: Simulate) -> None:
    """An auditor asks who changed the alias, when, and what it was before."""
    simulation = simulate(people_count=1)
    [anna] = simulation.people
    simulation.upload()
    all_migrated(simulation)

    naming = simulation.world.naming
    entries = list(simulation.ports.journal.entries(BATCH))
    [turned] = [entry for entry in entries if entry.effect == "alias"]
    assert (turned.before, turned.after) == (
        naming.source_address(anna.address),
        naming.routing_address(anna.address),
    )
    stages = [entry.after for entry in entries if entry.effect == "stage"]
    assert stages == [
        "SURVEYED", "PROVISIONED", "COEXISTING", "SYNCING", "SYNCED", "DETACHED", "REDIRECTED",
        "FINAL_SYNC", "PROVEN", "MIGRATED",
    ]  # fmt: skip
