"""However many mailboxes a batch has, no generation of a story grows with it."""

from datetime import timedelta
from typing import Any

import pytest

from bascule.domain.codec import encode
from bascule.domain.errors import Unreachable
from bascule.domain.records import Wish, batch_instance_id
from bascule.domain.requests import WishRequest
from bascule.domain.stages import Stage
from orchestrators import batch as batch_story
from orchestrators import wishes
from sandbox.in_process.simulation import BATCH, OPERATOR, Simulation
from tests.stories.conftest import Simulate
from tests.stories.endings import HISTORY_EVENTS_MAX

# One to a page: as many pages as a batch of 4 000 has.
PEOPLE_COUNT = 40


@pytest.fixture
def many(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    """A batch of many pages that has begun."""
    monkeypatch.setattr(batch_story, "WAKE_COUNT_MAX", 1)
    monkeypatch.setattr(wishes, "CHUNK_COUNT_MAX", 1)
    simulation: Simulation = simulate(people_count=PEOPLE_COUNT, messages_each=1)
    simulation.upload()
    return simulation


def test_the_waking_of_a_large_batch_goes_on_in_short_generations(many: Simulation) -> None:
    """A history of a thousand steps is read again at every turn."""
    many.run_until(lambda: Stage.REGISTERED not in many.stages())

    assert all(many.witness.turns[many.story_of(each.address)] for each in many.people)
    assert many.witness.runs["wake_stories"] == PEOPLE_COUNT
    assert many.ports.blobs.find_upload(BATCH) is None
    assert many.witness.longest[batch_instance_id(BATCH)] <= HISTORY_EVENTS_MAX
    assert many.witness.broken == []


class AwayAfterPages:
    """A ledger that does not answer once for its rows, as soon as so many pages of keys were read."""

    def __init__(self, simulation: Simulation, page_count: int) -> None:
        self._ledger = simulation.ports.ledger
        self._page_count = page_count
        self.is_spent = False

    def mailbox_keys(self, batch: str, after: str, count_max: int) -> tuple[str, ...]:
        """One page more."""
        self._page_count -= 1
        keys: tuple[str, ...] = self._ledger.mailbox_keys(batch, after, count_max)
        return keys

    def mailboxes(self, batch: str) -> Any:
        """The rows, or no answer."""
        if self._page_count <= 0 and not self.is_spent:
            self.is_spent = True
            raise Unreachable("reading mailboxes: answered 503")
        return self._ledger.mailboxes(batch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


def test_the_waking_of_a_large_batch_outlasts_a_look_that_is_cut_short(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stood behind the page at which storage hiccupped would sleep for a day."""
    monkeypatch.setattr(batch_story, "WAKE_COUNT_MAX", 1)
    simulation = simulate(people_count=PEOPLE_COUNT, messages_each=1)
    simulation.upload(simulation.csv(simulation.people[1:]))
    simulation.run_until(lambda: Stage.REGISTERED not in simulation.stages())
    simulation.upload()
    before = simulation.witness.runs["wake_stories"]
    ledger = AwayAfterPages(simulation, batch_story.PAGES_EACH_GENERATION_MAX)
    object.__setattr__(simulation.ports, "ledger", ledger)
    simulation.accept_difference()
    simulation.pass_time(hours=1)

    assert ledger.is_spent
    assert simulation.witness.runs["wake_stories"] - before == PEOPLE_COUNT
    assert Stage.REGISTERED not in simulation.stages()
    assert simulation.witness.longest[batch_instance_id(BATCH)] <= HISTORY_EVENTS_MAX
    assert simulation.witness.broken == []


def test_a_wish_for_a_large_batch_goes_on_in_short_generations(many: Simulation) -> None:
    """The answer is the same: everybody who takes it, and everybody who does not."""
    some = [each.address for each in many.people]
    named = many.ask(Wish.RETRY, some)
    answer = many.ask(Wish.ABANDON)

    assert (answer["granted"], answer["refused_count"], answer["stopped"]) == (PEOPLE_COUNT, 0, "")
    assert (named["granted"], named["refused_count"]) == (0, PEOPLE_COUNT)
    assert {line["why"] for line in named["refused"]} >= {"it is SURVEYED, not set aside"}
    longest = {id_: count for id_, count in many.witness.longest.items() if "-lot-1-" in id_}
    assert len(longest) == 2
    assert max(longest.values()) <= HISTORY_EVENTS_MAX
    assert many.witness.broken == []


def test_a_wish_that_an_older_version_began_ends_in_its_generation(many: Simulation) -> None:
    """Its history holds every step; one that is cut off in the middle does not fit it any more."""
    request = WishRequest(BATCH, Wish.ABANDON, (), OPERATOR)
    many.engine.start("abandon", encode(request), "abandon-old")
    many.run_until(lambda: many.output("abandon-old") is not None)

    assert f'"granted": {PEOPLE_COUNT}' in (many.output("abandon-old") or "")
    assert many.witness.longest["abandon-old"] > HISTORY_EVENTS_MAX
    assert many.witness.broken == []


class Away:
    """A ledger that does not answer for its rows until an instant, after so many answers."""

    def __init__(self, simulation: Simulation, answers_count: int, minutes: float) -> None:
        self._ledger = simulation.ports.ledger
        self._clock = simulation.clock
        self._until_utc = simulation.clock.now_utc() + timedelta(minutes=minutes)
        self._answers_count = answers_count

    def find_mailbox(self, batch: str, key: str) -> Any:
        """The row, or no answer."""
        self._answers_count -= 1
        if self._answers_count < 0 and self._clock.now_utc() < self._until_utc:
            raise Unreachable("reading mailboxes: answered 503")
        return self._ledger.find_mailbox(batch, key)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


@pytest.mark.parametrize("minutes", [4, 90])
def test_a_wish_outlasts_some_minutes_of_storage_trouble_and_then_tells_its_tally(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch, minutes: float
) -> None:
    """A request that only says Failed does not tell who is cut over tonight."""
    monkeypatch.setattr(wishes, "CHUNK_COUNT_MAX", 1)
    simulation = simulate(people_count=3)
    simulation.upload()
    simulation.run_until_all(Stage.SYNCED)
    object.__setattr__(simulation.ports, "ledger", Away(simulation, 4, minutes))
    answer = simulation.ask_cutover()

    is_short = minutes < 10
    assert ("answered 503" in answer["stopped"]) is not is_short
    assert 0 < answer["granted"] < 3 or is_short
    simulation.run_until(lambda: Stage.MIGRATED in simulation.stages())
    assert answer["granted"] == sum(row.cutover_at_utc is not None for row in simulation.records())
    if not is_short:
        simulation.pass_time(hours=2)
        assert simulation.ask_cutover()["stopped"] == ""
    simulation.run_until_all(Stage.MIGRATED)
