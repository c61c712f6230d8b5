"""Probes: through Postfix as well when the plan asks for it, met by no user, and what happens when none can be sent."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bascule.domain.codes import Code
from bascule.domain.plan import Plan
from bascule.domain.plan_submission import SubmissionPlan
from bascule.domain.records import Wish
from bascule.domain.stages import Stage
from sandbox.in_process.simulation import Simulation
from sandbox.world.aliases import MemoryAliases
from sandbox.world.weather import CALM, Span
from tests.stories.conftest import Simulate
from tests.stories.endings import batch_has_let_go, judge_life

# Postfix holds most mail back for up to an hour, probes too.
HESITANT = replace(CALM, postfix_deferral_probability=0.6, postfix_retry=Span(300, 4000))
BUSY = "451 4.3.0 Temporary lookup failure"
CLOSED = "554 5.7.1 Service unavailable; client blocked"


def through_both(plan: Plan) -> Plan:
    """A plan that asks for a probe through each of two Postfixes."""
    return replace(
        plan,
        submission=SubmissionPlan(("mx1.example.org", "mx2.example.org:2525")),
        cutover=replace(plan.cutover, source_probe=True),
    )


def at_redirect(simulate: Simulate, answer: str) -> Simulation:
    """One mailbox whose alias is turned, and a Postfix that answers its probe so."""
    simulation = simulate(people_count=1, change_plan=through_both)
    simulation.ports.source_submission.answer = answer
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover()
    return simulation


def is_aside(simulation: Simulation) -> Callable[[], bool]:
    """Whether the only mailbox is set aside."""
    return lambda: simulation.stages() == {Stage.SET_ASIDE: 1}


def migrated_after_retry(simulation: Simulation) -> None:
    """What was in the way is gone; the rest of the life is like any."""
    simulation.ask(Wish.RETRY)
    simulation.run_until_closed()
    assert set(simulation.stages()) == {Stage.MIGRATED}
    judge_life(simulation)


@pytest.mark.parametrize("weather", [CALM, HESITANT], ids=["calm", "hesitant"])
def test_a_redirect_is_believed_after_each_postfix_was_seen_to_follow_it(
    simulate: Simulate, weather: object
) -> None:
    """A Postfix that reads a copy of the table would go on filling the old mailbox, and nobody would know."""
    simulation = simulate(people_count=2, weather=weather, change_plan=through_both)
    simulation.keep_writing(hours=60, every_s=1_700)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover()
    simulation.run_until_closed()

    assert set(simulation.stages()) == {Stage.MIGRATED}
    for person in simulation.people:
        asked = {
            host for host, to in simulation.ports.source_submission.sent if to == person.address
        }
        assert asked == {0, 1}
    judge_life(simulation)
    batch_has_let_go(simulation)


def test_the_alias_is_written_once_however_many_probes_follow(simulate: Simulate) -> None:
    """The journal is what an auditor reads: one change of an alias is one entry."""
    simulation = at_redirect(simulate, BUSY)
    simulation.pass_time(hours=6)
    simulation.ports.source_submission.answer = ""
    simulation.run_until_all(Stage.MIGRATED)

    effects = [entry.effect for entry in simulation.ports.journal.entries("lot-1")]
    assert effects.count("alias") == 1


def test_a_postfix_that_is_away_is_waited_for_and_then_the_mailbox_is_set_aside(
    simulate: Simulate,
) -> None:
    """The operator must read what is waited for while it lasts, and the right page when it does not end."""
    simulation = at_redirect(simulate, BUSY)
    simulation.run_until(is_aside(simulation))

    row = simulation.records()[0]
    assert (row.code, row.resume_stage) == (Code.REDIRECT_NOT_PROVEN, Stage.DETACHED)
    assert BUSY in row.detail
    simulation.ports.source_submission.answer = ""
    migrated_after_retry(simulation)


def test_a_postfix_that_refuses_the_probe_sets_the_mailbox_aside_at_once(
    simulate: Simulate,
) -> None:
    """Waiting for six hours would not open a door that is closed on purpose."""
    simulation = at_redirect(simulate, CLOSED)
    simulation.run_until(is_aside(simulation))

    row = simulation.records()[0]
    assert (row.code, row.resume_stage) == (Code.REDIRECT_NOT_PROVEN, Stage.DETACHED)
    assert CLOSED in row.detail
    simulation.ports.source_submission.answer = ""
    migrated_after_retry(simulation)


def test_a_redirect_that_was_never_proven_can_be_rolled_back(simulate: Simulate) -> None:
    """The alias is turned already: leaving it so would keep the mailbox on two sides."""
    simulation = at_redirect(simulate, CLOSED)
    simulation.run_until(is_aside(simulation))
    simulation.ports.source_submission.answer = ""
    simulation.ask(Wish.ROLLBACK)
    simulation.run_until_all(Stage.ROLLED_BACK)
    simulation.pass_time(hours=12)

    assert leads_home(simulation)
    judge_life(simulation)


def leads_home(simulation: Simulation) -> bool:
    """Whether the alias of the only person is at home."""
    [person] = simulation.people
    home = simulation.world.naming.source_address(person.address)
    return simulation.world.aliases.rows_of(person.address) == [home]


def is_member(simulation: Simulation) -> bool:
    """Whether the tenant is asked to relay the only person's mail."""
    [person] = simulation.people
    return person.address in simulation.ports.exchange.coexistence_members()


