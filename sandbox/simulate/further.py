"""What was added to the drawing of lives later: each from luck of its own, so that the rest of every life stays as it was."""

import random
from collections.abc import Callable
from dataclasses import replace

from sandbox.simulate.life import Deed, DeedKind, Fault, FaultKind, Life

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
# Where the vendor is silent as well: these are rare, because they make a life longer or set it aside.
SILENCES = ("missed_copies_come_back", "batches_refused_for_held_mailboxes")
SILENCE_PROBABILITY = 0.15
SOURCE_PROBE_PROBABILITY = 0.2
LATE_ROW_PROBABILITY = 0.3
CHANGED_FILES = (DeedKind.UPLOAD_CHANGED, DeedKind.UPLOAD_SHORT, DeedKind.UPLOAD_DATED)
# Steps with more calls than the first draw reaches: an admission of many rows, a certificate, a move of mail.
FAR_PROBABILITY = 0.4
FAR_CALLS = range(6, 40)
FAR_BELLS = range(6, 80)
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


DRAWINGS: dict[str, Callable[[Life, random.Random], Life]] = {
    "silences": _silences,
    "files": _files,
    "far faults": _far_faults,
    "source probe": _source_probe,
}
