"""What nearly every step begins with: the row it is about, and how to open its source mailbox."""

from bascule.domain.errors import InvariantBroken
from bascule.domain.mail import Login
from bascule.domain.records import BatchRecord, JournalEntry, MailboxRecord, MailboxRef
from bascule.domain.source_login import source_login
from bascule.ports.bundle import Ports


def record_of(ports: Ports, ref: MailboxRef) -> MailboxRecord:
    """The row of a mailbox. Raises InvariantBroken: rows are never deleted while a story runs."""
    record = ports.ledger.find_mailbox(ref.batch, ref.key)
    if record is None:
        raise InvariantBroken(f"the ledger has no row {ref.batch}/{ref.key}")
    return record


def batch_of(ports: Ports, name: str) -> BatchRecord:
    """The row of a batch. Raises InvariantBroken when there is none."""
    batch = ports.ledger.find_batch(name)
    if batch is None:
        raise InvariantBroken(f"the ledger has no batch {name}")
    return batch


def login_of(ports: Ports, record: MailboxRecord) -> Login:
    """How the source mailbox is opened; the password is unsealed here and stays in this step."""
    password = ports.secrets.open(record.batch, record.key)
    return source_login(ports.plan, record.source_user, password)


def note(ports: Ports, record: MailboxRecord, effect: str, before: str, after: str) -> None:
    """Write an effect into the journal, with who asked for it."""
    ports.journal.note(
        JournalEntry(
            ports.clock.now_utc(), record.batch, record.key, effect, before, after, record.wish_by
        )
    )
