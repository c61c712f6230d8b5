"""Take a mailbox out of the coexistence group."""

from activities.subject import note, record_of
from activities.tenant_parts import require_sound_routing
from bascule.domain.records import MailboxRef
from bascule.ports.bundle import Ports


def leave_coexistence(ports: Ports, ref: MailboxRef) -> bool:
    """Not a member is success.

    Raises:
        NotYet: what routes mail in the tenant is not as it was prepared, until it is repaired.
        Refusal(GROUP_MISSING): there is no group.
    """
    record = record_of(ports, ref)
    require_sound_routing(ports)
    ports.exchange.leave_coexistence(record.address)
    note(ports, record, "coexistence", "member", "")
    return True
