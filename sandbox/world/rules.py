"""Mail flow rules and connectors: where a message goes before it reaches a mailbox.

Every transport server works by its own copy of rules and connectors; a change reaches each of them after its own
delay. A rule remembers its groups by GUID: a group deleted and made again under the same address is another group, and
the rule stays without effect.

Source: Microsoft Learn, "Mail flow rules (transport rules) in Exchange Online", "Conditional mail routing".
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from sandbox.world.connectors import InboundConnector, OutboundConnector
from sandbox.world.exchange_refusals import AlreadyExists, InvalidArgument, NotFound
from sandbox.world.groups import Groups
from sandbox.world.kernel import Kernel
from sandbox.world.mail import header
from sandbox.world.replication import Replicated, new_guid
from sandbox.world.transport import RelayDecision
from sandbox.world.weather import Weather

Named = TypeVar("Named", "TransportRule", "OutboundConnector", "InboundConnector")

# Rules an organisation may have. Source: Microsoft Learn, "Exchange Online limits", transport rule limits.
RULES_COUNT_MAX = 300


class RuleMode(StrEnum):
    """Whether a rule acts or only says what it would do."""

    ENFORCE = "Enforce"
    AUDIT = "Audit"
    AUDIT_AND_NOTIFY = "AuditAndNotify"


class RuleErrorAction(StrEnum):
    """What becomes of a message whose rule cannot be carried out."""

    IGNORE = "Ignore"
    DEFER = "Defer"


@dataclass(frozen=True)
class TransportRule:
    """One mail flow rule: whom it concerns, what it spares, what it does."""

    guid: str
    name: str
    sent_to_member_of: tuple[str, ...] = ()
    group_guids: tuple[str, ...] = ()
    connector: str | None = None
    except_header: str | None = None
    except_words: tuple[str, ...] = ()
    stamp_name: str | None = None
    stamp_value: str | None = None
    stops: bool = False
    error_action: RuleErrorAction = RuleErrorAction.IGNORE
    mode: RuleMode = RuleMode.ENFORCE
    is_enabled: bool = True
    comments: str = ""

    def answers_to(self, identity: str) -> bool:
        """Whether the identity (GUID or name) names this rule."""
        return identity.lower() in {self.guid, self.name.lower()}


@dataclass(frozen=True)
class Routed:
    """What the rules decided for one recipient of one message.

    `connector` None: deliver as usual. `is_deferred`: try again later, deliver nowhere yet.
    """

    connector: OutboundConnector | None
    stamps: tuple[tuple[str, str], ...] = ()
    is_deferred: bool = False


@dataclass(frozen=True)
class _Flow:
    """Rules in order of priority, and connectors: what one server works by."""

    rules: tuple[TransportRule, ...] = ()
    outbound: tuple[OutboundConnector, ...] = ()


@dataclass
class Rules:
    """All mail flow rules and connectors of the tenant."""

    kernel: Kernel
    weather: Weather
    groups: Groups
    inbound: list[InboundConnector] = field(default_factory=list)

    def __post_init__(self) -> None:
        lag = self.weather.exchange_replication
        self._read = Replicated(self.kernel, lag, "exchange-replication", _Flow())
        self._servers = [
            Replicated(self.kernel, self.weather.rule_change, f"rule-change-{index}", _Flow())
            for index in range(self.weather.transport_server_count)
        ]

    # -- routing ------------------------------------------------------------------------------

    def route(self, recipient: str, raw: bytes, server_index: int) -> RelayDecision | None:
        """Where one transport server sends a message for one recipient; None when it is delivered as usual."""
        verdict = self.decide(recipient, raw, server_index)
        if verdict is not None and verdict.is_deferred:
            return RelayDecision("", is_deferred=True)
        if verdict is None or verdict.connector is None:
            return None
        stamp = verdict.stamps[-1] if verdict.stamps else None
        return RelayDecision(verdict.connector.name, stamp)

    def decide(self, recipient_address: str, raw: bytes, server_index: int) -> Routed | None:
        """What one transport server's rules do with a message for one recipient; None when no rule acts on it."""
        with self.kernel.look():
            flow = self._servers[server_index].seen()
            verdict = Routed(None)
            for rule in flow.rules:
                if not self._concerns(rule, recipient_address, raw, server_index):
                    continue
                verdict = _applied(rule, verdict, flow)
                if rule.stops or verdict.is_deferred:
                    break
            return verdict if verdict != Routed(None) else None

    def outbound_for(self, recipient_address: str, server_index: int) -> OutboundConnector | None:
        """The enabled connector that takes mail for the address's domain without a rule; None when there is none.

        For unknown recipients of a relayed domain. The connector naming the domain wins over `*`.
        """
        with self.kernel.look():
            domain = recipient_address.rpartition("@")[2].lower()
            usable = [
                connector
                for connector in self._servers[server_index].seen().outbound
                if connector.is_enabled and not connector.is_rule_scoped
            ]
            for wanted in (domain, "*"):
                for connector in usable:
                    if wanted in connector.recipient_domains:
                        return connector
            return None

    def _concerns(
        self, rule: TransportRule, recipient_address: str, raw: bytes, server_index: int
    ) -> bool:
        if not rule.is_enabled or rule.mode is not RuleMode.ENFORCE or _is_excepted(rule, raw):
            return False
        if not rule.sent_to_member_of:
            return True
        return any(
            self.groups.effective_member(guid, recipient_address, server_index)
            for guid in rule.group_guids
        )

    # -- rules --------------------------------------------------------------------------------

    def rules_seen(self) -> tuple[TransportRule, ...]:
        """The rules in order of priority, as a reader sees them."""
        with self.kernel.look():
            return self._read.seen().rules

    def rule_written(self, identity: str) -> TransportRule:
        """The rule as written last.

        Raises:
            NotFound: there is no such rule.
        """
        with self.kernel.look():
            return _require(identity, self._read.latest().rules)

    def add_rule(self, rule: TransportRule, priority: int | None = None) -> TransportRule:
        """Add a rule at a priority, 0 first; at the end when none is given.

        Raises:
            AlreadyExists: a rule of that name exists.
            InvalidArgument: the priority is out of range, or the connector is unknown or not for rules.
            NotFound: one of its groups does not exist.
        """
        with self.kernel.look():
            rules = self._read.latest().rules
            if any(rule.name.lower() == other.name.lower() for other in rules):
                raise AlreadyExists(f'A rule with the name "{rule.name}" already exists.')
            if len(rules) >= RULES_COUNT_MAX:
                raise InvalidArgument(
                    f"An organization can't have more than {RULES_COUNT_MAX} rules."
                )
            rule = self._bound_to_groups(replace(rule, guid=new_guid(self.kernel)))
            self._write_rules(_inserted(rules, rule, priority))
            return rule

    def change_rule(self, rule: TransportRule, priority: int | None = None) -> None:
        """Replace the rule of that GUID; a priority moves it.

        Raises:
            InvalidArgument, NotFound: as `add_rule`.
        """
        with self.kernel.look():
            rules = self._read.latest().rules
            old = _require(rule.guid, rules)
            if rule.sent_to_member_of != old.sent_to_member_of or rule.connector != old.connector:
                rule = self._bound_to_groups(rule)
            if priority is None:
                self._write_rules(tuple(rule if r.guid == rule.guid else r for r in rules))
            else:
                others = tuple(r for r in rules if r.guid != rule.guid)
                self._write_rules(_inserted(others, rule, priority))

    def remove_rule(self, identity: str) -> None:
        """Delete a rule.

        Raises:
            NotFound: there is no such rule.
        """
        with self.kernel.look():
            gone = self.rule_written(identity)
            self._write_rules(tuple(r for r in self._read.latest().rules if r.guid != gone.guid))

    def _bound_to_groups(self, rule: TransportRule) -> TransportRule:
        if rule.connector is not None:
            connector = _require(rule.connector, self._read.latest().outbound)
            if not connector.is_rule_scoped:
                raise InvalidArgument(
                    f"The connector \"{connector.name}\" can't be used in a rule because it isn't "
                    "transport rule scoped."
                )
        groups = [self.groups.require(address) for address in rule.sent_to_member_of]
        return replace(rule, group_guids=tuple(group.guid for group in groups))

    # -- connectors ---------------------------------------------------------------------------

    def outbound_seen(self) -> tuple[OutboundConnector, ...]:
        """The outbound connectors as a reader sees them, by name."""
        with self.kernel.look():
            return tuple(sorted(self._read.seen().outbound, key=lambda found: found.name))

    def outbound_written(self, identity: str) -> OutboundConnector:
        """The connector as written last.

        Raises:
            NotFound: there is no such connector.
        """
        with self.kernel.look():
            return _require(identity, self._read.latest().outbound)

    def add_outbound(self, connector: OutboundConnector) -> OutboundConnector:
        """Add an outbound connector.

        Raises:
            AlreadyExists: one of that name exists.
            InvalidArgument: it has nowhere to send to.
        """
        with self.kernel.look():
            known = self._read.latest().outbound
            if any(connector.name.lower() == other.name.lower() for other in known):
                raise AlreadyExists(f'The connector "{connector.name}" already exists.')
            if not connector.uses_mx and not connector.smart_hosts:
                raise InvalidArgument("SmartHosts must be specified when UseMXRecord is false.")
            connector = replace(connector, guid=new_guid(self.kernel))
            self._write_outbound((*known, connector))
            return connector

    def change_outbound(self, connector: OutboundConnector) -> None:
        """Replace the connector of that GUID."""
        with self.kernel.look():
            known = self._read.latest().outbound
            self._write_outbound(tuple(connector if c.guid == connector.guid else c for c in known))

    def remove_outbound(self, identity: str) -> None:
        """Delete a connector.

        Raises:
            NotFound: there is no such connector.
            InvalidArgument: a rule sends mail through it.
        """
        with self.kernel.look():
            gone = self.outbound_written(identity)
            user = next((r for r in self._read.latest().rules if _uses(r, gone)), None)
            if user is not None:
                raise InvalidArgument(
                    f"The connector \"{gone.name}\" can't be removed because it's used by the "
                    f'transport rule "{user.name}".'
                )
            known = self._read.latest().outbound
            self._write_outbound(tuple(c for c in known if c.guid != gone.guid))

    def add_inbound(self, connector: InboundConnector) -> InboundConnector:
        """Add an inbound connector.

        Raises:
            AlreadyExists: one of that name exists.
        """
        with self.kernel.look():
            if any(connector.name.lower() == other.name.lower() for other in self.inbound):
                raise AlreadyExists(f'The connector "{connector.name}" already exists.')
            connector = replace(connector, guid=new_guid(self.kernel))
            self.inbound.append(connector)
            return connector

    def inbound_written(self, identity: str) -> InboundConnector:
        """The inbound connector as written last.

        Raises:
            NotFound: there is no such connector.
        """
        with self.kernel.look():
            return _require(identity, tuple(self.inbound))

    def change_inbound(self, connector: InboundConnector) -> None:
        """Replace the inbound connector of that GUID."""
        with self.kernel.look():
            self.inbound[:] = [connector if c.guid == connector.guid else c for c in self.inbound]

    def remove_inbound(self, identity: str) -> None:
        """Delete an inbound connector.

        Raises:
            NotFound: there is no such connector.
        """
        with self.kernel.look():
            self.inbound.remove(_require(identity, tuple(self.inbound)))

    def _write_rules(self, rules: tuple[TransportRule, ...]) -> None:
        self._publish(lambda flow: replace(flow, rules=rules))

    def _write_outbound(self, outbound: tuple[OutboundConnector, ...]) -> None:
        self._publish(lambda flow: replace(flow, outbound=outbound))

    def _publish(self, change: Callable[[_Flow], _Flow]) -> None:
        flow = change(self._read.latest())
        self._read.write(flow)
        for server in self._servers:
            server.write(flow)


