"""Tell a user that their mailbox has moved."""

from activities.subject import record_of
from bascule.domain.records import MailboxRef
from bascule.ports.bundle import Ports


def tell_user(ports: Ports, ref: MailboxRef) -> bool:
    """Send the plan's notice once: found in the mailbox already, it is not sent again. True when it was sent."""
    record = record_of(ports, ref)
    notice = ports.plan.notices
    if not notice.migrated_subject:
        return False
    subject = notice.migrated_subject.format(address=record.address)
    if ports.cloud_mail.find_by_subject(record.account_id, subject):
        return False
    text = notice.migrated_text.format(address=record.address)
    ports.notifier.tell_user(record.address, subject, text)
    return True
