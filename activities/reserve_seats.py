"""Reserve a seat for every mailbox of a batch, or none."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from activities.uploads import read_upload
from bascule.domain.codes import Code
from bascule.domain.directory import Sku
from bascule.domain.errors import Refusal
from bascule.domain.requests import BatchRef
from bascule.domain.stages import Stage
from bascule.ports.bundle import Ports


def reserve_seats(ports: Ports, ref: BatchRef) -> int:
    """How many mailboxes have a seat now. The same batch again replaces its own reservation.

    Raises:
        Refusal(NO_SEAT): with how many are missing.
        Refusal(LICENCE_UNKNOWN): the tenant does not have the licence of a cohort.
    """
    _, file = read_upload(ports, ref.name)
    reserve(ports, ref.name, ((row.address, row.cohort) for row in file.rows))
    return len(file.rows)


def reserve(ports: Ports, batch: str, mailboxes: Iterable[tuple[str, str]]) -> None:
    """Reserve for (address, cohort) of every mailbox of the batch that has no licence yet.

    A reservation without mailboxes in the ledger counts for nothing, so one that is followed by a refusal needs no way
    back. Raises as `reserve_seats`.
    """
    skus = {sku.part_number: sku for sku in ports.directory.licence_stock()}
    addresses: dict[str, list[str]] = defaultdict(list)
    for address, cohort in mailboxes:
        addresses[ports.plan.cohort(cohort).licence].append(address)
    if unknown := sorted(set(addresses) - set(skus)):
        raise Refusal(Code.LICENCE_UNKNOWN, f"the tenant has no licence {', '.join(unknown)}")
    for part_number in sorted(addresses):
        _reserve(ports, batch, skus[part_number], addresses[part_number])


def _reserve(ports: Ports, batch: str, sku: Sku, addresses: list[str]) -> None:
    def change(reserved: Mapping[str, int]) -> Mapping[str, int]:
        others = {name: seats for name, seats in reserved.items() if name != batch}
        outstanding = sum(
            min(seats, _unlicensed_count(ports, name)) for name, seats in others.items()
        )
        free = sku.free_count - outstanding
        needed = len(addresses)
        if needed > free:
            # Only then worth a look at every account: many may hold the licence already.
            needed -= sum(_holds(ports, address, sku) for address in addresses)
        if needed > free:
            raise Refusal(Code.NO_SEAT, _missing(sku, needed, free, outstanding))
        return {**others, batch: needed}

    ports.ledger.reserve_seats(sku.sku_id, change)


def _unlicensed_count(ports: Ports, batch: str) -> int:
    return sum(
        not record.is_licensed and record.stage is not Stage.ABANDONED
        for record in ports.ledger.mailboxes(batch)
    )


def _holds(ports: Ports, address: str, sku: Sku) -> bool:
    account = ports.directory.find_account(address)
    return account is not None and account.holds(sku.sku_id) is not None


def _missing(sku: Sku, needed: int, free: int, outstanding: int) -> str:
    return (
        f"{sku.part_number}: {needed - free} seats are missing: {needed} needed,"
        f" {sku.free_count} free, {outstanding} of them reserved by other batches"
    )
