"""Claim the addresses of a batch, so that no two batches move one mailbox."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bascule.domain.records import MailboxRecord
from bascule.domain.stages import Stage
from bascule.ports.bundle import Ports


@dataclass(frozen=True)
class Holder:
    """Why an address cannot be claimed."""

    batch: str
    """The batch that does not let it go."""
    has_copy: bool = False
    """It has abandoned the mailbox, and left a copy in the cloud that another batch would copy again."""


@dataclass(frozen=True)
class _Claimant:
    """Another batch as it stands, read once for all the addresses that it claims."""

    name: str
    may_yet_have: bool
    """It is being admitted, or takes in a changed file: rows for what it claims are still to come."""
    is_closed: bool
    records: Mapping[str, MailboxRecord]

    def holder(self, address: str) -> Holder | None:
        """Why it does not let an address go; None when nothing of it needs the address any more."""
        if self.is_closed:
            return None
        record = self.records.get(address)
        if record is None:
            # A file was judged, and another one registered; or it was taken away before it was.
            return Holder(self.name) if self.may_yet_have else None
        if record.stage is not Stage.ABANDONED:
            return Holder(self.name)
        return Holder(self.name, has_copy=True) if record.synced_count else None


def claim_all(ports: Ports, batch: str, addresses: Collection[str]) -> Mapping[str, Holder]:
    """Claim every address, or none; {address: why not} for those that another batch does not let go."""
    held = ports.ledger.claim(batch, addresses)
    kept: dict[str, Holder] = {}
    for other, claimed in _by_batch(held).items():
        claimant = _claimant(ports, other)
        holders = {address: claimant.holder(address) for address in claimed}
        ports.ledger.release(other, [each for each, holder in holders.items() if holder is None])
        kept |= {address: holder for address, holder in holders.items() if holder is not None}
    if held and not kept:
        # Between the two somebody else may have claimed one of them.
        again = ports.ledger.claim(batch, addresses)
        kept = {address: Holder(other) for address, other in again.items()}
    if kept:
        ports.ledger.release(batch, addresses)
    return kept


def shown_holders(held: Mapping[str, Holder]) -> str:
    """Who holds which address, in one sentence."""
    return "in another batch: " + ", ".join(
        f"{address} in {holder.batch}{' (abandoned with a copy in the cloud)' * holder.has_copy}"
        for address, holder in sorted(held.items())
    )


def _by_batch(held: Mapping[str, str]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for address, batch in held.items():
        found[batch].append(address)
    return found


def _claimant(ports: Ports, name: str) -> _Claimant:
    # In this order: an upload goes away only after its batch is registered, or refused for good; and an accepted
    # file is done with only after its rows are written.
    is_uploaded = ports.blobs.find_upload(name) is not None
    batch = ports.ledger.find_batch(name)
    records = {record.address: record for record in ports.ledger.mailboxes(name)}
    is_open = batch is not None and batch.is_open
    is_growing = batch is not None and bool(batch.accepted_fingerprint)
    return _Claimant(
        name,
        may_yet_have=is_growing if is_open else is_uploaded,
        is_closed=batch is not None and batch.closed_utc is not None,
        records=records,
    )
