"""Find out whether somebody has put a mailbox back into the coexistence group."""

from activities.group_board import is_put_back
from activities.subject import record_of
from bascule.domain.records import MailboxRef
from bascule.ports.bundle import Ports


def find_membership(ports: Ports, ref: MailboxRef) -> bool:
    """Whether it is a member, by a reading of the last minutes; a group that is gone has nobody.

    Raises:
        NotYet: not read so lately, and somebody else is reading it.
    """
    return is_put_back(ports, record_of(ports, ref))