def test_on_the_way_back_too_a_postfix_that_takes_no_probe_keeps_the_mailbox_out_of_the_group(
    simulate: Simulate,
) -> None:
    """The alias home and the group unproven is a mailbox on two sides; the other way round is a loop."""
    simulation = at_redirect(simulate, CLOSED)
    simulation.run_until(is_aside(simulation))
    simulation.ask(Wish.ROLLBACK)
    simulation.run_until(lambda: simulation.records()[0].code is Code.ROLLBACK_NOT_PROVEN)

    assert CLOSED in simulation.records()[0].detail
    assert leads_home(simulation)
    assert not is_member(simulation)
    simulation.ports.source_submission.answer = ""
    simulation.ask(Wish.ROLLBACK)
    simulation.run_until_all(Stage.ROLLED_BACK)
    assert is_member(simulation)
    judge_life(simulation)


class LateRows(MemoryAliases):
    """The alias table as a Postfix reads it from a copy that is an hour behind."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__()
        self._truth = simulation.world.aliases
        self._until_utc = simulation.clock.now_utc() + timedelta(hours=1)
        self._now_utc = simulation.clock.now_utc
        self._held = {source: self._truth.rows_of(source) for source, _ in self._truth.all_rows()}

    def rows_of(self, source: str) -> list[str]:
        """What was there an hour ago, until then."""
        is_late = self._now_utc() < self._until_utc
        return self._held.get(source.lower(), []) if is_late else self._truth.rows_of(source)


def held_for_an_hour(plan: Plan) -> Plan:
    """A plan that gives the copy its time."""
    return replace(plan, cutover=replace(plan.cutover, alias_hold_s=4_000))


@pytest.mark.parametrize("change_plan", [through_both, held_for_an_hour], ids=["probed", "held"])
def test_a_mailbox_joins_the_group_again_after_every_postfix_follows_its_alias_home(
    simulate: Simulate, change_plan: Callable[[Plan], Plan]
) -> None:
    """A Postfix that still reads the row of yesterday sends back to the tenant what the tenant relays to it."""
    simulation = simulate(people_count=1, change_plan=change_plan)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    simulation.ask_cutover()
    simulation.run_until_all(Stage.MIGRATED)
    simulation.world.postfix.aliases = LateRows(simulation)
    simulation.keep_writing(hours=4, every_s=300)
    simulation.ask(Wish.ROLLBACK)
    simulation.run_until_all(Stage.ROLLED_BACK)
    simulation.pass_time(hours=12)

    assert simulation.verdict().hops_max <= 1
    assert leads_home(simulation)
    assert is_member(simulation)
    judge_life(simulation)


def test_a_tenant_probe_that_cannot_be_sent_is_waited_for_and_then_sets_aside(
    simulate: Simulate,
) -> None:
    """Without a probe the alias must not turn, however long it takes to mend the probe mailbox."""
    simulation = simulate(people_count=1)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    mailboxes = simulation.world.tenant.mailboxes
    sender = mailboxes.at_address(simulation.plan.tenant.probe_sender)
    assert sender is not None
    mailboxes.close(sender.user_id)
    simulation.ask_cutover()
    simulation.run_until(is_aside(simulation))

    row = simulation.records()[0]
    [person] = simulation.people
    home = simulation.world.naming.source_address(person.address)
    assert (row.code, row.resume_stage) == (Code.DETACH_NOT_PROVEN, Stage.SYNCED)
    assert "is not open" in row.detail
    assert simulation.world.aliases.rows_of(person.address) == [home]
    mailboxes.open(sender)
    migrated_after_retry(simulation)
