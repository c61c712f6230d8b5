"""Turn one address from one destination to another."""

from activities.alias_rows import require_only_way
from activities.subject import note, record_of
from activities.tenant_parts import require_sound_routing
from bascule.domain.requests import RouteFacts, SwitchRequest
from bascule.ports.bundle import Ports


def switch_route(ports: Ports, request: SwitchRequest) -> RouteFacts:
    """Replace the destination by compare-and-set; the one now in force.

    Idempotent, answer included: found already turned, nothing is written and the same answer comes back.

    Raises:
        NotYet: to the tenant, while what routes mail there is not as it was prepared, or while another row leads
            straight home: one that was added since the cutover began. The way back is always open.
        Refusal(ALIAS_CHANGED | ALIAS_MISSING | ALIAS_SECOND_DESTINATION): a person has edited the map.
    """
    record = record_of(ports, request.ref)
    if request.change.after == ports.plan.routing_address(record.address):
        require_sound_routing(ports)
        require_only_way(ports, record)
    route = ports.alias_map.switch(request.change)
    note(ports, record, "alias", request.change.before, request.change.after)
    return RouteFacts(route.destinations[0])
