"""Making a life that breaks a promise smaller: fewer faults, deeds, people and misfortunes, until all that is left matters.

Greedy and bounded: each part is left out in turn, and stays out when the same promise still breaks.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from sandbox.simulate.life import Deed, Life
from sandbox.world.weather import CALM, ORDINARY

# A life costs some tenths of a second: a shrink is over in minutes.
TRIES_MAX = 300

Breaks = Callable[[Life], bool]


def shrink(life: Life, breaks: Breaks) -> Life:
    """The smallest life found that still breaks."""
    tries = iter(range(TRIES_MAX))
    smaller = life
    while True:
        found = next(
            (each for each in smaller_lives(smaller) if _spent(tries) and breaks(each)), None
        )
        if found is None:
            return smaller
        smaller = found


def _spent(tries: Iterator[int]) -> bool:
    return next(tries, None) is not None


def smaller_lives(life: Life) -> Iterator[Life]:
    """Lives with one part less, the largest parts first."""
    yield from _fewer_batches(life)
    for count in (len(life.faults), 1):
        yield from _without_faults(life, count)
    for count in (len(life.deeds) // 2, len(life.deeds) // 4, 1):
        yield from _without_deeds(life, max(1, count))
    yield from _without_plots(life)
    yield from _fewer_people(life)
    yield from _calmer(life)


def _fewer_batches(life: Life) -> Iterator[Life]:
    if len(life.batches) > 1:
        last = len(life.batches) - 1
        deeds = tuple(deed for deed in life.deeds if deed.batch != last)
        yield replace(life, batches=life.batches[:-1], deeds=_of(life.batches[:-1], deeds))


def _fewer_people(life: Life) -> Iterator[Life]:
    gone = life.people_count - 1
    batches = tuple(tuple(p for p in batch if p != gone) for batch in life.batches)
    if all(batches):
        yield replace(life, batches=batches, deeds=_of(batches, life.deeds))


def _of(batches: tuple[tuple[int, ...], ...], deeds: tuple[Deed, ...]) -> tuple[Deed, ...]:
    """The deeds that still concern somebody."""
    people = {person for batch in batches for person in batch}
    kept = (
        replace(deed, people=tuple(p for p in deed.people if p in people))
        for deed in deeds
        if not deed.people or people & set(deed.people)
    )
    return tuple(kept)


def _without_faults(life: Life, count: int) -> Iterator[Life]:
    for start in range(0, len(life.faults), max(1, count)):
        left = life.faults[:start] + life.faults[start + count :]
        yield replace(life, faults=left)


def _without_deeds(life: Life, count: int) -> Iterator[Life]:
    for start in range(0, len(life.deeds), count):
        left = life.deeds[:start] + life.deeds[start + count :]
        yield replace(life, deeds=left)


def _without_plots(life: Life) -> Iterator[Life]:
    for number in range(len(life.plots)):
        yield replace(life, plots=life.plots[:number] + life.plots[number + 1 :])


def _calmer(life: Life) -> Iterator[Life]:
    for weather in (CALM, ORDINARY):
        calmer = replace(
            weather, migration_message_max_bytes=life.weather.migration_message_max_bytes
        )
        if life.weather not in (
            calmer,
            replace(CALM, migration_message_max_bytes=calmer.migration_message_max_bytes),
        ):
            yield replace(life, weather=calmer)
    if life.messages_each > 1:
        yield replace(life, messages_each=1)
