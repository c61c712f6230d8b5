"""The host is killed again and again in the middle of a story. Takes about 15 s."""

import json
import random
import sqlite3
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.local_host.conftest import APPS
from tests.local_host.hosting import RunningHost, running_host, until

KILL_COUNT = 6
MARK_COUNT, CHILD_COUNT = 50, 10


@pytest.mark.slow
def test_a_killed_host_loses_nothing_and_repeats_no_committed_step(tmp_path: Path) -> None:
    """A crash in the night must cost time, never a mailbox and never a second effect."""
    log, state = tmp_path / "marks.txt", tmp_path / "state.sqlite"
    log.touch()
    options, env = ("--clock", "scaled:20"), {"CRASH_LOG": str(log)}
    moments = random.Random(20261122)
    committed: dict[str, int] = {}
    for life in range(KILL_COUNT):
        with running_host(APPS / "crashes", state, *options, env=env) as host:
            if life == 0:
                _begin(host)
            time.sleep(moments.uniform(0.05, 0.6))  # noqa: TID251 - the moment of the crash
            host.kill()
        _note_committed(state, log, committed)
    with running_host(APPS / "crashes", state, *options, env=env) as host:
        until(lambda: host.instance("story")["runtimeStatus"] == "Completed")
        output = host.instance("story")["output"]
    ran = Counter(log.read_text("utf-8").split())

    assert output == _expected()
    assert set(ran) == {*output["marks"], *(mark for kid in output["kids"] for mark in kid)}
    assert {mark: ran[mark] for mark in committed} == committed
    assert committed, "no kill came after a commit: choose other moments"


def _begin(host: RunningHost) -> None:
    base = "runtime/webhooks/durabletask"
    host.post(f"{base}/orchestrators/story/story", {})
    host.post(f"{base}/instances/story/raiseEvent/Go", "word")


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
