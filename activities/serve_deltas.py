"""Issue the deltas that nobody is waiting to issue, and keep idle sync batches alive."""

from activities.deltas import issue_when_due, keep_alive
from bascule.domain.codes import Code
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.requests import BatchRef
from bascule.ports.bundle import Ports


def serve_deltas(ports: Ports, ref: BatchRef) -> bool:
    """Look at every sync batch of the batch; True when none has a request left open."""
    names = {record.sync_batch for record in ports.ledger.mailboxes(ref.name)} - {""}
    served = [_serve(ports, name) for name in sorted(names)]
    return all(served)


def _serve(ports: Ports, name: str) -> bool:
    keep_alive(ports, name)
    try:
        issue_when_due(ports, name)
    except NotYet:
        return False  # still gathered, or running: the next look serves it
    except Refusal as refusal:
        if refusal.code is not Code.SYNC_STOPPED:
            raise
        return False  # its mailboxes learn it for themselves; the rest of the batch goes on
    return True
