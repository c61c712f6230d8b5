"""Ask for a delta of one mailbox that begins after a given instant."""

from activities.deltas import issued_since
from activities.subject import record_of
from bascule.domain.requests import DeltaFacts, DeltaRequest
from bascule.ports.bundle import Ports


def request_delta(ports: Ports, request: DeltaRequest) -> DeltaFacts:
    """When it was issued; a hundred mailboxes asking within the plan's time cause one request to Exchange.

    Raises:
        NotYet: not yet issued; ask again.
        Refusal(SYNC_STOPPED): the sync batch is gone.
    """
    record = record_of(ports, request.ref)
    return DeltaFacts(issued_since(ports, record, request.since_utc))
