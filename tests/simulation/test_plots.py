"""Plots: deeds that wait for a stage, outages, and what a run of many lives is held to; some seconds in all."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from bascule.domain.stages import Stage
from sandbox.simulate.census import LIVES_FOR_ALL_TRANSITIONS, Census
from sandbox.simulate.draw import draw_life
from sandbox.simulate.life import Deed, DeedKind, Life, Plot
from sandbox.simulate.living import Outcome, live
from sandbox.simulate.plots import NEEDED, PlotBook
from sandbox.simulate.transitions import illegal, legal, never_taken
from sandbox.world.weather import CALM

NOW_UTC = datetime(2026, 3, 2, 8, tzinfo=UTC)
UPLOAD = Deed(60.0, DeedKind.UPLOAD)
DAY_S = 86_400.0


def lived(*plots: Plot, cutover_s: float = DAY_S) -> Outcome:
    """One mailbox in calm weather, cut over after a day, with these plots."""
    cutover = Deed(cutover_s, DeedKind.CUTOVER, people=(0,))
    life = Life(0, ((0,),), days=5.0, weather=CALM, deeds=(UPLOAD, cutover), plots=plots)
    outcome = live(life)

    assert outcome.broken == "", outcome.detail
    return outcome


def deed(kind: DeedKind, amount: float = 0.0, at_s: float = 0.0) -> Deed:
    """A deed to the only mailbox."""
    return Deed(at_s, kind, people=(0,), amount=amount)


def test_a_plot_waits_for_its_person_its_stage_and_its_number() -> None:
    """A deed that comes a stage too early plays another story than the one that was drawn."""
    wanted = deed(DeedKind.ABANDON, at_s=5.0)
    book = PlotBook((Plot(Stage.SYNCED, wanted, nth=2),))
    book.see(1, Stage.SYNCED, NOW_UTC)
    book.see(0, Stage.SYNCED, NOW_UTC)
    assert book.instants() == []
    book.see(0, Stage.SYNCED, NOW_UTC)

    assert book.due(NOW_UTC) == []
    assert book.due(NOW_UTC + timedelta(seconds=5)) == [wanted]
    assert book.due(NOW_UTC + timedelta(seconds=5)) == []


def test_a_mailbox_can_be_given_up_before_anything_was_looked_at() -> None:
    """The operator who uploaded the wrong file does not wait for its survey."""
    outcome = lived(
        Plot(Stage.REGISTERED, deed(DeedKind.SOURCE_DOWN, amount=2.0)),
        Plot(Stage.REGISTERED, deed(DeedKind.ABANDON, at_s=600.0)),
    )

    assert outcome.transitions[Stage.REGISTERED, Stage.ABANDONED] == 1


def test_an_outage_longer_than_patience_sets_aside_and_a_retry_goes_on_there() -> None:
    """Whoever repairs a server on Monday wants Friday's mailboxes to go on where they were."""
    outcome = lived(
        Plot(Stage.FINAL_SYNC, deed(DeedKind.GRAPH_DOWN, amount=50.0)),
        Plot(Stage.SET_ASIDE, deed(DeedKind.RETRY, at_s=4 * 3600.0)),
    )

    assert outcome.transitions[Stage.FINAL_SYNC, Stage.SET_ASIDE] == 1
    assert outcome.transitions[Stage.SET_ASIDE, Stage.FINAL_SYNC] == 1
    assert outcome.stages == {"MIGRATED": 1}


def test_a_first_copy_waits_for_a_source_that_is_down() -> None:
    """An outage that only the product felt would let the first copy end in the dark."""
    outcome = lived(
        Plot(Stage.COEXISTING, deed(DeedKind.SOURCE_DOWN, amount=6.0)),
        Plot(Stage.SYNCING, deed(DeedKind.ABANDON, at_s=600.0)),
    )

    assert outcome.transitions[Stage.SYNCING, Stage.ABANDONED] == 1


def test_a_second_address_that_leads_straight_home_holds_the_alias_until_it_is_mended() -> None:
    """At the last moment, the row is met by nothing but the step that turns the alias."""
    outcome = lived(
        Plot(Stage.DETACHED, deed(DeedKind.ALIAS_BYPASSED)),
        Plot(Stage.DETACHED, deed(DeedKind.BYPASS_MENDED, at_s=8 * 3600.0)),
        Plot(Stage.SET_ASIDE, deed(DeedKind.RETRY, at_s=4 * 3600.0)),
    )

    assert outcome.transitions[Stage.DETACHED, Stage.SET_ASIDE] == 1
    assert outcome.transitions[Stage.DETACHED, Stage.REDIRECTED] == 1
    assert outcome.stages == {"MIGRATED": 1}


def test_every_stage_of_the_way_is_plotted_against_by_some_seed() -> None:
    """A transition that no plot waits for is taken by luck, or never."""
    stages = {plot.stage for seed in range(300) for plot in draw_life(seed).plots}

    assert {*NEEDED, Stage.SYNCING, Stage.SET_ASIDE} <= stages


def test_a_long_run_is_held_to_every_legal_transition() -> None:
    """A transition that is never tried is one of which nothing is known."""
    short, long = Census(life_count=10), Census(life_count=LIVES_FOR_ALL_TRANSITIONS)
    complete = Census(life_count=LIVES_FOR_ALL_TRANSITIONS, transitions=Counter(legal()))

    assert short.has_seen_enough
    assert not long.has_seen_enough
    assert complete.has_seen_enough
    assert "not taken: none" in complete.report(1.0)


def test_legal_and_illegal_changes_are_all_there_are() -> None:
    """A pair that is neither would never be looked at."""
    every = {(before, after) for before in Stage for after in Stage if before is not after}

    assert legal() | illegal() == every
    assert not legal() & illegal()
    assert never_taken(Counter(legal())) == set()
