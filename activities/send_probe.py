"""Send one probe inside the tenant."""

from activities.subject import record_of
from bascule.domain.requests import Probe
from bascule.ports.bundle import Ports

TEXT = "This message checks the way of the mail and removes itself."


def probe_subject(token: str) -> str:
    """By which a probe is found again, on both sides."""
    return f"Bascule probe {token}"


def send_probe(ports: Ports, probe: Probe) -> bool:
    """From the plan's probe mailbox to the mailbox's own address, so that the rule applies as to any colleague's mail.

    Sent twice after a lost answer, both have one subject: they are found, and removed, together. A repetition that comes
    when the probe is already on its way, or found, sends nothing: nobody would look for that one.
    """
    record = record_of(ports, probe.ref)
    if record.probe_token != probe.token or record.probe_sent_utc is not None:
        return True
    sender = ports.plan.tenant.probe_sender
    ports.cloud_mail.send(sender, record.address, probe_subject(probe.token), TEXT)
    return True
