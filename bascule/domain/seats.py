"""Seats: whether a batch fits, and how far the stock goes. Pure.

A seat that one of our own mailboxes has taken a moment ago is counted by the tenant late, and then twice if we add our
reservations to it. So nothing of ours is read from the tenant: of every product there are the seats bought, the seats
of accounts that no batch claims, and the claims of the batches, taken already or not.

    left = bought - held by others - claimed by batches
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from bascule.domain.directory import Sku


@dataclass(frozen=True)
class SeatCount:
    """The seats of one product as a batch meets them."""

    enabled_count: int
    """Bought and active; those in their grace period are left out: they end before the migration does."""
    foreign_count: int
    """Held by accounts that no batch claims."""
    claimed_count: int
    """Of the mailboxes of other batches, whether or not they have theirs yet."""

    @property
    def left_count(self) -> int:
        """What a batch may claim; below zero when too much is given already."""
        return self.enabled_count - self.foreign_count - self.claimed_count


def count_seats(
    sku: Sku,
    holders: AbstractSet[str],
    others: AbstractSet[str],
    own: AbstractSet[str],
    unknown_count: int = 0,
) -> SeatCount:
    """The seats for a batch: who holds one, what other batches claim, what this one claims, all by address.

    `unknown_count` are seats of batches that are just being admitted, whose addresses nobody can say yet.
    """
    return SeatCount(sku.enabled_count, len(holders - others - own), len(others) + unknown_count)


@dataclass(frozen=True)
class BatchNeed:
    """What one batch will still take of a product, and what is left then."""

    batch: str
    needed_count: int
    left_count: int


@dataclass(frozen=True)
class SeatForecast:
    """How far the seats of a product go, batch after batch."""

    part_number: str
    state: str
    enabled_count: int
    consumed_count: int
    warning_count: int
    suspended_count: int
    locked_out_count: int
    needs: tuple[BatchNeed, ...]
    left_count: int
    """What is left after the last batch; below zero: so many are missing."""

    @property
    def reserved_count(self) -> int:
        """Seats that batches will still take."""
        return sum(need.needed_count for need in self.needs)


def forecast(
    sku: Sku, holders: AbstractSet[str], claims: Mapping[str, AbstractSet[str]]
) -> SeatForecast:
    """The forecast of a product: who holds a seat, and whom each batch claims one for, in the order of the batches.

    Whoever is claimed for and holds one already takes no other; without claims the tenant's own figure says it all.
    """
    left = sku.enabled_count - sku.consumed_count
    lines: list[BatchNeed] = []
    claimed = frozenset[str]()
    for batch, addresses in claims.items():
        claimed |= addresses
        left = count_seats(sku, holders, claimed, frozenset()).left_count
        needed_count = len(addresses - holders)
        if needed_count:
            lines.append(BatchNeed(batch, needed_count, left))
    return SeatForecast(
        sku.part_number,
        sku.state,
        sku.enabled_count,
        sku.consumed_count,
        sku.warning_count,
        sku.suspended_count,
        sku.locked_out_count,
        tuple(lines),
        left,
    )
