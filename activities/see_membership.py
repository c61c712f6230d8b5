"""See whether a mailbox is in the coexistence group, through the board that all mailboxes share."""

from activities.group_board import GROUP_BOARD, is_member, look_at_group
from activities.subject import record_of
from bascule.domain.errors import NotYet
from bascule.domain.requests import MembershipQuestion
from bascule.ports.bundle import Ports

# Writes to the directory are seen by reads after seconds, sometimes minutes.
NOT_SEEN_WAIT_S = 30.0


def see_membership(ports: Ports, question: MembershipQuestion) -> bool:
    """True when the group, read after `since_utc`, is as asked.

    This is the group as written. What the transport servers still remember, only a probe can tell.

    Raises:
        NotYet: not read since then, or not yet as asked.
        Refusal(GROUP_MISSING): the group is gone.
    """
    record = record_of(ports, question.ref)
    if is_member(ports, record, question.since_utc) is not question.is_member:
        _look_again_soon(ports, question)
        wanted = "in" if question.is_member else "out of"
        raise NotYet(NOT_SEEN_WAIT_S, f"{record.address} is not yet {wanted} the group")
    return True


def _look_again_soon(ports: Ports, question: MembershipQuestion) -> None:
    """The board is young enough but shows the group before the write was replicated: read it anew."""
    head = ports.boards.head(GROUP_BOARD)
    if head.refreshed_utc is not None and head.refreshed_utc >= question.since_utc:
        look_at_group(ports, ports.clock.now_utc())
