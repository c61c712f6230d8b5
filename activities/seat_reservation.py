"""The reservation of seats of one licence under one name: all that are asked for, or none."""

from collections.abc import Mapping

from activities.seat_claims import Claims, OtherClaims, others_of, without_need
from bascule.domain.codes import Code
from bascule.domain.directory import Account, Sku
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.licences import seats_shown
from bascule.domain.seats import SeatCount, count_seats
from bascule.ports.bundle import Ports

# Admitting a batch of 50 000 rows takes some minutes, one of a class some seconds.
ADMISSION_WAIT_S = 60.0


class SeatReservation:
    """A batch's, or a run's for its newcomers; the tenant's accounts are read at most once for it."""

    def __init__(self, ports: Ports, name: str, sku: Sku) -> None:
        self._ports = ports
        self._name = name
        self._sku = sku
        self._accounts: dict[str, Account] | None = None
        self._seen: tuple[Mapping[str, int], OtherClaims] | None = None

    def make(self, own: Claims) -> None:
        """Write it into the ledger, if it fits beside what stands there at that moment.

        Raises:
            Refusal(NO_SEAT): with how many are missing.
            NotYet: it does not fit beside a batch that is just being admitted, which may itself be refused.
        """
        self._ports.ledger.reserve_seats(self._sku.sku_id, lambda now: self._changed(own, now))

    def _changed(self, own: Claims, reserved: Mapping[str, int]) -> Mapping[str, int]:
        standing = {name: reserved[name] for name in reserved if name != self._name}
        others = self._others(standing)
        unknown_count = sum(others.admitting.values())
        # What we have given ourselves is in both figures: then it looks fuller than it is, never emptier.
        careful_count = len(own) + len(others.known) + unknown_count
        if careful_count <= self._sku.free_count:
            return {**standing, self._name: len(own)}
        needed = self._needing(own)
        count = count_seats(
            self._sku, self._holders(), self._needing(others.known), needed, unknown_count
        )
        if len(needed) > count.left_count:
            raise self._refusal(len(needed), count, has_unknown=bool(unknown_count))
        return {**standing, self._name: len(needed)}

    def _others(self, standing: Mapping[str, int]) -> OtherClaims:
        """Read anew, with who holds what, whenever somebody else's reservation has changed since."""
        if self._seen is None or self._seen[0] != standing:
            self._accounts = None
            others = others_of(self._ports, standing, self._name, self._sku.part_number)
            self._seen = standing, others
        return self._seen[1]

    def _needing(self, claims: Claims) -> frozenset[str]:
        return frozenset(claims) - without_need(
            self._ports, claims, self._sku, self._read_accounts()
        )

    def _holders(self) -> frozenset[str]:
        return frozenset(
            account.address
            for account in self._read_accounts().values()
            if account.holds(self._sku.sku_id) is not None
        )

    def _read_accounts(self) -> dict[str, Account]:
        if self._accounts is None:
            found = self._ports.directory.accounts()
            self._accounts = {account.address: account for account in found}
        return self._accounts

    def _refusal(self, needed_count: int, count: SeatCount, *, has_unknown: bool) -> Exception:
        if has_unknown:
            return NotYet(ADMISSION_WAIT_S, "another batch is being admitted to the same licence")
        return Refusal(
            Code.NO_SEAT,
            f"{self._sku.part_number}: {needed_count - max(0, count.left_count)} seats are missing:"
            f" {needed_count} needed, {max(0, count.left_count)} left;"
            f" {count.foreign_count} are taken by others, {count.claimed_count} reserved by other batches and runs"
            f" ({seats_shown(self._sku)})",
        )
