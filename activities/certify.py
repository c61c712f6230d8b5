"""Make the certificate of completeness of one mailbox."""

import itertools
import json
from collections.abc import Iterator
from datetime import datetime

from activities.subject import login_of, record_of
from bascule.domain.certificate import Certificate, Comparison
from bascule.domain.codec import TYPE_KEY, encode
from bascule.domain.folders import cloud_paths
from bascule.domain.mail import MessageFacts
from bascule.domain.records import MailboxRecord
from bascule.domain.requests import CertificateFacts, CertificateRequest
from bascule.ports.bundle import Ports
from bascule.ports.cloud_mail import CloudMail
from bascule.ports.source_mail import SourceMailbox


def certify(ports: Ports, request: CertificateRequest) -> CertificateFacts:
    """Compare both sides message by message; write the whole certificate, answer its figures."""
    record = record_of(ports, request.ref)
    comparison = Comparison(ports.plan.survey.message_size_max_bytes)
    _add_cloud(comparison, ports.cloud_mail, record.account_id)
    with ports.source_mail.open(login_of(ports, record)) as mailbox:
        _add_source(comparison, mailbox, request.since_utc)
    certificate = comparison.certificate()
    return CertificateFacts(
        certificate.source_count,
        certificate.cloud_count,
        len(certificate.named),
        certificate.missing_count,
        _write(ports, record, certificate, is_whole=request.since_utc is None),
        certificate.doubled_count,
    )


def _add_cloud(comparison: Comparison, mail: CloudMail, account_id: str) -> None:
    listed = mail.messages(account_id, mail.folders(account_id))
    for path, group in itertools.groupby(listed, key=lambda each: each[0].path):
        comparison.add_cloud(path, (message for _, message in group))


def _add_source(comparison: Comparison, mailbox: SourceMailbox, since_utc: datetime | None) -> None:
    folders = mailbox.folders()
    expected = cloud_paths({folder.name: folder.path for folder in folders})
    for folder in folders:
        # The service leaves out folders whose own name holds the sign that separates levels in the cloud.
        is_migrated = not any("/" in level for level in folder.path)
        messages = _since(mailbox.messages(folder.name), since_utc)
        comparison.add_source(folder.name, expected[folder.name], messages, is_migrated=is_migrated)


def _since(messages: Iterator[MessageFacts], since_utc: datetime | None) -> Iterator[MessageFacts]:
    return (
        message for message in messages if since_utc is None or message.received_utc >= since_utc
    )


def _write(ports: Ports, record: MailboxRecord, certificate: Certificate, *, is_whole: bool) -> str:
    # What is proven of the last days only must not take the place of the proof of everything.
    kind = "certificate" if is_whole else "sweep"
    path = f"{record.batch}/{record.key}.{kind}.json"
    content = {
        "address": record.address,
        "made_utc": encode(ports.clock.now_utc()),
        "is_complete": certificate.is_complete,
        **_plain(certificate),
    }
    text = json.dumps(content, indent=2, ensure_ascii=False)
    ports.blobs.write_report(path, text.encode(), "application/json")
    return path


def _plain(certificate: Certificate) -> dict[str, object]:
    encoded = encode(certificate)
    if not isinstance(encoded, dict):
        raise TypeError("a certificate is written as an object")
    return {name: value for name, value in encoded.items() if name != TYPE_KEY}
