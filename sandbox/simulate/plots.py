"""Things that happen at the worst moment: deeds that wait until a mailbox has come to a stage.

A deed at a drawn hour hardly ever meets a mailbox at a stage that is over in a second. A plot waits for it there.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from bascule.domain.stages import Stage
from sandbox.simulate.life import Deed, DeedKind, Life, Plot

HOUR_S = 3600.0
PLOT_COUNTS = (0, 0, 0, 1, 1, 2)
ALL_SEATS = 10_000.0
COPY_BEGINS_WITHIN_H = 2.0
LETTERS = frozenset({DeedKind.MAIL_OUTSIDE, DeedKind.MAIL_INSIDE})

# What the chapter of a stage needs first: while that is down, the mailbox stays there.
NEEDED = {
    Stage.REGISTERED: DeedKind.SOURCE_DOWN,
    Stage.SURVEYED: DeedKind.GRAPH_DOWN,
    Stage.PROVISIONED: DeedKind.EXCHANGE_DOWN,
    Stage.COEXISTING: DeedKind.EXCHANGE_DOWN,
    Stage.DETACHED: DeedKind.SOURCE_DOWN,
    Stage.REDIRECTED: DeedKind.EXCHANGE_DOWN,
    Stage.FINAL_SYNC: DeedKind.GRAPH_DOWN,
    Stage.PROVEN: DeedKind.GRAPH_DOWN,
}
# Hours after which the product gives up at a stage, as in the plan; those that wait for weeks are left out.
PATIENCE_H = {
    Stage.REGISTERED: 6.0,
    Stage.SURVEYED: 24.0,
    Stage.PROVISIONED: 6.0,
    Stage.DETACHED: 6.0,
    Stage.FINAL_SYNC: 48.0,
    Stage.PROVEN: 48.0,
}
EARLY = (Stage.REGISTERED, Stage.SURVEYED, Stage.PROVISIONED, Stage.COEXISTING, Stage.SYNCING)
LATE = (Stage.DETACHED, Stage.REDIRECTED, Stage.FINAL_SYNC, Stage.PROVEN)


class PlotBook:
    """The plots of a life and the deeds whose moment is fixed."""

    def __init__(self, plots: tuple[Plot, ...]) -> None:
        self._plots = plots
        self._seen: Counter[tuple[int, Stage]] = Counter()
        self._waiting: list[tuple[datetime, Deed]] = []

    def see(self, person: int, stage: Stage, now_utc: datetime) -> None:
        """A mailbox has come to a stage."""
        self._seen[person, stage] += 1
        nth = self._seen[person, stage]
        for plot in self._plots:
            if (plot.deed.people[0], plot.stage, plot.nth) == (person, stage, nth):
                self._waiting.append((now_utc + timedelta(seconds=plot.deed.at_s), plot.deed))

    def due(self, now_utc: datetime) -> list[Deed]:
        """The deeds whose moment has come, each once."""
        due = [deed for at_utc, deed in self._waiting if at_utc <= now_utc]
        if due:
            self._waiting = [each for each in self._waiting if each[0] > now_utc]
        return due

    def instants(self) -> list[datetime]:
        """When something is to happen."""
        return [at_utc for at_utc, _ in self._waiting]


def with_plots(life: Life, luck: random.Random) -> Life:
    """The same life with the plots that luck draws."""
    for _ in range(luck.choice(PLOT_COUNTS)):
        batch = luck.randrange(len(life.batches))
        person = luck.choice(life.batches[batch])
        life = luck.choice(DRAWINGS)(life, luck, Deed(0.0, DeedKind.WATCHDOG, batch, (person,)))
    return life


def _with(life: Life, *plots: Plot) -> Life:
    return replace(life, plots=(*life.plots, *plots))


def _held(stage: Stage, at: Deed, hours: float, nth: int = 1) -> Plot:
    """What keeps a mailbox at a stage. A first copy of few messages is held only by a source that is down before it begins."""
    if stage is Stage.SYNCING:
        source_down = replace(at, kind=DeedKind.SOURCE_DOWN, amount=hours + COPY_BEGINS_WITHIN_H)
        return Plot(Stage.COEXISTING, source_down, nth)
    return Plot(stage, replace(at, kind=NEEDED[stage], amount=hours), nth)


def _given_up(life: Life, luck: random.Random, at: Deed) -> Life:
    """The operator gives a mailbox up before it has synced."""
    stage, hours = luck.choice(EARLY), luck.uniform(0.3, 3.0)
    asked_s = luck.uniform(0.1, 0.9) * hours * HOUR_S
    return _with(
        life,
        _held(stage, at, hours),
        Plot(stage, replace(at, kind=DeedKind.ABANDON, at_s=asked_s)),
    )


def _out_of_patience(life: Life, luck: random.Random, at: Deed) -> Life:
    """Something is down for longer than the product waits; then somebody looks at it."""
    stage = luck.choice(tuple(PATIENCE_H))
    hours = PATIENCE_H[stage] + luck.uniform(1.0, 8.0)
    wish = luck.choice((DeedKind.RETRY, DeedKind.RETRY, DeedKind.ROLLBACK, DeedKind.ABANDON))
    return _with(
        life,
        _held(stage, at, hours),
        _looked_at(luck, at, wish),
    )


def _turned_back(life: Life, luck: random.Random, at: Deed) -> Life:
    """The operator turns back in the middle of a cutover that is held up."""
    stage, hours = luck.choice(LATE), luck.uniform(0.5, 6.0)
    asked_s = luck.uniform(0.1, 0.9) * hours * HOUR_S
    return _with(
        life,
        _held(stage, at, hours),
        Plot(stage, replace(at, kind=DeedKind.ROLLBACK, at_s=asked_s)),
    )


def _no_seat_left(life: Life, luck: random.Random, at: Deed) -> Life:
    """Others take every seat after the batch has counted them."""
    return _with(
        life,
        Plot(Stage.REGISTERED, replace(at, kind=DeedKind.SEATS_TAKEN, amount=ALL_SEATS)),
        Plot(Stage.SET_ASIDE, replace(at, kind=DeedKind.SEATS_FREED)),
        _looked_at(luck, at, DeedKind.RETRY),
    )


def _first_sync_fails(life: Life, luck: random.Random, at: Deed) -> Life:
    """The first copy ends badly, before the product has seen it end or after it has ended."""
    hours = luck.choice((0.05, 0.5, 12.0, 30.0))
    fails_s = hours * HOUR_S * luck.uniform(0.2, 0.99)
    return _with(
        life,
        _held(Stage.SYNCING, at, 1.0),
        Plot(Stage.SYNCING, replace(at, kind=DeedKind.EXCHANGE_DOWN, amount=hours)),
        Plot(Stage.SYNCING, replace(at, kind=DeedKind.USER_FAILED, at_s=fails_s)),
        _looked_at(luck, at, DeedKind.RETRY),
    )


def _login_refused(life: Life, luck: random.Random, at: Deed) -> Life:
    """A user changes the password of the batch file just before the service signs in with it."""
    return _with(
        life,
        Plot(Stage.COEXISTING, replace(at, kind=DeedKind.PASSWORD_CHANGED)),
        Plot(Stage.SET_ASIDE, replace(at, kind=DeedKind.PASSWORD_MENDED)),
        _looked_at(luck, at, DeedKind.RETRY),
    )


def _sync_begins_anew(life: Life, luck: random.Random, at: Deed) -> Life:
    """The sync of an empty mailbox fails in its cutover and starts over; then the operator turns back."""
    deeds = (deed for deed in life.deeds if deed.kind not in LETTERS or deed.people != at.people)
    stage = luck.choice((Stage.COEXISTING, Stage.SYNCING))
    failing = luck.choice((Stage.DETACHED, Stage.REDIRECTED))
    return _with(
        replace(life, messages_each=0, deeds=tuple(deeds)),
        Plot(failing, replace(at, kind=DeedKind.USER_FAILED)),
        _looked_at(luck, at, DeedKind.RETRY),
        _held(stage, at, 1.0, nth=2),
        Plot(stage, replace(at, kind=DeedKind.ROLLBACK, at_s=luck.uniform(0, 60)), nth=2),
    )


def _bypassed(life: Life, luck: random.Random, at: Deed) -> Life:
    """Somebody gives a second address that leads straight home, and lets it lead to the first after a while."""
    stage = luck.choice((Stage.REGISTERED, Stage.SYNCED, Stage.DETACHED))
    mended_s = luck.choice((1.0, 8.0, 80.0)) * HOUR_S
    return _with(
        life,
        Plot(stage, replace(at, kind=DeedKind.ALIAS_BYPASSED)),
        Plot(stage, replace(at, kind=DeedKind.BYPASS_MENDED, at_s=mended_s)),
        _looked_at(luck, at, DeedKind.RETRY),
    )


def _looked_at(luck: random.Random, at: Deed, wish: DeedKind) -> Plot:
    """Somebody reads that the mailbox is set aside, now or tomorrow."""
    return Plot(Stage.SET_ASIDE, replace(at, kind=wish, at_s=luck.uniform(60, 12 * HOUR_S)))


DRAWINGS: tuple[Callable[[Life, random.Random, Deed], Life], ...] = (
    _given_up,
    _given_up,
    _out_of_patience,
    _out_of_patience,
    _turned_back,
    _turned_back,
    _no_seat_left,
    _first_sync_fails,
    _login_refused,
    _sync_begins_anew,
    _sync_begins_anew,
    _bypassed,
)
