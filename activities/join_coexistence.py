"""Put a mailbox into the coexistence group."""

from activities.subject import note, record_of
from bascule.domain.errors import InvariantBroken
from bascule.domain.records import MailboxRef
from bascule.ports.bundle import Ports


def join_coexistence(ports: Ports, ref: MailboxRef) -> bool:
    """Make the mailbox a member; already one is success.

    Raises:
        InvariantBroken: its cutover has begun; only the rollback puts it back, after the alias.
        Refusal(GROUP_MISSING): the group is gone.
    """
    record = record_of(ports, ref)
    if record.has_begun_cutover and record.rollback_began_utc is None:
        raise InvariantBroken(
            f"{record.address}: its cutover has begun, it must not join the group"
        )
    ports.exchange.join_coexistence(record.address)
    note(ports, record, "coexistence", "", "member")
    return True
