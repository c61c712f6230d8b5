"""The platform's authentication in small: it says who is signed in, whatever the caller claims.

Source: "Work with user identities in Azure App Service authentication", Microsoft Learn.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import httpx

from tests.triggers.signed_in import principal

TIMEOUT_S = 60.0
# What the platform writes itself, and takes away from callers.
OWN_HEADERS = "x-ms-client-principal"
HOP_HEADERS = frozenset({"host", "connection", "content-length", "transfer-encoding"})


class FrontDoor:
    """Stands in front of one app as long as the `with` block; whoever comes is the one who is signed in."""

    def __init__(self, app_url: str) -> None:
        self.roles: tuple[str, ...] = ()
        """Roles of the one who is signed in."""
        door = self

        class Request(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                door._pass_on(self, app_url)

            do_POST = do_GET  # noqa: N815  its name there

            def log_message(self, format: str, *words: object) -> None:  # noqa: A002  its name there
                del format, words

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _pass_on(self, asked: BaseHTTPRequestHandler, app_url: str) -> None:
        body = asked.rfile.read(int(asked.headers.get("content-length", "0")))
        headers = {
            name: text
            for name, text in asked.headers.items()
            if name.lower() not in HOP_HEADERS and not name.lower().startswith(OWN_HEADERS)
        }
        headers[OWN_HEADERS] = principal(*self.roles)
        answer = httpx.request(
            asked.command, app_url + asked.path, content=body, headers=headers, timeout=TIMEOUT_S
        )
        asked.send_response(answer.status_code)
        asked.send_header("content-type", answer.headers.get("content-type", "text/plain"))
        asked.send_header("content-length", str(len(answer.content)))
        asked.end_headers()
        asked.wfile.write(answer.content)
