"""Take a tenant that somebody prepared by hand for what the guard compares with."""

from activities.completion_gate import is_closed_to_uploads
from activities.list_parts import TOO_LATE
from activities.tenant_parts import bind, compared, note_tenant, planned_objects
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.tenant import CoexistenceGroup, Difference
from bascule.domain.tenant_records import DRIFT, RECORD, Drift, TenantRecord
from bascule.ports.bundle import Ports


def adopt_tenant(ports: Ports, asked_by: str) -> tuple[Difference, ...]:
    """Record what is found; the differences from the plan that are adopted with it. Writes nothing in the tenant.

    Raises:
        Refusal(REQUEST_REJECTED): mail would not take the ways that the plan wants, or the plan does not say which; or the
            tenant is closed for its completion, whose end takes the record away.
    """
    _refuse_when_closed(ports)
    found, objects = compared(ports, planned_objects(ports))
    dangers = [str(each) for each in found if each.endangers_routing]
    if dangers:
        raise Refusal(Code.REQUEST_REJECTED, f"not as planned: {'; '.join(dangers)}")
    # The look has taken seconds, and somebody may have said the word meanwhile.
    _refuse_when_closed(ports)
    now_utc = ports.clock.now_utc()
    for group in objects:
        if isinstance(group, CoexistenceGroup):
            bind(ports, group)
    ports.documents.amend(RECORD, TenantRecord, lambda _: TenantRecord(objects, now_utc, asked_by))
    ports.documents.amend(DRIFT, Drift, lambda _: Drift(looked_utc=now_utc))
    note_tenant(ports, "tenant", "", "adopted", asked_by)
    return found


def _refuse_when_closed(ports: Ports) -> None:
    if is_closed_to_uploads(ports):
        raise Refusal(Code.REQUEST_REJECTED, TOO_LATE)
