"""Say what is to be prepared in the tenant."""

from activities.tenant_parts import planned_parts
from bascule.domain.errors import InvariantBroken, Refusal
from bascule.domain.tenant_records import PREPARATION, PartList, Preparation, PreparationRef
from bascule.ports.bundle import Ports


def list_parts(ports: Ports, ref: PreparationRef) -> PartList:
    """Every part of the plan, in order; or why there is none, such as a plan that does not say where mail goes."""
    del ref
    asked = ports.documents.find(PREPARATION, Preparation)
    if asked is None:
        raise InvariantBroken("a preparation runs that nobody asked for")
    try:
        parts = planned_parts(ports)
    except Refusal as no:
        return PartList((), asked.is_repair, asked.asked_utc, no.detail)
    return PartList(parts, asked.is_repair, asked.asked_utc)
