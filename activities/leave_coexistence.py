"""Take a mailbox out of the coexistence group."""

from activities.subject import note, record_of
from activities.tenant_parts import require_sound_routing
from bascule.domain.errors import Conflict
from bascule.domain.records import MailboxRef
from bascule.ports.bundle import Ports


def leave_coexistence(ports: Ports, ref: MailboxRef) -> bool:
    """Not a member is success.

    Raises:
        Conflict: no cutover is under way any more; on a host that was frozen this step runs long after its story has gone on.
        NotYet: what routes mail in the tenant is not as it was prepared, until it is repaired.
        Refusal(GROUP_MISSING): there is no group.
    """
    record = record_of(ports, ref)
    if record.detach_began_utc is None or record.rollback_began_utc is not None:
        raise Conflict(f"{record.address} has moved on to {record.stage}: it stays in the group")
    require_sound_routing(ports)
    ports.exchange.leave_coexistence(record.address)
    note(ports, record, "coexistence", "member", "")
    return True
