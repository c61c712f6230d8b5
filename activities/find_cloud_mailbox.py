"""See that the cloud mailbox is open, at the right addresses."""

from activities.subject import record_of
from bascule.domain.codes import Code
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.requests import CloudMailboxQuestion
from bascule.ports.bundle import Ports

# Mailboxes open minutes after their licence, sometimes hours.
NOT_OPEN_WAIT_S = 60.0


def find_cloud_mailbox(ports: Ports, question: CloudMailboxQuestion) -> bool:
    """True once Exchange has the mailbox and the mailbox service answers for it.

    Raises:
        NotYet: not there yet; every way of not being there counts as that.
        Refusal(ADDRESS_MISMATCH): its primary address is another, or Postfix could not forward to it.
    """
    record = record_of(ports, question.ref)
    mailbox = ports.exchange.find_mailbox(record.address)
    if mailbox is None or not ports.directory.is_mailbox_open(question.account_id):
        raise NotYet(NOT_OPEN_WAIT_S, "the cloud mailbox is not open yet")
    if mailbox.address != record.address:
        raise Refusal(
            Code.ADDRESS_MISMATCH,
            f"the cloud mailbox's primary address is {mailbox.address}, not {record.address}",
        )
    routing_address = ports.plan.routing_address(record.address)
    if routing_address not in mailbox.addresses:
        raise Refusal(
            Code.ADDRESS_MISMATCH, f"the cloud mailbox does not have the address {routing_address}"
        )
    return True
