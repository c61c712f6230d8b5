"""The tenant's mail flow: every message, inside or out, passes one transport server, its rules, then its end.

    accepted -> (a server by chance) -> rules -> relayed by connector to Postfix
                                             -> delivered in the mailbox's Inbox
                                             -> unknown: relayed (InternalRelay) or bounced (Authoritative)

Mail to a distribution group is opened first: rules meet each member's message by itself.
Source: Microsoft Learn, "Mail flow rules", "Recipient resolution", "Manage accepted domains", "Fix NDR error code 5.4.14".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Protocol

from sandbox.world.cloud import CloudMailbox, CloudMailboxes
from sandbox.world.kernel import Kernel
from sandbox.world.mail import fingerprint, header, with_header
from sandbox.world.naming import Naming, domain_of
from sandbox.world.trace import Journey, Trace
from sandbox.world.weather import Weather

# Exchange Online cuts a loop after about this many passes: NDR 5.4.14, "Hop count exceeded - possible mail loop".
PASSES_MAX = 20

# Mail that cannot go on is tried again for a day, then returned. Source: Microsoft Learn, "Fix NDR error code 4.4.7".
RETRIED_FOR = timedelta(hours=24)
RETRY_S = 300.0

INBOX = "Inbox"


@dataclass(frozen=True)
class RelayDecision:
    """What a rule decided for one recipient: relay by this connector, with this header set on the way.

    Deferred: the connector cannot be used now and the rule says to wait rather than to deliver anyway.
    """

    connector_name: str
    stamp: tuple[str, str] | None = None
    is_deferred: bool = False


class Rules(Protocol):
    """The mail flow rules, as each transport server sees them at this moment."""

    def route(self, recipient: str, raw: bytes, server_index: int) -> RelayDecision | None:
        """Where a rule sends the message for this primary address; None when no rule fires."""
        ...


class SmartHost(Protocol):
    """The other end of an outbound connector."""

    def receive_from_tenant(self, letter: "Letter") -> None:
        """Take over the letter; its end, a bounce included, is the smart host's to record."""
        ...


class OpenedGroups(Protocol):
    """The distribution groups, as the categoriser opens them."""

    def people_in(self, address: str) -> list[str] | None:
        """The addresses of a group's people; None when the address is no group's."""
        ...


