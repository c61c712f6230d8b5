"""The host is killed again and again in the middle of a story. Takes about 15 s."""

import json
import random
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from tests.local_host.conftest import APPS
from tests.local_host.hosting import RunningHost, running_host, until

KILL_COUNT = 6
MARK_COUNT, CHILD_COUNT = 50, 10
# As the app's host.json has it: when one mark more has been made, the first one's answer is committed.
CONCURRENT_MAX = 8


@pytest.mark.slow
def test_a_killed_host_loses_nothing_and_repeats_no_committed_step(tmp_path: Path) -> None:
    """A crash in the night must cost time, never a mailbox and never a second effect."""
    log, state = tmp_path / "marks.txt", tmp_path / "state.sqlite"
    log.touch()
    options, env = ("--clock", "scaled:20"), {"CRASH_LOG": str(log)}
    moments = range(CONCURRENT_MAX + 1, MARK_COUNT + CHILD_COUNT)
    mark_counts = sorted(random.Random(20261122).sample(moments, KILL_COUNT))
    committed: dict[str, int] = {}
    for life, mark_count in enumerate(mark_counts):
        with running_host(APPS / "crashes", state, *options, env=env) as host:
            if life == 0:
                _begin(host)
            _wait_for_marks(log, mark_count)
            host.kill()
        _note_committed(state, log, committed)
    with running_host(APPS / "crashes", state, *options, env=env) as host:
        until(lambda: host.instance("story")["runtimeStatus"] == "Completed")
        output = host.instance("story")["output"]
    ran = Counter(log.read_text("utf-8").split())

    assert output == _expected()
    assert set(ran) == {*output["marks"], *(mark for kid in output["kids"] for mark in kid)}
    assert {mark: ran[mark] for mark in committed} == committed
    assert committed, "no kill came after a commit"


def _begin(host: RunningHost) -> None:
    base = "runtime/webhooks/durabletask"
    host.post(f"{base}/orchestrators/story/story", {})
    host.post(f"{base}/instances/story/raiseEvent/Go", "word")


def _wait_for_marks(log: Path, count: int) -> None:
    until(lambda: len(log.read_text("utf-8").split()) >= count)


def _note_committed(state: Path, log: Path, committed: dict[str, int]) -> None:
    """Remember how often each step had run when its answer was first found in the store."""
    stored = sqlite3.connect(state)
    rows = stored.execute("SELECT event FROM history UNION ALL SELECT event FROM messages")
    events = [json.loads(row[0]) for row in rows]
    stored.close()
    ran = Counter(log.read_text("utf-8").split())
    for event in events:
        if event["EventType"] == 5:
            mark = json.loads(event["Result"])
            committed.setdefault(mark, ran[mark])


def _expected() -> dict[str, object]:
    return {
        "marks": [f"m{n}" for n in range(MARK_COUNT)],
        "kids": [[f"c{n}-first", f"c{n}-second"] for n in range(CHILD_COUNT)],
        "word": "word",
    }
