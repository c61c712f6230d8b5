"""The function app in its local host, as a child process that may be killed and started again."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from sandbox.rig.azurite import REPOSITORY

STOP_PATIENCE_S = 20.0
# Starting imports the app and opens its state; a loaded machine takes its time.
REQUEST_TIMEOUT_S = 60.0


class AppProcess:
    """One host on one state file: `start`, `kill` and `start` again go on where it stood."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *,
        app_folder: Path = REPOSITORY,
        storage: str = "AzureWebJobsStorage",
    ) -> None:
        """`folder` keeps the state and the log. `storage`: where the host looks for uploads, a setting or an address."""
        self.state_path = folder / "host.sqlite"
        self.log_path = folder / "host.log"
        self._environment = dict(environment)
        self._app_folder = app_folder
        self._storage = storage
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> None:
        """Start the host and wait until it serves. Raises RuntimeError with the log's end when it does not."""
        with self.log_path.open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                self._command(),
                cwd=REPOSITORY,
                env={**os.environ, **self._environment},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            tail = "".join(self.log_path.read_text(encoding="utf-8").splitlines(True)[-20:])
            raise RuntimeError(f"the local host did not start:\n{tail}")
        self.url = str(json.loads(line)["http"])

    def kill(self) -> None:
        """SIGKILL: no farewell, nothing flushed."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, as an orderly shutdown."""
        self._end(signal.SIGTERM)

    @property
    def pid(self) -> int:
        """The process's number; 0 while there is none."""
        return self._process.pid if self._process else 0

    def get(self, path: str, **parameters: str) -> Any:
        """The JSON answer to a GET below /api."""
        answer = httpx.get(f"{self.url}/api{path}", params=parameters, timeout=REQUEST_TIMEOUT_S)
        return answer.json()

    def post(self, path: str, body: object = None, **parameters: str) -> Any:
        """The JSON answer to a POST below /api. Raises httpx.HTTPStatusError when it is refused."""
        answer = httpx.post(
            f"{self.url}/api{path}", json=body, params=parameters, timeout=REQUEST_TIMEOUT_S
        )
        answer.raise_for_status()
        return answer.json()

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        process.wait(STOP_PATIENCE_S)
        if process.stdout is not None:
            process.stdout.close()

    def _command(self) -> list[str]:
        command = [sys.executable, "-m", "sandbox.local_host", "--app", str(self._app_folder)]
        command += ["--port", "0", "--storage", self._storage]
        return [*command, "--state", str(self.state_path)]
