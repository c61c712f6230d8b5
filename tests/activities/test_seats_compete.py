"""Many batches after few seats: two hundred trials under seeds, 40 s; ten of them in every run, 2 s."""

import pytest

from tests.activities.seat_race import SEAT_COUNT, Race

TRIALS = 200
TRIALS_EACH = 10
LATER = range(TRIALS_EACH, TRIALS, TRIALS_EACH)


@pytest.mark.parametrize("first", [0, *(pytest.param(at, marks=pytest.mark.slow) for at in LATER)])
def test_eight_batches_compete_and_each_is_taken_whole_or_refused_whole(first: int) -> None:
    """Half a batch with licences is worse than none, and a seat given twice is a bill or a locked mailbox."""
    for seed in range(first, first + TRIALS_EACH):
        race = Race(seed).run()
        where = f"seed {seed}"
        claimed = sum(race.sizes[name] for name in race.admitted)

        assert race.taken_max <= SEAT_COUNT, where
        assert race.set_aside == [], where
        assert claimed <= SEAT_COUNT, where
        for name, size in race.sizes.items():
            is_in = name in race.admitted
            assert is_in is (name not in race.refused), where
            assert race.licensed(name) == (size if is_in else 0), where
            assert race.accounts(name) == (size if is_in else 0), where
            # Refused for want of seats, and not because somebody was counted twice.
            assert is_in or claimed + size > SEAT_COUNT, f"{where}: {race.refused[name]}"
        assert race.taken() == claimed, where
