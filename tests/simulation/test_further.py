"""What was added to the drawing: that some seed draws it, and that the rest of a life stays as it was."""

from dataclasses import replace

from bascule.domain.stages import Stage
from sandbox.simulate.draw import draw_life
from sandbox.simulate.further import FAR_CALLS, SILENCES, with_further
from sandbox.simulate.life import Deed, DeedKind, Fault, FaultKind, Life
from sandbox.simulate.living import live

LIVES = [draw_life(seed) for seed in range(300)]


def test_every_silence_of_the_vendor_is_drawn_both_ways() -> None:
    """A switch that is never on may matter without anybody knowing."""
    for name in SILENCES:
        assert {getattr(life.weather, name) for life in LIVES} == {False, True}


def test_files_change_more_than_a_name() -> None:
    """Rows come late and go; a date moves a cutover."""
    kinds = {deed.kind for life in LIVES for deed in life.deeds}

    assert {DeedKind.UPLOAD_CHANGED, DeedKind.UPLOAD_SHORT, DeedKind.UPLOAD_DATED} <= kinds


def test_faults_reach_late_calls_and_bells_and_plans_probe_through_postfix() -> None:
    """The last calls of a long step are the ones that write."""
    faults = [fault for life in LIVES for fault in life.faults]

    assert any(fault.call in FAR_CALLS for fault in faults)
    assert any(fault.nth > 5 for fault in faults if fault.kind is FaultKind.BELL_LOST)
    assert {life.pace.source_probe for life in LIVES} == {False, True}


def test_whoever_is_home_again_is_given_up_or_goes_again() -> None:
    """After the way back mail is still on its way; a life that ends there meets none of it."""
    asked = [plot.deed for life in LIVES for plot in life.plots if plot.stage is Stage.ROLLED_BACK]

    assert {DeedKind.ABANDON, DeedKind.CUTOVER} == {deed.kind for deed in asked}
    assert any(deed.amount >= 30 for deed in asked)


def test_hands_in_the_tables_are_plotted() -> None:
    """An old provisioning job, or a colleague at the group, is met by no deed at a drawn hour."""
    kinds = {plot.deed.kind for life in LIVES for plot in life.plots}

    assert {DeedKind.ALIAS_HOMED, DeedKind.MEMBER_ADDED} <= kinds


def test_luck_of_its_own_leaves_the_rest_of_a_life() -> None:
    """Otherwise every seed that anybody has written down would mean another life."""
    fault = Fault(FaultKind.KILLED_IN_TURN, "turn:mailbox", 3)
    life = Life(0, ((0,),), deeds=(Deed(60.0, DeedKind.UPLOAD),), faults=(fault,))
    further = with_further(life)

    assert replace(further, weather=life.weather, pace=life.pace) == life


def test_seats_of_staff_are_taken_from_staff() -> None:
    """A plot about the last seat that takes another licence's tells nothing."""
    deeds = (
        Deed(60.0, DeedKind.UPLOAD),
        Deed(61.0, DeedKind.SEATS_TAKEN, people=(0,), amount=10_000.0),
    )
    source_down = Deed(0.0, DeedKind.SOURCE_DOWN, people=(0,), amount=1.0)
    life = Life(3, ((0,),), staff=(0,), days=1.0, deeds=(source_down, *deeds))
    outcome = live(life)

    assert outcome.broken == ""
    assert any("no_seat" in state for state in outcome.states)
