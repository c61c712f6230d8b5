"""Making a life that breaks a promise smaller: fewer faults, deeds, people and misfortunes, until all that is left matters.

Greedy and bounded. Each kind of part is thinned in turn, halves first, then quarters, then one by one; what is left out stays
out when the same promise still breaks. The rounds go on until one of them leaves nothing out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any

from sandbox.simulate.life import Deed, DeedKind, Life
from sandbox.world.weather import CALM, Weather

# A life costs some tenths of a second: a shrink is over in minutes.
TRIES_MAX = 600
DAY_S = 86_400.0
# Faults and deeds are what a reader has to understand, one by one.
LISTS = ("deeds", "faults", "plots")
# What the simulated service is, rather than how it feels today, and what the population was made for.
KEPT_IN_WEATHER = frozenset({"migration_message_max_bytes"})

Breaks = Callable[[Life], bool]


class Shrinker:
    """Tries smaller lives as long as there are tries left."""

    def __init__(self, life: Life, breaks: Breaks, tries_max: int) -> None:
        self.life, self._breaks, self._tries_left = life, breaks, tries_max

    def take(self, smaller: Life) -> bool:
        """Whether a smaller life still breaks; then it is the life from here on."""
        if smaller == self.life or self._tries_left <= 0:
            return False
        self._tries_left -= 1
        is_broken = self._breaks(smaller)
        if is_broken:
            self.life = smaller
        return is_broken

    def round(self) -> None:
        """Thin every kind of part once, the largest parts first."""
        for smaller in _simpler(self.life):
            self.take(smaller)
        while self.take(_fewer_batches(self.life)) or self.take(_fewer_people(self.life)):
            continue
        for name in LISTS:
            self._thin(getattr(self.life, name), partial(self._with, name))
        self._thin(_misfortunes(self.life.weather), self._in_weather)
        self.take(replace(self.life, days=_days_needed(self.life)))

    def _with(self, name: str, kept: Sequence[Any]) -> Life:
        changed: Any = {name: tuple(kept)}
        return replace(self.life, **changed)

    def _in_weather(self, kept: Sequence[str]) -> Life:
        values: Any = {name: getattr(self.life.weather, name) for name in (*KEPT_IN_WEATHER, *kept)}
        return replace(self.life, weather=replace(CALM, **values))

    def _thin(self, parts: Sequence[Any], smaller: Callable[[Sequence[Any]], Life]) -> None:
        """Leave out runs of parts, of half the length each time."""
        length = len(parts)
        while length:
            start = 0
            while start < len(parts):
                kept = [*parts[:start], *parts[start + length :]]
                if self.take(smaller(kept)):
                    parts = kept
                else:
                    start += length
            length //= 2


def shrink(life: Life, breaks: Breaks, tries_max: int = TRIES_MAX) -> Life:
    """The smallest life found that still breaks."""
    shrinker, before = Shrinker(life, breaks, tries_max), None
    while before != shrinker.life:
        before = shrinker.life
        shrinker.round()
    return shrinker.life


def _simpler(life: Life) -> Iterator[Life]:
    # First of all: on the swift host every further try costs a tenth.
    yield replace(life, through_sdk=False)
    yield replace(life, faults=())
    yield replace(life, has_large_message=False)
    yield replace(life, staff=())
    yield replace(life, given=())
    yield replace(life, messages_each=min(life.messages_each, 1))


def _fewer_batches(life: Life) -> Life:
    """The last batch's people in the one before: people without any batch could come to no end."""
    if len(life.batches) < 2:
        return life
    last = len(life.batches) - 1
    batches = (*life.batches[:-2], (*life.batches[-2], *life.batches[-1]))
    deeds = tuple(
        replace(deed, batch=min(deed.batch, last - 1))
        for deed in life.deeds
        if (deed.kind, deed.batch) != (DeedKind.UPLOAD, last)
    )
    plots = tuple(
        replace(plot, deed=replace(plot.deed, batch=min(plot.deed.batch, last - 1)))
        for plot in life.plots
    )
    return replace(life, batches=batches, deeds=deeds, plots=plots)


def _fewer_people(life: Life) -> Life:
    gone = life.people_count - 1
    batches = tuple(tuple(p for p in batch if p != gone) for batch in life.batches)
    if not all(batches):
        return life
    staff = tuple(person for person in life.staff if person != gone)
    given = tuple(person for person in life.given if person != gone)
    plots = tuple(plot for plot in life.plots if gone not in plot.deed.people)
    deeds = _of(batches, life.deeds)
    return replace(life, batches=batches, deeds=deeds, staff=staff, given=given, plots=plots)


def _of(batches: tuple[tuple[int, ...], ...], deeds: tuple[Deed, ...]) -> tuple[Deed, ...]:
    """The deeds that still concern somebody."""
    people = {person for batch in batches for person in batch}
    kept = (
        replace(deed, people=tuple(p for p in deed.people if p in people))
        for deed in deeds
        if not deed.people or people & set(deed.people)
    )
    return tuple(kept)


def _misfortunes(weather: Weather) -> list[str]:
    """What is otherwise than in calm weather."""
    return [
        each.name
        for each in fields(Weather)
        if each.name not in KEPT_IN_WEATHER
        and getattr(weather, each.name) != getattr(CALM, each.name)
    ]


def _days_needed(life: Life) -> float:
    last_s = max((deed.at_s for deed in life.deeds), default=0.0)
    return min(life.days, float(int(last_s / DAY_S) + 1))
