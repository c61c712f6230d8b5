"""Say what is to be prepared in the tenant."""

from activities.completion_gate import is_closed_to_uploads
from activities.tenant_parts import planned_parts
from bascule.domain.errors import InvariantBroken, Refusal
from bascule.domain.tenant_records import PREPARATION, PartList, Preparation, PreparationRef
from bascule.ports.bundle import Ports

TOO_LATE = "the tenant is being completed: nothing is prepared or adopted any more"


def list_parts(ports: Ports, ref: PreparationRef) -> PartList:
    """Every part of the plan, in order; or why there is none, such as a plan that does not say where mail goes.

    A tenant that is closed for its completion has none any more: what is taken down would be put up again.
    """
    del ref
    asked = ports.documents.find(PREPARATION, Preparation)
    if asked is None:
        raise InvariantBroken("a preparation runs that nobody asked for")
    if is_closed_to_uploads(ports):
        return PartList((), asked.is_repair, asked.asked_utc, TOO_LATE)
    try:
        parts = planned_parts(ports)
    except Refusal as no:
        return PartList((), asked.is_repair, asked.asked_utc, no.detail)
    return PartList(parts, asked.is_repair, asked.asked_utc)
