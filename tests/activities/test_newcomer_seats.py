"""Newcomers of two runs and a batch after the same few seats: nobody gets one that somebody else was promised."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from activities.close_licence_run import close_licence_run
from activities.license_accounts import license_accounts
from activities.reserve_seats import reserve_seats
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.licence_requests import LicenceChunk, LicenceProgress, LicenceRun
from bascule.domain.plan import CohortPlan
from bascule.domain.requests import BatchRef
from bascule.ports.bundle import Ports
from sandbox.bound.ports import bound_ports
from sandbox.in_process.plan import LICENCE, plan_of
from sandbox.world.coexistence import prepare_coexistence
from sandbox.world.directory import User
from sandbox.world.licences import Seats
from sandbox.world.weather import CALM, Span
from sandbox.world.world import World
from tests.activities.seat_race import ContestedLedger

LAG = replace(CALM, graph_replication=Span(60, 120))
PLACES = ("before the write", "after a licence")


class School:
    """Two cohorts of one licence, two newcomers each, and a batch of two that may reserve."""

    def __init__(self, seat_count: int) -> None:
        self.now_utc = datetime(2026, 11, 3, 8, tzinfo=UTC)
        self.world = World(3, lambda: self.now_utc, LAG)
        cohorts = {
            name: CohortPlan(LICENCE, usage_location="FR", addresses=(f"{name}.*@example.org",))
            for name in ("a", "b")
        }
        plan = plan_of(self.world, prepare_coexistence(self.world))
        self.ledger = ContestedLedger()
        plan = replace(plan, cohorts={**plan.cohorts, **cohorts})
        self.ports: Ports = replace(bound_ports(self.world, plan), ledger=self.ledger)
        directory = self.world.tenant.directory
        for address in (*self.newcomers("a"), *self.newcomers("b")):
            draft = User("", address, address, address[:3], self.now_utc, password="Tr0ub4dor&3!")
            directory.create(replace(draft, usage_location="FR"))
        directory.buy(LICENCE, Seats(enabled=seat_count))
        self.now_utc += timedelta(hours=1)

    def newcomers(self, cohort: str) -> tuple[str, ...]:
        """Addresses."""
        return tuple(f"{cohort}.{at}@example.org" for at in range(2))

    def run(self, cohort: str) -> LicenceRun:
        """The run over a cohort."""
        return LicenceRun(f"licences-{cohort}", "operator", cohort=cohort)

    def license(self, cohort: str) -> list[str]:
        """License the newcomers of a cohort; the codes of those who were refused."""
        chunk = LicenceChunk(self.run(cohort), self.newcomers(cohort))
        outcome = license_accounts(self.ports, chunk)
        assert (outcome.left, outcome.not_yet) == ((), ())
        return [line.code for line in outcome.refused]

    def admit(self) -> None:
        """Reserve for a batch of two."""
        rows = "b1@example.org,b1,x\r\nb2@example.org,b2,x\r\n"
        content = f"EmailAddress,UserName,Password\r\n{rows}".encode()
        self.ports.blobs.upload("lot-1", content)
        reserve_seats(self.ports, BatchRef("lot-1"))

    def taken(self) -> int:
        """Licences that newcomers really hold."""
        users = [
            self.world.tenant.directory.truth(address)
            for address in (*self.newcomers("a"), *self.newcomers("b"))
        ]
        return sum(1 for user in users if user and user.licences)

    def disturb(self, place: str, other: Callable[[], object]) -> None:
        """Let somebody else act once in the middle of what comes next."""
        waiting = [other]

        def act(*_: object) -> None:
            if waiting:
                waiting.pop()()

        if place == PLACES[0]:
            self.ledger.between = act
        else:
            self.world.tenant.directory.on_licences_changed.append(act)


@pytest.mark.parametrize("place", PLACES)
def test_two_runs_at_one_moment_give_no_more_than_is_left(place: str) -> None:
    """One tick of the timer starts both; the two seats of the batch went with theirs."""
    school = School(seat_count=4)
    school.admit()
    refused: list[str] = []
    school.disturb(place, lambda: refused.extend(school.license("b")))

    refused += school.license("a")

    assert school.taken() == 2
    assert refused == [Code.NO_SEAT] * 2


@pytest.mark.parametrize("place", PLACES)
def test_a_batch_that_is_admitted_meanwhile_is_refused_or_whole(place: str) -> None:
    """Whoever reserves first has it, and the other is told."""
    school = School(seat_count=2)
    answers: list[Code | None] = []

    def admit() -> None:
        try:
            school.admit()
        except Refusal as no:
            answers.append(no.code)
        else:
            answers.append(None)

    school.disturb(place, admit)
    refused = school.license("a")

    # The run's first seat is reserved before anything of it is seen; the batch comes in before that, or not at all.
    assert (answers, school.taken(), refused) in (
        ([None], 0, [Code.NO_SEAT] * 2),
        ([Code.NO_SEAT], 2, []),
    )


def test_seats_that_a_run_has_given_are_counted_while_the_directory_does_not_show_them() -> None:
    """Its replicas lag by minutes, and the next run of the timer is there at once."""
    school = School(seat_count=2)

    assert school.license("a") == []
    close_licence_run(school.ports, LicenceProgress(school.run("a"), is_planned=True))

    assert school.license("b") == [Code.NO_SEAT] * 2


def test_what_a_run_reserved_and_did_not_give_is_free_again_after_its_end() -> None:
    """Somebody's licence was refused for another reason; the seat must not be lost."""
    school = School(seat_count=2)
    assert school.license("a") == []
    directory = school.world.tenant.directory
    for address in school.newcomers("a"):
        directory.delete(address)
    close_licence_run(school.ports, LicenceProgress(school.run("a"), is_planned=True))
    assert school.license("b") == [Code.NO_SEAT] * 2

    school.now_utc += timedelta(minutes=15)

    assert school.license("b") == []
    assert list(school.ledger.reserve_seats(_sku_id(school), lambda now: now)) == [
        "newcomers:licences-b"
    ]
    assert school.ports.documents.names("seats.newcomers:licences-a") == ()


def test_a_run_that_was_lost_keeps_its_seats_for_a_day() -> None:
    """Its story was ended by hand: nobody closes it."""
    school = School(seat_count=2)
    school.license("a")
    for address in school.newcomers("a"):
        school.world.tenant.directory.delete(address)

    school.now_utc += timedelta(hours=23)
    assert school.license("b") == [Code.NO_SEAT] * 2
    school.now_utc += timedelta(hours=2)
    assert school.license("b") == []


def test_the_same_chunk_again_reserves_nothing_more() -> None:
    """The host died after the first change, and the step is repeated."""
    school = School(seat_count=2)

    assert school.license("a") == school.license("a") == []

    reserved = school.ledger.reserve_seats(_sku_id(school), lambda now: now)
    assert reserved == {"newcomers:licences-a": 2}


def _sku_id(school: School) -> str:
    return school.world.tenant.directory.shelf.by_part_number(LICENCE).sku_id
