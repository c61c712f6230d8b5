"""Mail that never stops: from outside, between colleagues on both sides, and to lists whose members are on both sides.

The journey of every message is opened before it is sent, one for each person who must find it in their mailbox.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from sandbox.rehearsal.conversations import Conversations, Refusal, end_threads
from sandbox.rehearsal.letters import Letters
from sandbox.rehearsal.real_source import RealSource
from sandbox.world.mail import fingerprint
from sandbox.world.naming import domain_of
from sandbox.world.world import World

STRANGER = "client@example.net"
# A sender's server tries again like any; longer than any outage that is rehearsed, on a machine that is slow to end it.
RETRIED_FOR_S = 600.0
RETRY_S = 0.3
STOP_PATIENCE_S = RETRIED_FOR_S + 30.0
SENDER_COUNT = 6
# Of the five kinds of mail below; one message to a list becomes several.
WEIGHTS = (8, 4, 8, 1, 1)


class Post:
    """Sends `rate_per_s` messages a second, in real time, while the `with` block lasts."""

    def __init__(
        self, world: World, source: RealSource, addresses: tuple[str, ...], seed: int
    ) -> None:
        self._world = world
        self._source = source
        self._addresses = addresses
        self._lists = tuple(source.lists)
        self._luck = random.Random(f"{seed}/post")
        self._stop = threading.Event()
        self._own = threading.local()
        self._opened: list[Conversations] = []
        self._failures: list[Exception] = []
        self._threads = [
            threading.Thread(target=self._run, daemon=True) for _ in range(SENDER_COUNT)
        ]
        self.letters = Letters()
        self.rate_per_s = 1.0
        self.counts: Counter[str] = Counter()
        self.list_letters: Counter[str] = Counter()
        """{list: how many letters}"""
        self.mixed_letters: Counter[str] = Counter()
        """{list: how many letters while some members' mail went to the tenant and some members' home}"""

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
        self._stop.set()
        end_threads(self._threads, STOP_PATIENCE_S)
        if self._failures and problem is None:
            raise self._failures[0]

    def close(self) -> None:
        """Hang up everywhere; nothing is being sent any more."""
        for conversations in self._opened:
            conversations.close()

    @property
    def sent_count(self) -> int:
        """How many messages were accepted for sending, a list's counted once."""
        return self.counts.total()

    def from_outside(self, recipient: str, sender: str = STRANGER, *, port: int = 0) -> bytes:
        """Through the Postfix at this port, or else any; returns when it has accepted. The message as sent."""
        raw = self.letters.letter(sender, recipient)
        mark = fingerprint(raw)
        with self._world.kernel.look():
            now_utc = self._world.kernel.now_utc()
            person = self._world.naming.public_address(recipient)
            owners = self._source.lists.get(recipient, (person,))
            journeys = [
                self._world.trace.accept(mark, owner, "postfix", now_utc, raw) for owner in owners
            ]
        refused = self._sent(sender, recipient, raw, [port] if port else self._ports())
        for journey in journeys:
            journey.bounced = refused or None
        return raw

    def from_inside(self, colleague: str, recipient: str) -> bytes:
        """From a mailbox in the tenant; the message passes the tenant's rules."""
        raw = self.letters.letter(colleague, recipient)
        with self._world.kernel.look():
            self._world.tenant.transport.receive(raw, [recipient], sender=colleague)
        return raw

    def to_list(self, address: str, colleague: str = "") -> bytes:
        """From a colleague in the tenant, or else from outside."""
        self.list_letters[address] += 1
        self.mixed_letters[address] += self._is_mixed(address)
        if colleague:
            return self.from_inside(colleague, address)
        return self.from_outside(address)

    def _ports(self) -> list[int]:
        """Of every Postfix, in the order in which a sender tries them."""
        ports = [postfix.port for postfix in self._source.host.postfixes]
        self._luck.shuffle(ports)
        return ports

    def _sent(self, sender: str, recipient: str, raw: bytes, ports: list[int]) -> str:
        deadline_s = time.monotonic() + RETRIED_FOR_S
        while True:
            for port in ports:
                try:
                    self._conversations().hand_over(port, sender, recipient, raw)
                except Refusal as refusal:
                    return str(refusal)
                except OSError:
                    continue
                return ""
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"no Postfix took a message within {RETRIED_FOR_S:.0f} s")
            threading.Event().wait(RETRY_S)

    def _conversations(self) -> Conversations:
        """This thread's own."""
        if not hasattr(self._own, "conversations"):
            self._own.conversations = Conversations()
            self._opened.append(self._own.conversations)
        kept: Conversations = self._own.conversations
        return kept

    def _run(self) -> None:
        kinds = (
            self._from_a_stranger,
            self._from_a_colleague_at_home,
            self._from_a_colleague_in_the_cloud,
            self._to_a_list_from_outside,
            self._to_a_list_from_inside,
        )
        try:
            while not self._stop.wait(SENDER_COUNT / self.rate_per_s):
                (kind,) = self._luck.choices(kinds, WEIGHTS)
                if kind():
                    self.counts[kind.__name__.removeprefix("_").replace("_", " ")] += 1
        except Exception as failure:  # noqa: BLE001  raised again where the block ends
            self._failures.append(failure)

    def _from_a_stranger(self) -> bool:
        self.from_outside(self._luck.choice(self._addresses))
        return True

    def _from_a_colleague_at_home(self) -> bool:
        """Whose mail program hands everything to Postfix."""
        try:
            moved = self._moved()
        except ConnectionError:
            return False  # nobody can tell who is at home while the database is away; the next turn asks again
        at_home = [address for address in self._senders() if address not in moved]
        if at_home:
            self.from_outside(self._luck.choice(self._addresses), self._luck.choice(at_home))
        return bool(at_home)

    def _from_a_colleague_in_the_cloud(self) -> bool:
        in_cloud = self._in_cloud(self._senders())
        if not in_cloud:
            return False
        recipient = self._luck.choice(self._in_cloud(self._addresses))
        self.from_inside(self._luck.choice(in_cloud), recipient)
        return True

    def _to_a_list_from_outside(self) -> bool:
        if self._lists:
            self.to_list(self._luck.choice(self._lists))
        return bool(self._lists)

    def _to_a_list_from_inside(self) -> bool:
        in_cloud = self._in_cloud(self._senders())
        if not (in_cloud and self._lists):
            return False
        self.to_list(self._luck.choice(self._lists), self._luck.choice(in_cloud))
        return True

    def _is_mixed(self, address: str) -> bool:
        try:
            moved = self._moved() & set(self._source.lists[address])
        except ConnectionError:
            return False  # counted only when it is certain
        return 0 < len(moved) < len(self._source.lists[address])

    def _moved(self) -> set[str]:
        """Whose aliases point at the tenant. Raises ConnectionError."""
        initial = self._world.naming.initial_domain
        return {row[0] for row in self._world.aliases.all_rows() if domain_of(row[1]) == initial}

    def _senders(self) -> list[str]:
        """Who writes. Not those whose mailbox is full: a notice for them would come back to nobody."""
        return [address for address in self._addresses if address not in self._source.filled]

    def _in_cloud(self, addresses: Iterable[str]) -> list[str]:
        """Those of them who have a mailbox in the tenant."""
        mailboxes = self._world.tenant.mailboxes
        return [address for address in addresses if mailboxes.at_address(address) is not None]
