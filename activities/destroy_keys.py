"""Destroy the keys of all batches, and with them every sealed password, copies in backups included."""

from activities.completion_gate import advance, note_once, pass_gate
from bascule.domain.completion import CompletionRef, Phase, Word
from bascule.ports.bundle import Ports


def destroy_keys(ports: Ports, ref: CompletionRef) -> int:
    """For how many batches; repeatable. Raises Refusal(MAILBOXES_UNPROVEN)."""
    del ref
    pass_gate(ports, Word.KEYS)
    names = [batch.name for batch in ports.ledger.batches()]
    for name in names:
        ports.secrets.destroy_batch(name)
    note_once(ports, "keys", f"{len(names)} batches", "destroyed", Word.KEYS)
    advance(ports, Phase.KEYS, Phase.SEPARATING)
    return len(names)
