"""Mail that never stops: from outside through Postfix, and between colleagues inside the tenant."""

import smtplib
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from sandbox.world.traffic import Correspondence
from sandbox.world.world import World

SMTP_TIMEOUT_S = 20.0
STOP_PATIENCE_S = 30.0


class Traffic:
    """Sends one message an interval, to everybody in turn, from both sides in turn, until the `with` block ends."""

    def __init__(
        self,
        world: World,
        addresses: tuple[str, ...],
        source_smtp: Mapping[str, Any],
        interval_s: float,
    ) -> None:
        """`interval_s` is real seconds."""
        self._world = world
        self._addresses = addresses
        self._server = (str(source_smtp["host"]), int(source_smtp["port"]))
        self._interval_s = interval_s
        self._letters = Correspondence(world.naming)
        self._stop = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self.sent_count = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(STOP_PATIENCE_S)
        if self._failure is not None and problem is None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._interval_s):
                recipient = self._addresses[(self.sent_count // 2) % len(self._addresses)]
                if self.sent_count % 2:
                    self._from_inside(recipient)
                else:
                    self.from_outside(recipient)
                self.sent_count += 1
        except Exception as failure:  # noqa: BLE001  raised again where the block ends
            self._failure = failure

    def from_outside(self, recipient: str) -> None:
        """Somebody's server finds Postfix by the MX record."""
        sender = "client@example.net"
        with smtplib.SMTP(*self._server, timeout=SMTP_TIMEOUT_S) as smtp:
            smtp.sendmail(sender, [recipient], self._letters.letter(sender, recipient))

    def _from_inside(self, recipient: str) -> None:
        """A colleague whose mailbox is in the tenant; before there is one, nobody can write from there."""
        colleagues = [
            address
            for address in self._addresses
            if address != recipient and self._world.tenant.mailboxes.at_address(address)
        ]
        if colleagues and self._world.tenant.mailboxes.at_address(recipient):
            colleague = colleagues[self.sent_count % len(colleagues)]
            self._world.mail_from_inside(colleague, recipient)
