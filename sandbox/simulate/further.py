"""What was added to the drawing of lives later: each from luck of its own, so that the rest of every life stays as it was."""

import random
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

from bascule.domain.stages import Stage
from sandbox.simulate.life import Deed, DeedKind, Fault, FaultKind, Life, Plot
from sandbox.world.weather import Span

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
# Where the vendor is silent as well: these are rare, because they make a life longer or set it aside.
SILENCES = ("missed_copies_come_back", "batches_refused_for_held_mailboxes")
SILENCE_PROBABILITY = 0.15
SOURCE_PROBE_PROBABILITY = 0.2
LATE_ROW_PROBABILITY = 0.3
HOMED_PROBABILITY = 0.08
JOINED_PROBABILITY = 0.06
CHANGED_FILES = (DeedKind.UPLOAD_CHANGED, DeedKind.UPLOAD_SHORT, DeedKind.UPLOAD_DATED)
# Steps with more calls than the first draw reaches: an admission of many rows, a certificate, a move of mail.
FAR_PROBABILITY = 0.4
FAR_CALLS = range(6, 40)
FAR_BELLS = range(6, 80)
# Whoever comes home stays for good, or goes again: tonight, when its last mail may be on its way yet, or next week.
HOME_AGAIN_PROBABILITY = 0.2
AGAIN_IN_H = (0.5, 0.5, 30.0, 100.0)
LAST_LETTER_COUNT = 4
LAST_LETTERS_WITHIN_S = 2 * HOUR_S
# As long as the plan's grace allows for: a mistake of the operator's is not what is tried here.
GRACE_OF_HELD_MAIL_H = 120
HELD = MappingProxyType(
    {"postfix_deferral_probability": 0.15, "postfix_retry": Span(4 * HOUR_S, 20 * HOUR_S)}
)
BELLS = frozenset({FaultKind.BELL_LOST, FaultKind.BELL_DOUBLED})
AT_CALLS = frozenset({FaultKind.KILLED_BEFORE_CALL, FaultKind.KILLED_AFTER_CALL})


def with_further(life: Life) -> Life:
    """The same life with all of it."""
    for name, draw in DRAWINGS.items():
        life = draw(life, random.Random(f"{name} {life.seed}"))
    return life


def _silences(life: Life, luck: random.Random) -> Life:
    changes = {name: luck.random() < SILENCE_PROBABILITY for name in SILENCES}
    return replace(life, weather=replace(life.weather, **changes))  # type: ignore[arg-type]


def _far_faults(life: Life, luck: random.Random) -> Life:
    """Kills at late calls of a step, bells late in a life."""
    return replace(life, faults=tuple(_far(fault, luck) for fault in life.faults))


def _far(fault: Fault, luck: random.Random) -> Fault:
    if luck.random() >= FAR_PROBABILITY:
        return fault
    if fault.kind in BELLS:
        return replace(fault, nth=luck.choice(FAR_BELLS))
    return replace(fault, call=luck.choice(FAR_CALLS)) if fault.kind in AT_CALLS else fault


def _source_probe(life: Life, luck: random.Random) -> Life:
    """A plan that believes a redirect only after probes through Postfix."""
    is_on = luck.random() < SOURCE_PROBE_PROBABILITY
    return replace(life, pace=replace(life.pace, source_probe=is_on))


def _files(life: Life, luck: random.Random) -> Life:
    """Changed files that change more than a name: a row less, a row that was forgotten at first, an instant."""
    deeds = tuple(_changed(deed, luck) for deed in life.deeds)
    return _with_late_row(replace(life, deeds=deeds), luck)


def _changed(deed: Deed, luck: random.Random) -> Deed:
    if deed.kind is not DeedKind.UPLOAD_CHANGED:
        return deed
    return replace(deed, kind=luck.choice(CHANGED_FILES), amount=luck.uniform(1.0, 48.0))


def _with_late_row(life: Life, luck: random.Random) -> Life:
    """Somebody is missing in a first file; the whole one comes later, and is accepted later still."""
    batch = luck.randrange(len(life.batches))
    person, hours = (luck.choice(life.batches[batch]),), luck.uniform(0.5, 60.0)
    if len(life.batches[batch]) < 2 or luck.random() >= LATE_ROW_PROBABILITY:
        return life
    deeds = [
        replace(deed, kind=DeedKind.UPLOAD_SHORT, people=person)
        if (deed.kind, deed.batch) == (DeedKind.UPLOAD, batch)
        else deed
        for deed in life.deeds
    ]
    first_s = next(deed.at_s for deed in deeds if deed.kind is DeedKind.UPLOAD_SHORT)
    again_s = min(first_s + hours * HOUR_S, life.days * DAY_S)
    accepted_s = min(again_s + luck.uniform(0.1, 24.0) * HOUR_S, life.days * DAY_S)
    deeds += [
        Deed(again_s, DeedKind.UPLOAD_AGAIN, batch),
        Deed(accepted_s, DeedKind.ACCEPT_DIFFERENCE, batch),
    ]
    return replace(life, deeds=tuple(sorted(deeds, key=lambda deed: deed.at_s)))


