"""SMTP conversations that stay open from one message to the next, as mail servers keep them."""

import smtplib
import threading
import time
from collections.abc import Iterable
from contextlib import suppress

from sandbox.servers.machine import LOOPBACK

SMTP_TIMEOUT_S = 30.0


class Refusal(Exception):
    """A server refused for good; the text is its answer."""


class Conversations:
    """One thread's open conversations with servers; each is kept for the next message, as mail servers do."""

    def __init__(self) -> None:
        self._open: dict[int, smtplib.SMTP] = {}

    def hand_over(self, port: int, sender: str, recipient: str, raw: bytes) -> None:
        """One message to one recipient.

        Raises:
            Refusal: with the server's answer.
            OSError: it cannot take the message now; nothing was accepted.
        """
        try:
            self._with(port).sendmail(sender, [recipient], raw)
        except smtplib.SMTPRecipientsRefused as refused:
            code, text = next(iter(refused.recipients.values()))
            raise _translated(code, text) from refused
        except smtplib.SMTPResponseException as refused:
            self._drop(port)
            raise _translated(refused.smtp_code, refused.smtp_error) from refused
        except OSError:
            self._drop(port)
            raise

    def close(self) -> None:
        """Say goodbye to everybody."""
        for port in list(self._open):
            self._drop(port)

    def _with(self, port: int) -> smtplib.SMTP:
        if port in self._open and not _is_awake(self._open[port]):
            self._drop(port)
        if port not in self._open:
            self._open[port] = smtplib.SMTP(LOOPBACK, port, timeout=SMTP_TIMEOUT_S)
        return self._open[port]

    def _drop(self, port: int) -> None:
        smtp = self._open.pop(port, None)
        if smtp is not None:
            with suppress(OSError):
                smtp.quit()
            smtp.close()


def end_threads(threads: Iterable[threading.Thread], patience_s: float) -> None:
    """Wait for threads that were told to end. Raises TimeoutError: one goes on, and uses what is about to be closed."""
    deadline_s = time.monotonic() + patience_s
    alive_count = 0
    for thread in threads:
        thread.join(max(0.0, deadline_s - time.monotonic()))
        alive_count += thread.is_alive()
    if alive_count:
        raise TimeoutError(f"{alive_count} threads go on {patience_s:.0f} s after their end")


def _is_awake(smtp: smtplib.SMTP) -> bool:
    """Whether a kept conversation can go on; asked before each message, so that none is sent into a broken one."""
    try:
        return smtp.noop()[0] == 250
    except OSError:
        return False


def _translated(code: int, text: bytes | str) -> Exception:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    # Source: RFC 5321 4.2.1: 4yz passes, 5yz stays.
    return Refusal(f"{code} {said}") if code >= 500 else OSError(f"{code} {said}")
