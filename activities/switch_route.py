"""Turn one address from one destination to another."""

from activities.alias_rows import require_only_way
from activities.subject import note, record_of
from activities.tenant_parts import require_sound_routing
from bascule.domain.errors import Conflict
from bascule.domain.records import MailboxRecord
from bascule.domain.requests import RouteFacts, SwitchRequest
from bascule.domain.stages import CUT_OVER
from bascule.ports.bundle import Ports


def switch_route(ports: Ports, request: SwitchRequest) -> RouteFacts:
    """Replace the destination by compare-and-set; the one now in force.

    Idempotent, answer included: found already turned, nothing is written and the same answer comes back.

    Raises:
        Conflict: the row has moved on; on a host that was frozen this step runs long after its story has gone on.
        NotYet: to the tenant, while what routes mail there is not as it was prepared, or while another row leads
            straight home: one that was added since the cutover began. The way back is always open.
        Refusal(ALIAS_CHANGED | ALIAS_MISSING | ALIAS_SECOND_DESTINATION): a person has edited the map.
    """
    record = record_of(ports, request.ref)
    is_to_tenant = request.change.after == ports.plan.routing_address(record.address)
    _refuse_overtaken(record, is_to_tenant=is_to_tenant)
    if is_to_tenant:
        require_sound_routing(ports)
        require_only_way(ports, record)
    route = ports.alias_map.switch(request.change)
    note(ports, record, "alias", request.change.before, request.change.after)
    return RouteFacts(route.destinations[0])


def _refuse_overtaken(record: MailboxRecord, *, is_to_tenant: bool) -> None:
    """To the tenant only once DETACHED is recorded, home only on the way back."""
    is_on_way_back = record.rollback_began_utc is not None
    is_due = (
        not is_on_way_back and record.proven_stage in CUT_OVER if is_to_tenant else is_on_way_back
    )
    if not is_due:
        raise Conflict(f"{record.address} has moved on to {record.stage}: its alias stays as it is")
