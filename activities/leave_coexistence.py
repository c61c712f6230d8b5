"""Take a mailbox out of the coexistence group."""

from activities.subject import note, record_of
from bascule.domain.records import MailboxRef
from bascule.ports.bundle import Ports


def leave_coexistence(ports: Ports, ref: MailboxRef) -> bool:
    """Not a member is success. Raises Refusal(GROUP_MISSING)."""
    record = record_of(ports, ref)
    ports.exchange.leave_coexistence(record.address)
    note(ports, record, "coexistence", "member", "")
    return True
