"""A storage account that answers every request with one refusal."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "a2V5"


@dataclass
class BusyStorage:
    """Where it listens, and how often it was asked."""

    port: int
    asked_count: int = 0

    @property
    def connection_string(self) -> str:
        """How clients reach it."""
        end = f"http://127.0.0.1:{self.port}/busy"
        return f"AccountName=busy;AccountKey={KEY};BlobEndpoint={end};TableEndpoint={end};"


@contextmanager
def busy_storage(status: int, retry_after_s: int) -> Iterator[BusyStorage]:
    """Refuse everything with this status until the block ends."""

    class Refuse(BaseHTTPRequestHandler):
        def do_any(self) -> None:
            storage.asked_count += 1
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Retry-After", str(retry_after_s))
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_any  # noqa: N815  the names of the library

        def log_message(self, *_: object) -> None:
            """Nothing: the test knows what it asked."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuse)
    storage = BusyStorage(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield storage
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
