"""What the clocks promise."""

from datetime import UTC, datetime, timedelta

from bascule.adapters.clock import ScaledClock, SystemClock

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


def test_the_machine_s_time_is_aware_and_does_not_go_back() -> None:
    """The journal would show an effect before its cause."""
    instants = [SystemClock().now_utc() for _ in range(50)]

    assert instants[0].tzinfo is UTC
    assert instants == sorted(instants)


def test_scaled_time_runs_through_its_anchors() -> None:
    """The app and its host would live at different times."""
    real = [NOON]
    clock = ScaledClock(NOON, NEW_YEAR, 60.0, real=lambda: real[0])
    at_anchor = clock.now_utc()
    real[0] = NOON + timedelta(minutes=2)

    assert at_anchor == NEW_YEAR
    assert clock.now_utc() == NEW_YEAR + timedelta(hours=2)


def test_scaled_time_does_not_begin_before_its_anchor() -> None:
    """A machine whose clock is behind would live before the rehearsal began."""
    clock = ScaledClock(NOON, NEW_YEAR, 60.0, real=lambda: NOON - timedelta(hours=1))

    assert clock.now_utc() == NEW_YEAR
