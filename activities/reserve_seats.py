"""Reserve a seat for every mailbox of a batch, or none."""

from collections import Counter
from collections.abc import Mapping

from activities.uploads import read_upload
from bascule.domain.batch_rows import BatchRow
from bascule.domain.codes import Code
from bascule.domain.directory import Sku
from bascule.domain.errors import Refusal
from bascule.domain.requests import BatchRef
from bascule.domain.stages import Stage
from bascule.ports.bundle import Ports


def reserve_seats(ports: Ports, ref: BatchRef) -> int:
    """How many seats were reserved. The same batch again replaces its own reservation.

    Raises:
        Refusal(NO_SEAT): with how many are missing; nothing is reserved.
        Refusal(LICENCE_UNKNOWN): the tenant does not have the licence of a cohort.
    """
    _, file = read_upload(ports, ref.name)
    skus = {sku.part_number: sku for sku in ports.directory.licence_stock()}
    wanted = Counter(ports.plan.cohort(row.cohort).licence for row in file.rows)
    if unknown := sorted(set(wanted) - set(skus)):
        raise Refusal(Code.LICENCE_UNKNOWN, f"the tenant has no licence {', '.join(unknown)}")
    for part_number in sorted(wanted):
        rows = [row for row in file.rows if ports.plan.cohort(row.cohort).licence == part_number]
        _reserve(ports, ref.name, skus[part_number], rows)
    return wanted.total()


def _reserve(ports: Ports, batch: str, sku: Sku, rows: list[BatchRow]) -> None:
    def change(reserved: Mapping[str, int]) -> Mapping[str, int]:
        others = {name: seats for name, seats in reserved.items() if name != batch}
        outstanding = sum(
            min(seats, _unlicensed_count(ports, name)) for name, seats in others.items()
        )
        free = sku.free_count - outstanding
        needed = len(rows)
        if needed > free:
            # Only then worth a look at every account: many may hold the licence already.
            needed -= sum(_holds(ports, row.address, sku) for row in rows)
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
