"""Reserve a seat for every mailbox of a batch, or none."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from activities.seat_claims import claims_of
from activities.seat_reservation import SeatReservation
from activities.uploads import read_upload
from bascule.domain.codes import Code
from bascule.domain.directory import Sku, mailbox_plans
from bascule.domain.errors import Refusal
from bascule.domain.requests import BatchRef
from bascule.ports.bundle import Ports


def reserve_seats(ports: Ports, ref: BatchRef) -> int:
    """How many mailboxes have a seat now. The same batch again replaces its own reservation.

    Raises:
        Refusal(NO_SEAT): with how many are missing.
        Refusal(LICENCE_UNKNOWN | LICENCE_WITHOUT_MAILBOX): of the licence of a cohort.
        NotYet: it does not fit beside a batch that is just being admitted, which may itself be refused.
    """
    _, file = read_upload(ports, ref)
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
        SeatReservation(ports, batch, skus[part_number]).make(own)


def _check_licence(skus: Mapping[str, Sku], part_number: str) -> None:
    if part_number not in skus:
        raise Refusal(Code.LICENCE_UNKNOWN, f"the tenant has no licence {part_number}")
    if not mailbox_plans(skus[part_number]):
        detail = f"{part_number} has no plan that opens a mailbox"
        raise Refusal(Code.LICENCE_WITHOUT_MAILBOX, detail)
