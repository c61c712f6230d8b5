"""See whether a mailbox is in the coexistence group, through the board that all mailboxes share."""

from activities.single_flight import refreshed
from activities.subject import record_of
from bascule.domain.addresses import mailbox_key
from bascule.domain.errors import NotYet
from bascule.domain.requests import MembershipQuestion
from bascule.ports.bundle import Ports

GROUP_BOARD = "group"
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
    refreshed(ports, GROUP_BOARD, question.since_utc, lambda: _members(ports))
    is_member = ports.boards.entry(GROUP_BOARD, mailbox_key(record.address)) is not None
    if is_member is not question.is_member:
        _look_again_soon(ports, question)
        wanted = "in" if question.is_member else "out of"
        raise NotYet(NOT_SEEN_WAIT_S, f"{record.address} is not yet {wanted} the group")
    return True


def _members(ports: Ports) -> dict[str, str]:
    return {mailbox_key(address): address for address in ports.exchange.coexistence_members()}


def _look_again_soon(ports: Ports, question: MembershipQuestion) -> None:
    """The board is young enough but shows the group before the write was replicated: read it anew."""
    head = ports.boards.head(GROUP_BOARD)
    if head.refreshed_utc is not None and head.refreshed_utc >= question.since_utc:
        refreshed(ports, GROUP_BOARD, ports.clock.now_utc(), lambda: _members(ports))