def _home_again(life: Life, luck: random.Random) -> Life:
    """Somebody gets mail just before a rollback, which Postfix holds; once home they are given up, or go again, there and back."""
    moments: tuple[Deed | Plot, ...] = (*life.deeds, *life.plots)
    ways = [each for each in moments if _deed_of(each).kind is DeedKind.ROLLBACK]
    if not ways or luck.random() >= HOME_AGAIN_PROBABILITY:
        return life
    way = luck.choice(ways)
    back = _deed_of(way)
    person = (luck.choice(back.people),)
    if life.pace.grace_h >= GRACE_OF_HELD_MAIL_H:
        life = replace(life, weather=replace(life.weather, **HELD))  # type: ignore[arg-type]
    for _ in range(LAST_LETTER_COUNT):
        at_s = max(0.0, back.at_s - luck.uniform(0.0, LAST_LETTERS_WITHIN_S))
        life = _with(life, way, Deed(at_s, DeedKind.MAIL_OUTSIDE, people=person))
    wish = luck.choice((DeedKind.ABANDON, DeedKind.CUTOVER))
    hours = luck.choice(AGAIN_IN_H) if wish is DeedKind.CUTOVER else 0.0
    asked = Deed(luck.uniform(60, HOUR_S), wish, back.batch, person, hours)
    again = Deed(luck.uniform(60, 6 * HOUR_S), DeedKind.ROLLBACK, back.batch, person)
    plots = (Plot(Stage.ROLLED_BACK, asked), Plot(Stage.REDIRECTED, again, nth=2))
    return replace(life, plots=(*life.plots, *plots))


def _deed_of(each: Deed | Plot) -> Deed:
    return each.deed if isinstance(each, Plot) else each


def _with(life: Life, beside: Deed | Plot, deed: Deed) -> Life:
    """The same life with one more deed, which waits for the moment that another one waits for."""
    if isinstance(beside, Plot):
        return replace(life, plots=(*life.plots, replace(beside, deed=deed)))
    return replace(life, deeds=tuple(sorted((*life.deeds, deed), key=lambda each: each.at_s)))


def _homed(life: Life, luck: random.Random) -> Life:
    """An old provisioning job turns the alias of somebody home who has moved, before they are closed; somebody sees it, some day."""
    batch = luck.randrange(len(life.batches))
    at = Deed(0.0, DeedKind.ALIAS_HOMED, batch, (luck.choice(life.batches[batch]),))
    if luck.random() >= HOMED_PROBABILITY:
        return life
    grace_s = life.pace.grace_h * HOUR_S
    homed_s = luck.uniform(0.3, 0.98) * grace_s
    mended_s = homed_s + luck.uniform(1, 200) * HOUR_S
    written_s = grace_s + luck.uniform(0, 20) * HOUR_S
    plots = (
        Plot(Stage.REDIRECTED, replace(at, at_s=homed_s)),
        Plot(Stage.REDIRECTED, replace(at, kind=DeedKind.MAIL_OUTSIDE, at_s=written_s)),
        Plot(Stage.REDIRECTED, replace(at, kind=DeedKind.ALIAS_MENDED, at_s=mended_s)),
    )
    return replace(life, plots=(*life.plots, *plots))


def _joined(life: Life, luck: random.Random) -> Life:
    """A colleague who makes the group whole again takes somebody for not moved who stands just before the redirect."""
    batch = luck.randrange(len(life.batches))
    at = Deed(0.0, DeedKind.MEMBER_ADDED, batch, (luck.choice(life.batches[batch]),))
    hours = luck.uniform(0.5, 8.0)
    if luck.random() >= JOINED_PROBABILITY:
        return life
    plots = (
        Plot(Stage.DETACHED, replace(at, kind=DeedKind.SOURCE_DOWN, amount=hours)),
        Plot(Stage.DETACHED, replace(at, at_s=luck.uniform(0.1, 0.9) * hours * HOUR_S)),
    )
    return replace(life, plots=(*life.plots, *plots))


DRAWINGS: dict[str, Callable[[Life, random.Random], Life]] = {
    "silences": _silences,
    "files": _files,
    "far faults": _far_faults,
    "source probe": _source_probe,
    "home again": _home_again,
    "homed": _homed,
    "joined": _joined,
}
