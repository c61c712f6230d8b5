"""An app that answers what it was told to and remembers what it was asked, over HTTP on loopback."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    line: str
    body: bytes
    headers: dict[str, str]


@dataclass
class SmallApp:
    """`answers` by "METHOD /api/path?query": status and body; the last one stays."""

    url: str = ""
    answers: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def will_answer(self, line: str, body: Any, status: int = 200) -> None:
        """Queue an answer."""
        self.answers.setdefault(line, []).append((status, body))

    def answer_to(self, line: str) -> tuple[int, Any]:
        """The next answer to a request."""
        queued = self.answers.get(line, [(404, {"error": "bad_request", "mistakes": [line]})])
        return queued.pop(0) if len(queued) > 1 else queued[0]

    @property
    def lines(self) -> list[str]:
        """What was asked, in order."""
        return [each.line for each in self.asked]


@contextmanager
def small_app() -> Iterator[SmallApp]:
    """The app on a free port, until the end of the block."""
    app = SmallApp()

    class Door(BaseHTTPRequestHandler):
        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            line = f"{self.command} {self.path}"
            app.asked.append(Asked(line, body, dict(self.headers)))
            status, answer = app.answer_to(line)
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = _take  # noqa: N815  the library's name
        do_POST = _take  # noqa: N815

        def log_message(self, *_: object) -> None:  # the terminal belongs to the command
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        app.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield app
        finally:
            server.shutdown()
            thread.join()
