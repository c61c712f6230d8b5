"""Claim the addresses of a batch, so that no two batches move one mailbox."""

from collections.abc import Collection, Mapping

from bascule.domain.addresses import mailbox_key
from bascule.domain.stages import Stage
from bascule.ports.bundle import Ports


def claim_all(ports: Ports, batch: str, addresses: Collection[str]) -> Mapping[str, str]:
    """Claim every address, or none; {address: batch that holds it} for those that another one does not let go.

    A batch that has abandoned a mailbox does nothing to it any more, so that it has no need of the address.
    """
    held = ports.ledger.claim(batch, addresses)
    abandoned = [each for each, other in held.items() if _has_abandoned(ports, other, each)]
    for address in abandoned:
        ports.ledger.release(held[address], [address])
    if abandoned:
        held = ports.ledger.claim(batch, addresses)
    if held:
        ports.ledger.release(batch, addresses)
    return held


def _has_abandoned(ports: Ports, batch: str, address: str) -> bool:
    record = ports.ledger.find_mailbox(batch, mailbox_key(address))
    return record is not None and record.stage is Stage.ABANDONED
