"""Take down Exchange's way to Dovecot, once no batch uses it."""

from activities.completion_gate import advance, pass_gate
from activities.removals import take_down
from bascule.domain.completion import CompletionRef, Phase, Word
from bascule.domain.errors import NotYet
from bascule.domain.tenant import MigrationEndpoint
from bascule.ports.bundle import Ports

# A batch closes after its last mailbox's grace, by its own story.
CLOSING_WAIT_S = 900.0


def remove_endpoint(ports: Ports, ref: CompletionRef) -> bool:
    """Repeatable. Raises Refusal(MAILBOXES_UNPROVEN); NotYet while a batch is not closed: its syncs use the endpoint."""
    del ref
    pass_gate(ports, Word.ENDPOINT)
    running = [batch.name for batch in ports.ledger.batches() if batch.closed_utc is None]
    if running:
        raise NotYet(CLOSING_WAIT_S, f"{len(running)} batches are not closed, {running[0]} first")
    take_down(ports, MigrationEndpoint, ports.plan.tenant.migration_endpoint, Word.ENDPOINT)
    advance(ports, Phase.ENDPOINT, Phase.KEYS)
    return True
