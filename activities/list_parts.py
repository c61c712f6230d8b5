"""Say what is to be prepared in the tenant."""

from activities.tenant_parts import planned_parts
from bascule.domain.errors import InvariantBroken
from bascule.domain.tenant_records import PREPARATION, PartList, Preparation, PreparationRef
from bascule.ports.bundle import Ports


def list_parts(ports: Ports, ref: PreparationRef) -> PartList:
    """Every part of the plan, in order.

    Raises:
        Refusal(REQUEST_REJECTED): the plan does not say where members' mail goes.
    """
    del ref
    asked = ports.documents.find(PREPARATION, Preparation)
    if asked is None:
        raise InvariantBroken("a preparation runs that nobody asked for")
    return PartList(planned_parts(ports), asked.is_repair, asked.asked_utc)
