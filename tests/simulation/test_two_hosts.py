"""The swift host held against the engine and the SDK, life by life; half a minute."""

from collections import deque
from pathlib import Path
from typing import Any

import pytest

from sandbox.simulate import deeds
from sandbox.simulate.__main__ import said
from sandbox.simulate.draw import SDK_EVERY, draw_life
from sandbox.simulate.existence import Existence, MakeHost
from sandbox.simulate.hosts import host_of, sdk_host, swift_host
from sandbox.simulate.kept import read_back, write_down
from sandbox.simulate.life import Life
from sandbox.simulate.living import live, live_through
from sandbox.simulate.shrink import shrink
from sandbox.world.verdict import canonical_state

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# Faults and weather of these strike one story at a time, so that the order among stories decides nothing.
SAME_EVENTS = (6, 9, 13, 17, 26, 38, 47, 50)
# Of these it decides which step a kill meets, and what the weather does to which call.
SAME_END = (3, 23, 44, 48)


def lived(life: Life, make_host: MakeHost) -> tuple[list[str], dict[str, Any]]:
    """All events in the order of their text, and the canonical end."""
    existence = Existence(life, make_host)
    existence.chronicle.tail = deque()
    existence.do = deeds.do
    try:
        live_through(existence)
        return sorted(existence.chronicle.tail), canonical_state(existence.world)
    finally:
        existence.close()


@pytest.mark.parametrize("seed", SAME_EVENTS)
def test_both_hosts_live_the_same_events(seed: int) -> None:
    """A life on a host that is only like the engine proves something of that host alone."""
    life = draw_life(seed)

    assert lived(life, sdk_host) == lived(life, swift_host)


@pytest.mark.parametrize("seed", SAME_END)
def test_both_hosts_come_to_the_same_end_whatever_is_killed(seed: int) -> None:
    """Every folder, licence, alias and group, not only how many mailboxes arrived."""
    life = draw_life(seed)

    assert lived(life, sdk_host)[1] == lived(life, swift_host)[1]


def test_a_life_names_its_host_and_is_lived_there() -> None:
    """A seed that breaks in a run of many breaks again when it is asked for alone."""
    through_sdk, swift = draw_life(SDK_EVERY), draw_life(SDK_EVERY + 1)

    assert (host_of(through_sdk), host_of(swift)) == (sdk_host, swift_host)
    assert live(through_sdk).log_hash == live(through_sdk, make_host=sdk_host).log_hash


def test_a_life_that_breaks_through_the_sdk_alone_is_kept_so(tmp_path: Path) -> None:
    """Lived on another host, a kept case would pass whatever was broken."""
    smaller = shrink(draw_life(SDK_EVERY), lambda candidate: candidate.through_sdk)
    kept = read_back(write_down(smaller, "1 no loop", tmp_path))

    assert smaller.deeds == ()
    assert host_of(kept) is sdk_host


def test_a_broken_promise_is_told_with_its_host_and_hash() -> None:
    """Two hashes that are compared say whether a failure was seen again."""
    outcome = live(draw_life(SDK_EVERY + 1))
    told = said(outcome)

    assert "on the swift host" in told
    assert outcome.log_hash[:16] in told