class Premises(Protocol):
    """What the transport needs to know of the tenant it serves."""

    @property
    def groups(self) -> OpenedGroups: ...
    @property
    def naming(self) -> Naming: ...
    @property
    def mailboxes(self) -> CloudMailboxes: ...
    @property
    def accepted_domains(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class Letter:
    """One message on its way to one recipient."""

    raw: bytes = field(repr=False)
    recipient: str
    sender: str
    journey: Journey


@dataclass(frozen=True)
class Departure:
    """A message that left the world: its recipient is at no domain of ours."""

    recipient: str
    raw: bytes = field(repr=False)


class Transport:
    """The transport servers of the tenant."""

    def __init__(self, kernel: Kernel, weather: Weather, trace: Trace, premises: Premises) -> None:
        self._kernel = kernel
        self._weather = weather
        self._trace = trace
        self._premises = premises
        self.rules: Rules | None = None
        self.smart_host: SmartHost | None = None
        self.departures: list[Departure] = []
        self.in_flight_count = 0

    def refusal_of(self, recipient: str) -> str | None:
        """The SMTP answer to RCPT TO for an address nobody here has; None when mail for it is accepted."""
        with self._kernel.look():
            kind = self._premises.accepted_domains.get(domain_of(recipient))
            if kind is None:
                return "550 5.7.64 TenantAttribution; Relay Access Denied"
            if kind == "InternalRelay" or self._premises.mailboxes.at_address(recipient):
                return None
            return "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)"

    def receive(
        self, raw: bytes, recipients: list[str], *, sender: str = "", from_source: bool = False
    ) -> list[Journey]:
        """Accept a message from inside or outside, once for each recipient; answers their journeys.

        Mail that comes from the source by a real protocol is recognised by its content and keeps its journey.
        """
        with self._kernel.look():
            people = [each for to in recipients for each in self._opened(to.lower())]
            return [self._accept(raw, to, sender, from_source) for to in dict.fromkeys(people)]

    def _opened(self, recipient: str) -> list[str]:
        """The people of a group; a group of nobody keeps its mail, which then has no mailbox to go to."""
        return self._premises.groups.people_in(recipient) or [recipient]

    def _accept(self, raw: bytes, recipient: str, sender: str, from_source: bool) -> Journey:
        mark = fingerprint(raw)
        owner = self._premises.naming.public_address(recipient)
        journey = self._trace.under_way(mark, owner) if from_source else None
        if journey is None:
            journey = self._trace.accept(mark, owner, "tenant", self._kernel.now_utc(), raw)
        else:
            journey.hops.append("postfix->tenant")
        self.take(Letter(raw, recipient, sender, journey))
        return journey

    def take(self, letter: Letter) -> None:
        """Queue a letter whose journey is open already."""
        span = self._weather.smtp_hop
        delay_s = self._kernel.chance("tenant transport").uniform(span.min_s, span.max_s)
        self.in_flight_count += 1
        self._kernel.after(delay_s, lambda: self._process(letter))

    def _process(self, letter: Letter) -> None:
        self.in_flight_count -= 1
        if _passes(letter.raw) >= PASSES_MAX:
            letter.journey.bounced = "5.4.14 Hop count exceeded - possible mail loop ATTR34"
            return
        server = self._kernel.chance("transport server").randrange(
            self._weather.transport_server_count
        )
        mailbox = self._premises.mailboxes.at_address(letter.recipient)
        address = mailbox.primary_address if mailbox else letter.recipient
        decision = self.rules.route(address, letter.raw, server) if self.rules else None
        if decision is not None and decision.is_deferred:
            self._wait(letter)
            return
        passed = _with_received(letter.raw, server, self._kernel.now_utc())
        if decision is not None:
            stamped = with_header(passed, *decision.stamp) if decision.stamp else passed
            self._relay(Letter(stamped, address, letter.sender, letter.journey))
        elif mailbox is not None:
            self._deliver(mailbox, Letter(passed, address, letter.sender, letter.journey))
        else:
            self._without_mailbox(Letter(passed, address, letter.sender, letter.journey))

    def _wait(self, letter: Letter) -> None:
        if self._kernel.now_utc() - letter.journey.accepted_utc > RETRIED_FOR:
            letter.journey.bounced = "4.4.7 QUEUE.Expired; message expired"
            return
        self.in_flight_count += 1
        self._kernel.after(RETRY_S, lambda: self._process(letter))

    def _without_mailbox(self, letter: Letter) -> None:
        kind = self._premises.accepted_domains.get(domain_of(letter.recipient))
        if kind == "InternalRelay":
            self._relay(letter)
        elif kind is not None:
            letter.journey.bounced = "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found"
        else:
            letter.journey.delivered_to.append("outside")
            self.departures.append(Departure(letter.recipient, letter.raw))

    def _relay(self, letter: Letter) -> None:
        if self.smart_host is None:
            letter.journey.bounced = "5.4.4 SMTPSEND.DNS.NonExistentDomain; nonexistent domain"
            return
        letter.journey.hops.append("tenant->postfix")
        self.smart_host.receive_from_tenant(letter)

    def _deliver(self, mailbox: CloudMailbox, letter: Letter) -> None:
        raw = with_message_id(letter.raw, letter.journey.journey_id, mailbox.exchange_guid)
        mailbox.store.folder(INBOX).add(raw, frozenset(), self._kernel.now_utc())
        letter.journey.delivered_to.append(f"cloud:{mailbox.primary_address}")


def with_message_id(raw: bytes, token: str, host: str) -> bytes:
    """The message with a Message-ID of the tenant's making when it has none."""
    if header(raw, "Message-ID") is not None:
        return raw
    return with_header(raw, "Message-ID", f"<{token}.{host}@prod.outlook.com>")


def _passes(raw: bytes) -> int:
    return raw.count(b".prod.outlook.com (sandbox)")


def _with_received(raw: bytes, server_index: int, now_utc: datetime) -> bytes:
    value = f"by EX{server_index}.prod.outlook.com (sandbox) with HTTPS; {format_datetime(now_utc)}"
    return with_header(raw, "Received", value)
