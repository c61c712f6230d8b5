"""See that the cloud mailbox is open, at the right addresses; correct addresses that are not."""

from activities.address_holders import holder_of
from activities.subject import note, record_of
from bascule.domain.codes import Code
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.records import MailboxRecord
from bascule.domain.requests import CloudMailboxQuestion
from bascule.domain.sync import CloudMailbox
from bascule.ports.bundle import Ports

# Mailboxes open minutes after their licence, sometimes hours.
NOT_OPEN_WAIT_S = 60.0
# A corrected address is read back from another server than the one that was told.
READ_BACK_WAIT_S = 60.0


def find_cloud_mailbox(ports: Ports, question: CloudMailboxQuestion) -> bool:
    """True once Exchange shows the mailbox at its addresses, and the mailbox service answers for it.

    A primary address or a routing address that is not right is corrected, and read back at the next look.

    Raises:
        NotYet: not there yet, or just corrected; every way of not being there counts as that.
        Refusal(ADDRESS_MISMATCH): Exchange does not let its addresses be corrected here.
        Refusal(ADDRESS_TAKEN): somebody else has one of them, who is named.
    """
    record = record_of(ports, question.ref)
    mailbox = ports.exchange.find_mailbox(record.address)
    if mailbox is None or not ports.directory.is_mailbox_open(question.account_id):
        raise NotYet(NOT_OPEN_WAIT_S, "the cloud mailbox is not open yet")
    routing = ports.plan.routing_address(record.address)
    if mailbox.address == record.address and routing in mailbox.addresses:
        return True
    _correct(ports, record, mailbox, routing)
    raise NotYet(READ_BACK_WAIT_S, "the corrected addresses of the cloud mailbox")


def _correct(ports: Ports, record: MailboxRecord, mailbox: CloudMailbox, routing: str) -> None:
    is_primary = mailbox.address == record.address
    try:
        ports.exchange.correct_addresses(
            record.address,
            primary="" if is_primary else record.address,
            added=() if routing in mailbox.addresses else (routing,),
        )
    except Refusal as no:
        raise _explained(ports, record, mailbox, routing, no) from no
    note(ports, record, "addresses", mailbox.address, f"{record.address}, {routing}")


def _explained(
    ports: Ports, record: MailboxRecord, mailbox: CloudMailbox, routing: str, no: Refusal
) -> Refusal:
    if no.code is Code.ADDRESS_TAKEN:
        holder = holder_of(ports, routing)
        return Refusal(no.code, f"{routing} is an address of {holder}") if holder else no
    if no.code not in (Code.PERMISSION_MISSING, Code.ADDRESS_MISMATCH):
        return no
    # Correcting addresses is a power that not every tenant grants; without it a person does it.
    wanted = f"{record.address} has to be the primary one, and {routing} another one"
    return Refusal(
        Code.ADDRESS_MISMATCH,
        f"the addresses of the cloud mailbox are {', '.join(mailbox.addresses)}: {wanted}; {no.detail}",
    )
