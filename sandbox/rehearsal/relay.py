"""The way from the tenant to the source over real SMTP: the connector's smart hosts, both tried.

The world's clock runs faster than the servers work; a letter is handed over in real time, by threads, so that neither
the world nor the tenant's own doors wait for it.
"""

import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sandbox.rehearsal.conversations import SMTP_TIMEOUT_S, Conversations, Refusal, end_threads
from sandbox.world.trace import Trace
from sandbox.world.transport import Letter

WORKER_COUNT = 3
# Exchange Online tries for a day; here time runs faster. Longer than any outage that is rehearsed, also on a slow machine.
RETRIED_FOR_S = 600.0
RETRY_S = 0.5
# One conversation may be waiting for an answer.
STOP_PATIENCE_S = SMTP_TIMEOUT_S + 30.0


@dataclass(frozen=True)
class _Waiting:
    letter: Letter
    since_s: float
    host_index: int


class SmtpRelay:
    """A smart host for the tenant's transport, with threads of its own while the `with` block lasts."""

    def __init__(
        self, ports: tuple[int, ...], trace: Trace, lists: Mapping[str, tuple[str, ...]]
    ) -> None:
        """`lists`: {address: members} of the lists that only Postfix knows, kept up by whoever makes them."""
        self._ports = ports
        self._trace = trace
        self._lists = lists
        self._letters: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, daemon=True) for _ in range(WORKER_COUNT)
        ]
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._turn = 0
        self.in_flight_count = 0

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        for _ in self._threads:
            self._letters.put(None)
        end_threads(self._threads, STOP_PATIENCE_S)

    def receive_from_tenant(self, letter: Letter) -> None:
        """Take over a letter; its bounce, if it comes to that, is written on its journey."""
        members = self._lists.get(letter.recipient)
        if members:
            self._trace.fork(letter.journey, list(members))
        with self._lock:
            self.in_flight_count += 1
            self._turn += 1
            first = self._turn
        self._letters.put(_Waiting(letter, time.monotonic(), first % len(self._ports)))

    def _work(self) -> None:
        conversations = Conversations()
        while True:
            waiting = self._letters.get()
            if waiting is None:
                conversations.close()
                return
            if self._is_done(waiting, conversations):
                with self._lock:
                    self.in_flight_count -= 1
            elif not self._stopping.wait(RETRY_S):
                # The other host next time: that is what a connector with two smart hosts is for.
                following = (waiting.host_index + 1) % len(self._ports)
                self._letters.put(_Waiting(waiting.letter, waiting.since_s, following))

    def _is_done(self, waiting: _Waiting, conversations: Conversations) -> bool:
        letter, port = waiting.letter, self._ports[waiting.host_index]
        try:
            conversations.hand_over(port, letter.sender, letter.recipient, letter.raw)
        except Refusal as refusal:
            letter.journey.bounced = str(refusal)
        except OSError:
            if time.monotonic() - waiting.since_s < RETRIED_FOR_S:
                return False
            letter.journey.bounced = "4.4.7 QUEUE.Expired; message expired"
        return True
