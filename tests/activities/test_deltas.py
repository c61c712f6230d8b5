"""The promise of a requested delta: what ends after it began after the instant asked for, for every mailbox."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from activities.deltas import ask_for_delta, issue_when_due, issued_since
from bascule.domain.errors import NotYet
from bascule.domain.sync import SyncState
from sandbox.in_process.simulation import Options, Simulation
from tests.activities import moments

GATHERED = timedelta(seconds=90)


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """Two synced mailboxes of one sync batch; no story moves while a test asks for them."""
    with Simulation(Options(people_count=2)) as made:
        moments.synced(made)
        yield made


class Shown:
    """What Exchange shows of the two, as a test wants it; requests are counted."""

    def __init__(self, simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_utc = simulation.clock.now_utc()
        self.issued: list[datetime] = []
        self._ports = simulation.ports
        self._anna, self._ben = (simulation.record_of(each.address) for each in simulation.people)
        users = self._ports.exchange.sync_users(self._anna.sync_batch)
        self.users = {user.address: user for user in users}
        monkeypatch.setattr(
            self._ports.exchange, "sync_users", lambda _: tuple(self.users.values())
        )
        monkeypatch.setattr(
            self._ports.exchange, "sync_now", lambda _: self.issued.append(self.now_utc)
        )
        monkeypatch.setattr(self._ports.clock, "now_utc", lambda: self.now_utc)

    def ben_is(self, state: SyncState, ended_utc: datetime) -> None:
        """How the sync of the second mailbox stands."""
        address = self._ben.address
        self.users[address] = replace(self.users[address], state=state, last_success_utc=ended_utc)

    def anna_asks(self, since_utc: datetime) -> datetime | None:
        """The answer to the first mailbox; None: not yet."""
        return self._asks(self._anna.key, since_utc)

    def ben_asks(self, since_utc: datetime) -> datetime | None:
        """The answer to the second mailbox; None: not yet."""
        return self._asks(self._ben.key, since_utc)

    def _asks(self, key: str, since_utc: datetime) -> datetime | None:
        record = self._anna if key == self._anna.key else self._ben
        try:
            return issued_since(self._ports, record, since_utc)
        except NotYet:
            return None
        finally:
            self.now_utc += GATHERED

    def batch_story_serves(self) -> None:
        """Somebody asks, and whoever serves the board issues it."""
        ask_for_delta(self._ports, self._anna.sync_batch)
        self.now_utc += GATHERED
        issue_when_due(self._ports, self._anna.sync_batch)


@pytest.fixture
def shown(simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> Shown:
    """What Exchange shows, at the hands of the test."""
    return Shown(simulation, monkeypatch)


def test_one_request_serves_everybody_whose_sync_is_at_rest(shown: Shown) -> None:
    """A hundred mailboxes of one night would ask Exchange a hundred times."""
    since_utc = shown.now_utc
    assert shown.anna_asks(since_utc) is None
    assert shown.ben_asks(since_utc) is None
    answers = {shown.anna_asks(since_utc), shown.ben_asks(since_utc)}

    assert answers == set(shown.issued)
    assert len(shown.issued) == 1


def test_a_request_issued_while_an_older_delta_ran_serves_that_mailbox_not(shown: Shown) -> None:
    """The delta that ends next has begun before the last mail came: the mailbox would be proven without that mail."""
    since_utc = shown.now_utc
    shown.ben_is(SyncState.DELTA, since_utc - timedelta(hours=23))
    shown.anna_asks(since_utc)
    shown.anna_asks(since_utc)
    assert shown.anna_asks(since_utc) == shown.issued[0]
    assert [shown.ben_asks(since_utc) for _ in range(3)] == [None] * 3
    assert len(shown.issued) == 1, "nobody asks for another while it runs"

    older_ended_utc = shown.now_utc
    shown.ben_is(SyncState.READY, older_ended_utc)
    assert shown.ben_asks(since_utc) is None
    answer = shown.ben_asks(since_utc)
    assert answer == shown.issued[1]
    assert answer is not None
    assert answer >= older_ended_utc


def test_a_request_that_nobody_in_particular_waits_for_serves_no_running_mailbox(
    shown: Shown,
) -> None:
    """The batch's own story issues for all, and looks at nobody."""
    since_utc = shown.now_utc
    shown.ben_is(SyncState.DELTA, since_utc - timedelta(hours=23))
    shown.batch_story_serves()

    assert len(shown.issued) == 1
    assert shown.ben_asks(since_utc) is None
    assert shown.anna_asks(since_utc) == shown.issued[0]


def test_a_mailbox_that_others_keep_in_deltas_is_served_by_the_one_that_began_in_time(
    shown: Shown,
) -> None:
    """Waiting for a moment of rest, it would wait for as long as others ask."""
    since_utc = shown.now_utc
    shown.ben_is(SyncState.DELTA, since_utc - timedelta(hours=23))
    shown.batch_story_serves()
    assert shown.ben_asks(since_utc) is None
    older_ended_utc = shown.now_utc
    shown.ben_is(SyncState.DELTA, older_ended_utc)
    shown.batch_story_serves()

    assert shown.ben_asks(since_utc) == older_ended_utc
