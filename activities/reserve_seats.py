"""Reserve a seat for every mailbox of a batch, or none."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from activities.seat_claims import Claims, claims_of, others_of, without_need
from activities.uploads import read_upload
from bascule.domain.codes import Code
from bascule.domain.directory import Account, Sku, mailbox_plans
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.licences import seats_shown
from bascule.domain.requests import BatchRef
from bascule.domain.seats import SeatCount, count_seats
from bascule.ports.bundle import Ports

# Admitting a batch of 50 000 rows takes some minutes, one of a class some seconds.
ADMISSION_WAIT_S = 60.0


def reserve_seats(ports: Ports, ref: BatchRef) -> int:
    """How many mailboxes have a seat now. The same batch again replaces its own reservation.

    Raises:
        Refusal(NO_SEAT): with how many are missing.
        Refusal(LICENCE_UNKNOWN | LICENCE_WITHOUT_MAILBOX): of the licence of a cohort.
        NotYet: it does not fit beside a batch that is just being admitted, which may itself be refused.
    """
    _, file = read_upload(ports, ref.name)
    reserve(ports, ref.name, ((row.address, row.cohort) for row in file.rows))
    return len(file.rows)


def reserve(ports: Ports, batch: str, mailboxes: Iterable[tuple[str, str]]) -> None:
    """Reserve for (address, cohort) of every mailbox that the batch has or is about to have.

    A reservation without an upload or rows behind it counts for nothing, so one that is followed by a refusal needs
    no way back. Raises as `reserve_seats`.
    """
    skus = {sku.part_number: sku for sku in ports.directory.licence_stock()}
    claims: dict[str, dict[str, str]] = defaultdict(dict)
    for address, cohort in mailboxes:
        claims[ports.plan.cohort(cohort).licence][address] = cohort
    for part_number in sorted(claims):
        _check_licence(skus, part_number)
    for part_number in sorted(claims):
        own = {**claims_of(ports, batch, part_number), **claims[part_number]}
        _Reservation(ports, batch, skus[part_number], own).make()


def _check_licence(skus: Mapping[str, Sku], part_number: str) -> None:
    if part_number not in skus:
        raise Refusal(Code.LICENCE_UNKNOWN, f"the tenant has no licence {part_number}")
    if not mailbox_plans(skus[part_number]):
        detail = f"{part_number} has no plan that opens a mailbox"
        raise Refusal(Code.LICENCE_WITHOUT_MAILBOX, detail)


class _Reservation:
    """One batch's reservation of one licence; the tenant's accounts are read at most once for it."""

    def __init__(self, ports: Ports, batch: str, sku: Sku, own: Claims) -> None:
        self._ports = ports
        self._batch = batch
        self._sku = sku
        self._own = own
        self._accounts: dict[str, Account] | None = None

    def make(self) -> None:
        """Write it into the ledger, if it fits beside what stands there at that moment."""
        self._ports.ledger.reserve_seats(self._sku.sku_id, self._changed)

    def _changed(self, reserved: Mapping[str, int]) -> Mapping[str, int]:
        others = others_of(self._ports, reserved, self._batch, self._sku.part_number)
        standing = {name: reserved[name] for name in reserved if name != self._batch}
        unknown_count = sum(others.admitting.values())
        # What we have given ourselves is in both figures: then it looks fuller than it is, never emptier.
        careful_count = len(self._own) + len(others.known) + unknown_count
        if careful_count <= self._sku.free_count:
            return {**standing, self._batch: len(self._own)}
        needed = self._needing(self._own)
        count = count_seats(
            self._sku, self._holders(), self._needing(others.known), needed, unknown_count
        )
        if len(needed) > count.left_count:
            raise self._refusal(len(needed), count, has_unknown=bool(unknown_count))
        return {**standing, self._batch: len(needed)}

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
            f" {count.foreign_count} are taken by others, {count.claimed_count} reserved by other batches"
            f" ({seats_shown(self._sku)})",
        )
