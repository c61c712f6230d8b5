"""Making a life smaller: what is left must still be a life that could be lived."""

from sandbox.simulate.draw import draw_life
from sandbox.simulate.life import Life
from sandbox.simulate.shrink import shrink


def test_nobody_is_left_without_a_batch() -> None:
    """Somebody who is never uploaded breaks a promise that the product has kept."""
    life = next(each for each in map(draw_life, range(300)) if len(each.batches) == 3)
    tried: list[Life] = []

    def breaks(candidate: Life) -> bool:
        tried.append(candidate)
        return candidate.people_count >= 2

    smaller = shrink(life, breaks)

    assert len(smaller.batches) == 1
    assert smaller.people_count == 2
    for each in tried:
        people = sorted(person for batch in each.batches for person in batch)
        assert people == list(range(each.people_count))
        assert {deed.batch for deed in each.deeds} <= set(range(len(each.batches)))
        assert {plot.deed.batch for plot in each.plots} <= set(range(len(each.batches)))
