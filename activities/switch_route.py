"""Turn one address from one destination to another."""

from datetime import timedelta

from activities.alias_rows import require_only_way
from activities.group_board import is_put_back
from activities.subject import note, record_of
from activities.tenant_parts import require_sound_routing
from bascule.domain.addresses import normal_address
from bascule.domain.codes import Code
from bascule.domain.errors import Conflict, Refusal
from bascule.domain.records import MailboxRecord
from bascule.domain.requests import RouteFacts, SwitchRequest
from bascule.domain.routes import RouteSwitch
from bascule.domain.stages import CUT_OVER
from bascule.ports.bundle import Ports

# A proof is believed for as long as the hold before it, and where a plan holds for less, as long as a row takes to be
# mended: proving anew costs the hold once more.
PROOF_AGE_MIN = timedelta(hours=1)


def switch_route(ports: Ports, request: SwitchRequest) -> RouteFacts:
    """Replace the destination by compare-and-set; the one now in force.

    Idempotent, answer included: found already turned, nothing is written and the same answer comes back. To the tenant
    only on a proof of late, and with a group that does not have the mailbox: on an old proof nothing is written, and the
    answer is the destination at home.

    Raises:
        Conflict: the row has moved on; on a host that was frozen this step runs long after its story has gone on.
        NotYet: to the tenant, while what routes mail there is not as it was prepared, or while another row leads
            straight home: one that was added since the cutover began. The way back is always open.
        Refusal(ALIAS_CHANGED | ALIAS_MISSING | ALIAS_SECOND_DESTINATION): a person has edited the map.
        Refusal(DETACH_NOT_PROVEN): somebody has put the mailbox back into the group since it was proven to be out.
    """
    record = record_of(ports, request.ref)
    is_to_tenant = request.change.after == ports.plan.routing_address(record.address)
    _refuse_overtaken(record, is_to_tenant=is_to_tenant)
    if is_to_tenant:
        require_sound_routing(ports)
        require_only_way(ports, record)
        if _is_to_be_proven_anew(ports, record, request.change):
            return RouteFacts(request.change.before)
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


def _is_to_be_proven_anew(ports: Ports, record: MailboxRecord, change: RouteSwitch) -> bool:
    """Whether the alias is at home and the proof too old to turn it on. Turned already, nothing is left to hold back."""
    is_old = _is_proof_old(ports, record)
    if not is_old and not is_put_back(ports, record):
        return False
    standing = [normal_address(each) for each in ports.alias_map.route(change.address).destinations]
    if standing != [normal_address(change.before)]:
        return False  # turned, or refused by the switch with its own code
    if is_old:
        return True
    why = f"{record.address} is in the coexistence group again: somebody has put it back"
    raise Refusal(Code.DETACH_NOT_PROVEN, why)


def _is_proof_old(ports: Ports, record: MailboxRecord) -> bool:
    """Proven when the stage was recorded; a retry clears `left_group_utc`, for nobody looked while it was set aside."""
    if record.left_group_utc is None or record.stage_since_utc is None:
        return True
    age_max = max(timedelta(seconds=ports.plan.cutover.hold_s), PROOF_AGE_MIN)
    return ports.clock.now_utc() - record.stage_since_utc > age_max
