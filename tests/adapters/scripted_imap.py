"""An IMAP server that says canned lines: oddities seen in the wild, byte by byte."""

import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from bascule.domain.plan import SourcePlan

GREETING = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n"
END_PATIENCE_S = 5

DEFAULTS: Mapping[bytes, bytes] = {
    b"CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n$ OK done\r\n",
    b"AUTHENTICATE": b"$ OK [CAPABILITY IMAP4rev1] in\r\n",
    b"LOGIN": b"$ OK [CAPABILITY IMAP4rev1] in\r\n",
    b"LOGOUT": b"* BYE bye\r\n$ OK bye\r\n",
}


@dataclass
class ScriptedImap:
    """What it answers to which command, and what it was told; `$` stands for the command's tag."""

    answers: dict[bytes, bytes]
    greeting: bytes = GREETING
    heard: list[bytes] = field(default_factory=list)
    port: int = 0

    @property
    def plan(self) -> SourcePlan:
        """How the product reaches it."""
        return SourcePlan(
            "127.0.0.1", self.port, security="none", connect_timeout_s=1, read_timeout_s=1
        )

    def talk(self, connection: socket.socket) -> None:
        """Answer until the client leaves; a command without an answer ends the connection."""
        stream = connection.makefile("rwb", buffering=0)
        stream.write(self.greeting)
        for line in iter(stream.readline, b""):
            self.heard.append(line.strip())
            tag, _, command = line.strip().partition(b" ")
            if command.startswith(b"AUTHENTICATE"):
                stream.write(b"+ \r\n")
                self.heard.append(stream.readline().strip())
            answer = self._answer(command)
            if answer is None:
                return
            literal = re.search(rb"\{(\d+)\}$", command)
            if literal:
                stream.write(b"+ go\r\n")
                self.heard.append(stream.read(int(literal.group(1))))
                stream.readline()
            stream.write(re.sub(rb"(?m)^\$", tag, answer))

    def _answer(self, command: bytes) -> bytes | None:
        known = {**DEFAULTS, **self.answers}
        fitting = [begin for begin in known if command.upper().startswith(begin.upper())]
        return known[max(fitting, key=len)] if fitting else None


@contextmanager
def scripted_imap(
    answers: dict[bytes, bytes], greeting: bytes = GREETING
) -> Iterator[ScriptedImap]:
    """A server for one connection at a time; it ends with the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    script = ScriptedImap(dict(answers), greeting, port=listener.getsockname()[1])

    def serve() -> None:
        # The listener is closed at the end of the block, which ends the loop.
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    script.talk(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(END_PATIENCE_S)
