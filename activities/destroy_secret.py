"""Destroy the sealed passwords of one mailbox."""

from activities.ensure_account import new_password_key
from activities.subject import note, record_of
from bascule.domain.records import MailboxRef
from bascule.ports.bundle import Ports


def destroy_secret(ports: Ports, ref: MailboxRef) -> bool:
    """Destroyed already is success."""
    record = record_of(ports, ref)
    ports.secrets.destroy(ref.batch, ref.key)
    ports.secrets.destroy(ref.batch, new_password_key(ref.key))
    note(ports, record, "password", "sealed", "destroyed")
    return True
