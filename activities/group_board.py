"""Who is in the coexistence group as written, read once for everybody who asks."""

from datetime import datetime, timedelta

from activities.single_flight import refreshed
from bascule.domain.addresses import mailbox_key
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.records import MailboxRecord
from bascule.ports.bundle import Ports

GROUP_BOARD = "group"
# How old a reading may be that is to show whom somebody has put back: one is made for all who ask in these minutes.
READ_AGE_MAX = timedelta(minutes=5)


def is_member(ports: Ports, record: MailboxRecord, since_utc: datetime) -> bool:
    """Whether the group, read at `since_utc` or later, has the mailbox.

    Raises:
        NotYet: not read since then, and somebody else is reading it, or has a moment ago.
        Refusal(GROUP_MISSING): the group is gone.
    """
    look_at_group(ports, since_utc)
    return ports.boards.entry(GROUP_BOARD, mailbox_key(record.address)) is not None


def is_put_back(ports: Ports, record: MailboxRecord) -> bool:
    """Whether a mailbox that has left the group is in it again, lately read. A group that is gone has nobody.

    Raises:
        NotYet: as `is_member`.
    """
    try:
        return is_member(ports, record, ports.clock.now_utc() - READ_AGE_MAX)
    except Refusal as no:
        if no.code is Code.GROUP_MISSING:
            return False
        raise


def look_at_group(ports: Ports, since_utc: datetime) -> None:
    """Read the group unless it was read at `since_utc` or later. Raises as `is_member`."""
    refreshed(ports, GROUP_BOARD, since_utc, lambda: _members(ports))


def _members(ports: Ports) -> dict[str, str]:
    return {mailbox_key(address): address for address in ports.exchange.coexistence_members()}
