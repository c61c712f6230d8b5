"""Threads that send mail must have ended before the servers are stopped. No server is needed."""

import threading

import pytest

from sandbox.rehearsal.conversations import end_threads


def test_a_thread_that_goes_on_is_told() -> None:
    """It would go on sending into the judgement, and use what is closed after it."""
    event = threading.Event()
    thread = threading.Thread(target=event.wait)
    thread.start()

    with pytest.raises(TimeoutError, match="1 threads go on"):
        end_threads([thread], 0.01)

    event.set()
    end_threads([thread], 30)
    assert not thread.is_alive()
