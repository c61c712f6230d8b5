"""Countries that licensing does not know yet, or will never take; each call is another instance of the app."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from activities.ensure_account import ensure_account
from activities.ensure_licence import LOCATION_LAG_MAX, ensure_licence
from bascule.domain.codes import Code
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.records import Wish
from bascule.domain.requests import LicenceRequest
from bascule.domain.stages import Stage
from sandbox.bound.directory import WorldDirectory
from sandbox.in_process.simulation import Options, Simulation
from sandbox.world.directory import User
from sandbox.world.weather import CALM, Span
from tests.activities.moments import amended, first, ref, registered

LAG_S = 60.0


@pytest.fixture
def simulation(request: pytest.FixtureRequest) -> Iterator[Simulation]:
    """One person, surveyed, whose account has no country; the directory's servers learn of one a minute late."""
    lagging = replace(CALM, graph_replication=Span(LAG_S, LAG_S))
    seed = getattr(request, "param", 1)
    with Simulation(Options(people_count=1, seed=seed, messages_each=11, weather=lagging)) as made:
        registered(made)
        draft = User(
            "",
            first(made).address,
            "Some Body",
            "some.body",
            made.clock.now_utc(),
            password="Tr0ub4dor&3!",
        )
        made.world.tenant.directory.create(draft)
        made.pass_time(hours=1)
        now_utc = made.clock.now_utc()
        amended(made, lambda row: replace(row, stage=Stage.SURVEYED, stage_since_utc=now_utc))
        yield made


def licensed(simulation: Simulation) -> bool:
    """One run of the step in an instance that remembers nothing."""
    elsewhere = replace(simulation.ports, directory=WorldDirectory(simulation.world))
    return ensure_licence(elsewhere, LicenceRequest(ref(simulation), is_after=False))


def until_not_too_early(simulation: Simulation, act: Callable[[], object]) -> None:
    """Again every ten seconds, for as long as it is too early."""
    for _ in range(60):
        try:
            act()
        except NotYet:
            simulation.pass_time(hours=10 / 3600)
        else:
            return
    raise AssertionError("it was always too early")


# The seed draws which server answers which read.
@pytest.mark.parametrize("simulation", range(1, 9), indirect=True)
def test_a_country_that_another_instance_wrote_is_waited_for(simulation: Simulation) -> None:
    """Forty instances share the work; the next one reads a server that lags, and a healthy mailbox is set aside."""
    ensure_account(simulation.ports, ref(simulation))

    until_not_too_early(simulation, lambda: licensed(simulation))
    simulation.pass_time(hours=1)

    account = simulation.ports.directory.find_account(first(simulation).address)
    assert account is not None
    assert account.licences


def test_a_country_where_nothing_is_sold_is_refused_after_the_longest_lag(
    simulation: Simulation,
) -> None:
    """Waited for a whole day, it would end under a code whose page is about something else."""
    nowhere(simulation)
    with pytest.raises(NotYet):
        licensed(simulation)
    simulation.pass_time(hours=LOCATION_LAG_MAX.total_seconds() / 3600 - 1 / 60)
    with pytest.raises(NotYet):
        licensed(simulation)
    simulation.pass_time(hours=2 / 60)
    for _ in range(2):
        with pytest.raises(Refusal) as no:
            licensed(simulation)
        assert no.value.code is Code.USAGE_LOCATION_INVALID


def test_whoever_puts_it_right_and_asks_again_has_the_time_again(simulation: Simulation) -> None:
    """A corrected country lags like any other."""
    nowhere(simulation)
    with pytest.raises(NotYet):
        licensed(simulation)
    simulation.pass_time(hours=1)
    with pytest.raises(Refusal):
        licensed(simulation)

    now_utc = simulation.clock.now_utc()
    amended(simulation, lambda row: replace(row, stage_since_utc=now_utc))
    with pytest.raises(NotYet):
        licensed(simulation)


def test_the_story_keeps_what_the_step_has_noted() -> None:
    """Written over at every look, the mailbox would be waited for until its patience ends."""
    with Simulation(Options(people_count=1, messages_each=11)) as simulation:
        simulation.upload(simulation.csv(UsageLocation={simulation.people[0].address: "KP"}))
        simulation.run_until_all(Stage.SET_ASIDE, days=0.1)
        row = first(simulation)
        assert row.code is Code.USAGE_LOCATION_INVALID

        simulation.ask(Wish.RETRY)
        simulation.run_until(lambda: first(simulation).stage is Stage.SURVEYED)
        simulation.run_until_all(Stage.SET_ASIDE, days=0.1)
        assert first(simulation).stage_since_utc - row.stage_since_utc > LOCATION_LAG_MAX  # type: ignore[operator]


def nowhere(simulation: Simulation) -> None:
    """The account is in a country where nothing is sold, and every server knows it."""
    directory = simulation.world.tenant.directory
    directory.update(first(simulation).address, lambda user: replace(user, usage_location="KP"))
    simulation.pass_time(hours=1)
