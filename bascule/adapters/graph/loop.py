"""One event loop in a thread of its own, for a library that only speaks asyncio.

The ports are synchronous, and the Graph client belongs to the loop of its first use: so there is one loop, it lives
as long as the adapter, and every caller hands its coroutine over and waits.
"""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import wait
from typing import Any, TypeVar

# A cancelled call ends at its next await; more than this means it blocks, and the daemon thread is left to die.
CLOSE_TIMEOUT_S = 5.0

T = TypeVar("T")


class LoopThread:
    """Runs coroutines for threads. Starts at the first `run`; `close` at the end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """The result of `work`, awaited in the loop; its exceptions are raised here.

        Raises:
            TimeoutError: not done after `timeout_s`; the work is cancelled, its effect unknown.
            RuntimeError: the thread was closed.
        """
        try:
            loop = self._started()
        except RuntimeError:
            work.close()
            raise
        future = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise

    def close(self, last: Coroutine[Any, Any, None] | None = None) -> None:
        """Await `last` in the loop, cancel what still runs, end the thread. Closing twice is harmless."""
        with self._guard:
            self._is_closed = True
            loop, thread, self._loop = self._loop, self._thread, None
        if loop is None or thread is None:
            if last is not None:
                last.close()
            return
        winding_up = asyncio.run_coroutine_threadsafe(_wound_up(last), loop)
        # A credential that hangs in its thread must not keep the caller: the loop stops either way.
        wait([winding_up], CLOSE_TIMEOUT_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(CLOSE_TIMEOUT_S)

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._guard:
            if self._is_closed:
                raise RuntimeError(f"the thread {self._name} is closed")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_turn, args=(self._loop,), name=self._name, daemon=True
                )
                self._thread.start()
            return self._loop


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()


async def _wound_up(last: Coroutine[Any, Any, None] | None) -> None:
    running = asyncio.all_tasks() - {asyncio.current_task()}
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    if last is not None:
        await last
    await asyncio.get_running_loop().shutdown_default_executor()
