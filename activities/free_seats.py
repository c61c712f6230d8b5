"""How far the seats of every licence go."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from activities.seat_claims import claims_of, without_need
from bascule.domain.directory import Account, Sku
from bascule.domain.records import BatchRecord
from bascule.domain.seats import SeatForecast, forecast
from bascule.ports.bundle import Ports


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
