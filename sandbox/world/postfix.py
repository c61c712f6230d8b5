"""The old mail transfer agent: accepts, expands aliases when mail enters the queue, delivers or relays.

    from outside -+                    +-> Dovecot INBOX      (user@ca.example.org)
                  +-> cleanup -> queue-+-> tenant transport   (user@exampleorg.onmicrosoft.com)
    from tenant --+   (aliases)        +-> bounce             (unknown, too many hops, too old)

An alias that changes while mail is queued does not move that mail: its destination was written down on entry.
Source: Postfix OVERVIEW, cleanup(8), virtual(5), postconf(5) hopcount_limit and maximal_queue_lifetime.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from itertools import count

from sandbox.world.aliases import AliasRows
from sandbox.world.kernel import Kernel
from sandbox.world.mail import fingerprint, header_count, with_header
from sandbox.world.naming import Naming, domain_of, local_part
from sandbox.world.source import INBOX, Source, SourceMailbox
from sandbox.world.trace import Journey, Trace
from sandbox.world.transport import Letter, Transport
from sandbox.world.weather import Span, Weather

# postconf(5) hopcount_limit: more `Received:` headers than this and cleanup bounces the message.
HOPCOUNT_MAX = 50

# postconf(5) maximal_queue_lifetime, 5 days: then a deferred message goes back to its sender.
QUEUE_LIFETIME = timedelta(days=5)
EXPIRED = "4.4.1 delivery temporarily suspended; message expired"

# postconf(5) virtual_alias_recursion_limit is 1000; an honest table nests two or three deep.
ALIAS_DEPTH_MAX = 1000


@dataclass(frozen=True)
class Queued:
    """One message in the queue for one final destination, fixed when it entered."""

    raw: bytes = field(repr=False)
    destination: str
    sender: str
    journey: Journey
    entered_utc: datetime


class Postfix:
    """One Postfix with its queue."""

    def __init__(
        self, kernel: Kernel, weather: Weather, trace: Trace, *, naming: Naming,
        aliases: AliasRows, source: Source, tenant_transport: Transport,
    ) -> None:  # fmt: skip
        self._kernel = kernel
        self._weather = weather
        self._trace = trace
        self._naming = naming
        self.aliases = aliases
        self._source = source
        self._tenant_transport = tenant_transport
        self.queue: dict[str, Queued] = {}
        self._queue_ids = count(1)

    def refusal_of(self, recipient: str) -> str | None:
        """The SMTP answer to RCPT TO for an address that is not ours; None when mail for it is accepted."""
        with self._kernel.look():
            if domain_of(recipient) not in {self._naming.domain, self._naming.source_domain}:
                return f"554 5.7.1 <{recipient}>: Relay access denied"
            if self._rows(recipient) or self._local(recipient):
                return None
            return f"550 5.1.1 <{recipient}>: Recipient address rejected: User unknown in virtual alias table"

    def receive(
        self, raw: bytes, recipients: list[str], *, sender: str = "", from_tenant: bool = False
    ) -> list[Journey]:
        """Accept a message, once for each recipient; answers their journeys.

        Mail that comes from the tenant by a real protocol is recognised by its content and keeps its journey.
        """
        with self._kernel.look():
            return [self._accept(raw, to.lower(), sender, from_tenant) for to in recipients]

    def receive_from_tenant(self, letter: Letter) -> None:
        """Accept a letter over the tenant's connector; an unknown recipient goes back as a bounce."""
        refusal = self.refusal_of(letter.recipient)
        if refusal is not None:
            letter.journey.bounced = refusal
            return
        self._enter(letter.raw, letter.recipient, letter.sender, letter.journey)

    def _accept(self, raw: bytes, recipient: str, sender: str, from_tenant: bool) -> Journey:
        mark = fingerprint(raw)
        owner = self._naming.public_address(recipient)
        journey = self._trace.under_way(mark, owner) if from_tenant else None
        if journey is None:
            journey = self._trace.accept(mark, owner, "postfix", self._kernel.now_utc(), raw)
        self._enter(raw, recipient, sender, journey)
        return journey

    def _enter(self, raw: bytes, recipient: str, sender: str, journey: Journey) -> None:
        received = _with_received(raw, recipient, self._kernel.now_utc())
        if header_count(received, "Received") > HOPCOUNT_MAX:
            journey.bounced = "5.4.0 Error: too many hops"
            return
        ends = list(self._expanded(recipient))
        if not ends:
            # Rows that lead in a circle: cleanup(8) takes nothing, and the sender gives up after days of trying.
            journey.bounced = "4.3.0 unreasonable virtual_alias_maps map nesting"
            return
        owners = sorted({owner for owner, _ in ends})
        by_owner = dict(zip(owners, self._trace.fork(journey, owners), strict=True))
        for owner, destination in ends:
            now_utc = self._kernel.now_utc()
            self._defer(
                Queued(received, destination, sender, by_owner[owner], now_utc),
                self._weather.smtp_hop,
            )

    def _expanded(self, recipient: str) -> Iterator[tuple[str, str]]:
        """Every (person, final destination) behind an address, each destination once."""
        seen: set[str] = set()
        waiting = [recipient]
        for _ in range(ALIAS_DEPTH_MAX):
            if not waiting:
                return
            address = waiting.pop(0)
            if address in seen:
                continue
            seen.add(address)
            further = self._rows(address)
            # virtual(5): an address that maps to itself ends the search there.
            waiting += [held for held in further if held != address]
            if not further or address in further:
                yield self._naming.public_address(address), address

    def _rows(self, address: str) -> list[str]:
        """virtual(5): the address's own rows; the domain's catch-all only when there are none."""
        own = self.aliases.rows_of(address)
        catch_all = [] if own else self.aliases.rows_of(f"@{domain_of(address)}")
        # virtual(5): one row may name several addresses, parted by commas or blanks.
        named = [
            each for row in own or catch_all for each in re.split(r"[,\s]+", row.lower()) if each
        ]
        # virtual(5): @otherdomain becomes the same user in otherdomain; this works for the first one only.
        if named and named[0].startswith("@"):
            named[0] = f"{local_part(address)}{named[0]}"
        return named

    def _defer(self, queued: Queued, span: Span) -> None:
        queue_id = f"Q{next(self._queue_ids)}"
        self.queue[queue_id] = queued
        delay_s = self._kernel.chance("postfix queue").uniform(span.min_s, span.max_s)
        self._kernel.after(delay_s, lambda: self._attempt(queue_id))

    def _attempt(self, queue_id: str) -> None:
        queued = self.queue.pop(queue_id)
        if self._kernel.now_utc() - queued.entered_utc > QUEUE_LIFETIME:
            queued.journey.bounced = EXPIRED
        elif (
            self._kernel.chance("postfix deferral").random()
            < self._weather.postfix_deferral_probability
        ):
            self._defer(queued, self._weather.postfix_retry)
        else:
            self._finish(queued)

    def _finish(self, queued: Queued) -> None:
        journey, domain = queued.journey, domain_of(queued.destination)
        mailbox = self._local(queued.destination)
        if mailbox is not None:
            self._deliver(mailbox, queued)
        elif domain == self._naming.initial_domain:
            journey.hops.append("postfix->tenant")
            self._tenant_transport.take(
                Letter(queued.raw, queued.destination, queued.sender, journey)
            )
        elif domain in {self._naming.domain, self._naming.source_domain}:
            journey.bounced = f"5.1.1 <{queued.destination}> User doesn't exist"
        else:
            journey.delivered_to.append("outside")

    def _local(self, destination: str) -> SourceMailbox | None:
        if domain_of(destination) != self._naming.source_domain:
            return None
        return self._source.at_address(destination)

    def _deliver(self, mailbox: SourceMailbox, queued: Queued) -> None:
        raw = with_header(queued.raw, "Delivered-To", queued.destination)
        raw = with_header(raw, "Return-Path", f"<{queued.sender}>")
        mailbox.store.folder(INBOX).add(raw, frozenset(), self._kernel.now_utc())
        queued.journey.delivered_to.append(f"source:{mailbox.address}")


def _with_received(raw: bytes, recipient: str, now_utc: datetime) -> bytes:
    value = f"from mail by mx.sandbox (Postfix) with ESMTP for <{recipient}>; {format_datetime(now_utc)}"
    return with_header(raw, "Received", value)