def _applied(rule: TransportRule, verdict: Routed, flow: _Flow) -> Routed:
    stamps = verdict.stamps
    if rule.stamp_name is not None and rule.stamp_value is not None:
        stamps = (*stamps, (rule.stamp_name, rule.stamp_value))
    if rule.connector is None:
        return replace(verdict, stamps=stamps)
    connector = next((c for c in flow.outbound if c.answers_to(rule.connector or "")), None)
    if connector is not None and connector.is_enabled:
        return Routed(connector, stamps)
    if rule.error_action is RuleErrorAction.DEFER:
        return replace(verdict, is_deferred=True)
    return verdict


def _is_excepted(rule: TransportRule, raw: bytes) -> bool:
    if rule.except_header is None:
        return False
    value = (header(raw, rule.except_header) or "").lower().split()
    return any(word.lower() in value for word in rule.except_words)


def _inserted(
    rules: tuple[TransportRule, ...], rule: TransportRule, priority: int | None
) -> tuple[TransportRule, ...]:
    place = len(rules) if priority is None else priority
    if not 0 <= place <= len(rules):
        raise InvalidArgument(
            f"The priority {place} isn't valid. Specify a value between 0 and {len(rules)}."
        )
    return (*rules[:place], rule, *rules[place:])


def _uses(rule: TransportRule, connector: OutboundConnector) -> bool:
    return rule.connector is not None and connector.answers_to(rule.connector)


def _require(identity: str, named: tuple[Named, ...]) -> Named:
    found = next((item for item in named if item.answers_to(identity)), None)
    if found is None:
        raise NotFound.object_named(identity)
    return found
