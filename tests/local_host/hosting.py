"""Starts hosts and the storage emulator as processes of their own, on free loopback ports."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]
STOP_TIMEOUT_S = 20.0
READY_TIMEOUT_S = 30.0
# Longer than a host on a loaded machine keeps anybody waiting.
REQUEST_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class RunningHost:
    """A host process and where it serves."""

    process: subprocess.Popen[str]
    url: str
    rpc_url: str

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}/{path}", timeout=REQUEST_TIMEOUT_S)

    def post(self, path: str, document: Any = None) -> httpx.Response:
        return httpx.post(f"{self.url}/{path}", json=document, timeout=REQUEST_TIMEOUT_S)

    def instance(self, instance_id: str) -> dict[str, Any]:
        """The status document of an instance."""
        found: dict[str, Any] = self.get(
            f"runtime/webhooks/durabletask/instances/{instance_id}"
        ).json()
        return found

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_TIMEOUT_S)


@contextmanager
def running_host(
    app: Path, state: Path, *options: str, env: Mapping[str, str] | None = None
) -> Iterator[RunningHost]:
    """A host over `app` until the block ends."""
    command = [sys.executable, "-W", "ignore", "-m", "sandbox.local_host", "--app", str(app)]
    log = state.with_suffix(".log").open("a", encoding="utf-8")
    with log:
        process = subprocess.Popen(
            [*command, "--port", "0", "--state", str(state), *options],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        yield _ready(process, state)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(STOP_TIMEOUT_S)
        if process.stdout is not None:
            process.stdout.close()


def _ready(process: subprocess.Popen[str], state: Path) -> RunningHost:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise RuntimeError(state.with_suffix(".log").read_text("utf-8"))
    said = json.loads(line)
    return RunningHost(process, said["http"], said["rpc"])


def until(is_so: Callable[[], bool], timeout_s: float = READY_TIMEOUT_S) -> None:
    """Wait for something another process does; fails after `timeout_s` seconds."""
    end_s = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > end_s:
            pytest.fail(f"did not come true within {timeout_s} s")
        time.sleep(0.05)  # noqa: TID251 - the other process has no way to tell us
