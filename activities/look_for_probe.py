"""Look for a probe on both sides, and remove it."""

from activities.send_probe import probe_subject
from activities.subject import login_of, record_of
from bascule.domain.records import MailboxRecord
from bascule.domain.requests import Probe, ProbeFacts, ProbePlace
from bascule.ports.bundle import Ports


def look_for_probe(ports: Ports, probe: Probe) -> ProbeFacts:
    """Where it was. The cloud is asked first: while the alias points home a probe has one place to be."""
    record = record_of(ports, probe.ref)
    subject = probe_subject(probe.token)
    if removed_from_cloud(ports, record, subject):
        return ProbeFacts(ProbePlace.CLOUD)
    if removed_from_source(ports, record, (subject,)):
        return ProbeFacts(ProbePlace.SOURCE)
    return ProbeFacts(ProbePlace.NOWHERE)


def removed_from_cloud(ports: Ports, record: MailboxRecord, subject: str) -> int:
    """How many messages of that subject were removed from the cloud mailbox."""
    handles = ports.cloud_mail.find_by_subject(record.account_id, subject)
    for handle in handles:
        ports.cloud_mail.remove(record.account_id, handle)
    return len(handles)


def removed_from_source(ports: Ports, record: MailboxRecord, subjects: tuple[str, ...]) -> int:
    """How many messages of those subjects were removed at the source, in one session."""
    with ports.source_mail.open(login_of(ports, record)) as mailbox:
        return sum(mailbox.remove_by_subject(subject) for subject in subjects)
