"""Take down the way from the tenant back to Postfix.

The rule goes first, because it is what uses the others: a connector that a rule names cannot be removed, and a rule whose
group is gone does nothing and says nothing. The group goes last; its members have no other meaning.
"""

from activities.completion_gate import advance, pass_gate
from activities.removals import take_down
from bascule.domain.addresses import normal_address
from bascule.domain.completion import CompletionRef, Phase, Word
from bascule.domain.tenant import (
    CoexistenceGroup,
    InboundConnector,
    OutboundConnector,
    RoutingRule,
    TenantObject,
)
from bascule.ports.bundle import Ports


def remove_routing(ports: Ports, ref: CompletionRef) -> bool:
    """Repeatable; each object is read back as gone before the next one goes.

    Raises:
        Refusal(MAILBOXES_UNPROVEN): somebody's mail still takes this way.
        NotYet: an object is still to be seen.
    """
    del ref
    pass_gate(ports, Word.ROUTING)
    for kind, name in _in_safe_order(ports):
        take_down(ports, kind, name, Word.ROUTING)
    advance(ports, Phase.ROUTING, Phase.ENDPOINT)
    return True


def _in_safe_order(ports: Ports) -> tuple[tuple[type[TenantObject], str], ...]:
    flow = ports.plan.mail_flow
    return (
        (RoutingRule, flow.rule),
        (OutboundConnector, flow.outbound_connector),
        (InboundConnector, flow.inbound_connector),
        (CoexistenceGroup, normal_address(ports.plan.tenant.coexistence_group)),
    )
