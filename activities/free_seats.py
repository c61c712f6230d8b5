"""Seats that no batch has reserved, for accounts that no batch has; and the forecast of every licence."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from activities.seat_claims import claims_of, others_of, without_need
from bascule.domain.directory import Account, Sku
from bascule.domain.records import BatchRecord
from bascule.domain.seats import SeatForecast, count_seats, forecast
from bascule.ports.bundle import Ports

# More than a chunk of accounts can take; below it the tenant's accounts are worth reading.
ENOUGH_COUNT = 100


class FreeSeats:
    """Counts down the seats that are left, read once for a few accounts."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._skus: dict[str, Sku] | None = None
        self._left: dict[str, int] = {}

    def sku_id(self, part_number: str) -> str:
        """The identifier of a licence; empty when the tenant does not have it."""
        sku = self._read().get(part_number)
        return sku.sku_id if sku else ""

    def take(self, part_number: str) -> bool:
        """Take one of the seats that nobody has reserved; False when there is none."""
        if part_number not in self._left:
            self._left[part_number] = self._count(part_number)
        self._left[part_number] -= 1
        return self._left[part_number] >= 0

    def _count(self, part_number: str) -> int:
        sku = self._read().get(part_number)
        if sku is None:
            return 0
        reserved = self._ports.ledger.reserve_seats(sku.sku_id, lambda now: now)
        others = others_of(self._ports, reserved, "", part_number)
        unknown_count = sum(others.admitting.values())
        # What we have given ourselves is in both figures: never more than there are, and mostly enough.
        careful_count = sku.free_count - len(others.known) - unknown_count
        if careful_count >= ENOUGH_COUNT:
            return careful_count
        holders = _holders(self._ports.directory.accounts(), sku)
        count = count_seats(sku, holders, frozenset(others.known), frozenset(), unknown_count)
        return count.left_count

    def _read(self) -> dict[str, Sku]:
        if self._skus is None:
            stock = self._ports.directory.licence_stock()
            self._skus = {sku.part_number: sku for sku in stock}
        return self._skus


def forecasts(ports: Ports) -> tuple[SeatForecast, ...]:
    """Of every licence of the tenant: seats, what each open batch will still take of them, and what is left then."""
    open_batches = [
        batch for batch in ports.ledger.batches() if batch.is_open and batch.closed_utc is None
    ]
    ordered = sorted(open_batches, key=lambda batch: (batch.uploaded_utc, batch.name))
    found = ports.directory.accounts() if ordered else ()
    accounts = {account.address: account for account in found}
    return tuple(
        forecast(sku, _holders(accounts.values(), sku), _needing(ports, ordered, accounts, sku))
        for sku in ports.directory.licence_stock()
    )


def _needing(
    ports: Ports, batches: list[BatchRecord], accounts: Mapping[str, Account], sku: Sku
) -> dict[str, AbstractSet[str]]:
    """{batch: addresses that have, or will have, a seat}; those that keep what they have are left out."""
    if all(cohort.licence != sku.part_number for cohort in ports.plan.cohorts.values()):
        return {}
    claims = {batch.name: claims_of(ports, batch.name, sku.part_number) for batch in batches}
    return {
        name: frozenset(claimed) - without_need(ports, claimed, sku, accounts)
        for name, claimed in claims.items()
        if claimed
    }


def _holders(accounts: Iterable[Account], sku: Sku) -> frozenset[str]:
    return frozenset(each.address for each in accounts if each.holds(sku.sku_id) is not None)
