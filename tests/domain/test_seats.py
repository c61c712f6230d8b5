"""Seats: what is left for a batch, and how far the stock goes."""

from bascule.domain.directory import Sku
from bascule.domain.seats import BatchNeed, count_seats, forecast

STUDENT = Sku("s", "STUDENT", 100, 40, (), warning_count=5, suspended_count=7)


def test_a_seat_of_our_own_is_counted_once_whether_or_not_it_is_taken_already() -> None:
    """The tenant counts it late: added to the reservations, it would be counted twice, or not at all."""
    others = {f"b{at}@x.org" for at in range(30)}
    taken = {f"b{at}@x.org" for at in range(25)}
    strangers = {f"s{at}@x.org" for at in range(15)}
    own = {f"o{at}@x.org" for at in range(10)}

    count = count_seats(STUDENT, taken | strangers | {"o1@x.org"}, others, own, unknown_count=5)

    assert (count.foreign_count, count.claimed_count, count.left_count) == (15, 35, 50)


def test_seats_in_the_grace_period_are_not_planned_with() -> None:
    """They end before the migration does."""
    assert count_seats(STUDENT, set(), set(), set()).left_count == 100


def test_the_forecast_says_at_which_batch_the_stock_ends() -> None:
    """Somebody has to order seats before that batch, and how many."""
    strangers = {f"s{at}@x.org" for at in range(40)}
    claims = {
        batch: {f"{batch}.{at}@x.org" for at in range(size)}
        for batch, size in (("lot-1", 20), ("lot-2", 30), ("lot-3", 25))
    }

    found = forecast(STUDENT, strangers, claims)

    assert found.needs == (
        BatchNeed("lot-1", 20, 40),
        BatchNeed("lot-2", 30, 10),
        BatchNeed("lot-3", 25, -15),
    )
    assert (found.reserved_count, found.left_count) == (75, -15)
    assert (found.warning_count, found.suspended_count) == (5, 7)


def test_whoever_holds_a_seat_already_takes_no_other() -> None:
    """Three people and three seats are enough; ordering three more would be a bill for nothing."""
    three = Sku("s", "STUDENT", 3, 3, ())
    people = {f"p{at}@x.org" for at in range(3)}

    found = forecast(three, people, {"lot-1": people})

    assert (found.needs, found.reserved_count, found.left_count) == ((), 0, 0)
