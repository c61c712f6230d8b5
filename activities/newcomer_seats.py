"""Seats for newcomers: reserved one by one under the name of their run, beside what batches have, until it ends.

The ledger holds how many, by compare-and-set as for a batch; whose they are stands in documents, in the same order,
written first. So whoever counts beside the run knows its newcomers by address, whether or not the tenant shows their
licences yet, and an address that was written and not reserved stands for nothing.
"""

from dataclasses import replace
from datetime import timedelta
from functools import cached_property, partial

from activities.seat_claims import (
    PAGE_LENGTH_MAX,
    RUN_PREFIX,
    newcomer_pages,
    newcomers_of,
    page_document,
)
from activities.seat_reservation import SeatReservation
from bascule.domain.codes import Code
from bascule.domain.directory import Sku
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.licence_requests import LicenceRun, NewcomerPage
from bascule.ports.bundle import Ports

# A run that was lost keeps its seats so long; one that goes on renews them with each newcomer.
RUN_LAPSE_H = 24
# What a run has given is seen by everybody by then; until then its claims say so.
SEEN_LAG_MAX_MIN = 10


class RunSeats:
    """The seats of one run's newcomers, who are all of one cohort."""

    def __init__(self, ports: Ports, run: LicenceRun) -> None:
        self._ports = ports
        self._name = RUN_PREFIX + run.request
        self._cohort = run.cohort

    def reserve(self, address: str) -> None:
        """Reserve a seat of the cohort's licence for a newcomer; repeatable. Raises Refusal(NO_SEAT)."""
        if address in self._granted:
            return
        self._write(len(self._granted), address)
        wanted = {**self._granted, address: self._cohort}
        try:
            self._reservation.make(wanted)
        except NotYet as early:
            raise Refusal(Code.NO_SEAT, f"{self.sku.part_number}: {early}") from early
        self._granted[address] = self._cohort

    @cached_property
    def sku(self) -> Sku:
        """The cohort's licence. Raises Refusal(LICENCE_UNKNOWN)."""
        part_number = self._ports.plan.cohort(self._cohort).licence
        for sku in self._ports.directory.licence_stock():
            if sku.part_number == part_number:
                return sku
        raise Refusal(Code.LICENCE_UNKNOWN, f"the tenant has no licence {part_number}")

    @cached_property
    def _reservation(self) -> SeatReservation:
        return SeatReservation(self._ports, self._name, self.sku)

    @cached_property
    def _granted(self) -> dict[str, str]:
        """As the ledger says; runs whose time is over are forgotten first, this one's own last life among them."""
        reserved = self._ports.ledger.reserve_seats(self.sku.sku_id, lambda now: now)
        over = [name for name in reserved if self._is_over(name, reserved[name])]
        for name in over:
            for number in range(len(newcomer_pages(self._ports, name))):
                self._ports.documents.remove(page_document(name, number))
        if over:
            reserved = self._ports.ledger.reserve_seats(
                self.sku.sku_id,
                lambda now: {name: now[name] for name in now if name not in over},
            )
        return newcomers_of(self._ports, self._name, reserved.get(self._name, 0))

    def _is_over(self, name: str, seat_count: int) -> bool:
        return name.startswith(RUN_PREFIX) and not newcomers_of(self._ports, name, seat_count)

    def _write(self, place: int, address: str) -> None:
        number, offset = divmod(place, PAGE_LENGTH_MAX)
        until_utc = self._ports.clock.now_utc() + timedelta(hours=RUN_LAPSE_H)

        def written(before: NewcomerPage | None) -> NewcomerPage:
            held = before.addresses[:offset] if before else ()
            return NewcomerPage(self._cohort, (*held, address), until_utc)

        self._ports.documents.amend(page_document(self._name, number), NewcomerPage, written)


def release_newcomers(ports: Ports, run: LicenceRun) -> None:
    """Let the seats of a run go as soon as what it has given is seen by everybody; repeatable."""
    name = RUN_PREFIX + run.request
    until_utc = ports.clock.now_utc() + timedelta(minutes=SEEN_LAG_MAX_MIN)
    for number, page in enumerate(newcomer_pages(ports, name)):
        short = replace(page, until_utc=min(page.until_utc, until_utc))
        # Nobody else writes it by now: the run is over.
        ports.documents.amend(page_document(name, number), NewcomerPage, partial(_instead, short))


def _instead(page: NewcomerPage, before: NewcomerPage | None) -> NewcomerPage:
    del before
    return page
