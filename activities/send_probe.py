"""Send one probe, inside the tenant or through a Postfix."""

from activities.subject import record_of
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.records import MailboxRecord
from bascule.domain.requests import Probe, ProbeWay
from bascule.ports.bundle import Ports

TEXT = "This message checks the way of the mail and removes itself."


def probe_subject(token: str) -> str:
    """By which a probe is found again, on both sides."""
    return f"Bascule probe {token}"


def send_probe(ports: Ports, probe: Probe) -> bool:
    """From the plan's probe mailbox to the mailbox's own address, so that the rule applies as to any colleague's mail.

    Through Postfix they go to one after the other: the one that is next is told by how many have been proven.
    Sent twice after a lost answer, both have one subject: they are found, and removed, together. A repetition that comes
    when the probe is already on its way, or found, sends nothing: nobody would look for that one.
    """
    record = record_of(ports, probe.ref)
    if record.probe_token != probe.token or record.probe_sent_utc is not None:
        return True
    sender = ports.plan.tenant.probe_sender
    subject = probe_subject(probe.token)
    if probe.way is ProbeWay.POSTFIX:
        _hand_to_postfix(ports, record, subject)
    else:
        ports.cloud_mail.send(sender, record.address, subject, TEXT)
    return True


def _hand_to_postfix(ports: Ports, record: MailboxRecord, subject: str) -> None:
    sender, next_host = ports.plan.tenant.probe_sender, record.probe_proven_count
    try:
        ports.source_submission.send(next_host, sender, record.address, subject, TEXT)
    except Refusal as refusal:
        if record.rollback_began_utc is None or refusal.code is not Code.REDIRECT_NOT_PROVEN:
            raise
        raise Refusal(Code.ROLLBACK_NOT_PROVEN, refusal.detail) from refusal
