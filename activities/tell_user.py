"""Tell a user that their mailbox has moved."""

from activities.single_flight import take_lease
from activities.subject import record_of
from bascule.domain.records import MailboxRef
from bascule.ports.bundle import Ports


def tell_user(ports: Ports, ref: MailboxRef) -> bool:
    """Send the plan's notice once; True when it has been sent, False when the plan has none.

    Found in the mailbox already, it is not sent again. The lease is never given back: after a crash the notice may be
    on its way still, and is waited for as long as the lease lasts.

    Raises:
        NotYet: an earlier attempt has sent it, perhaps.
    """
    record = record_of(ports, ref)
    notice = ports.plan.notices
    if not notice.migrated_subject:
        return False
    subject = notice.migrated_subject.format(address=record.address)
    if ports.cloud_mail.find_by_subject(record.account_id, subject):
        return True
    take_lease(ports, f"notice-{ref.instance_id}")
    text = notice.migrated_text.format(address=record.address)
    ports.notifier.tell_user(record.address, subject, text)
    return True
