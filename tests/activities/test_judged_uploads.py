"""The upload that is taken in is the upload that was judged, and an address is held by whoever has a mailbox of it."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from activities.address_claims import claim_all
from activities.apply_difference import apply_difference
from activities.check_domains import check_domains
from activities.file_difference import file_difference
from activities.register_batch import register_batch
from activities.reserve_seats import reserve_seats
from activities.validate_upload import validate_upload
from bascule.domain.codes import Code
from bascule.domain.errors import Conflict, Refusal
from bascule.domain.requests import BatchRef, UploadKind
from bascule.ports.bundle import Ports
from sandbox.in_process.plan import LICENCE
from sandbox.in_process.simulation import BATCH, Options, Simulation
from sandbox.world.licences import Seats
from sandbox.world.population import Person


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """Three people, and no batch yet."""
    with Simulation(Options(people_count=3, messages_each=11)) as made:
        yield made


@pytest.mark.parametrize("step", [check_domains, reserve_seats, register_batch, file_difference])
def test_an_upload_that_replaced_the_judged_one_is_not_taken_in(
    simulation: Simulation, step: Callable[[Ports, BatchRef], int]
) -> None:
    """Nobody has claimed its addresses: two batches would move one mailbox."""
    ports = simulation.ports
    anna, ben, carl = simulation.people
    ports.blobs.upload("lot-2", simulation.csv([carl]))
    verdict = validate_upload(ports, BatchRef("lot-2"))
    ports.blobs.upload("lot-2", simulation.csv([anna, ben, carl]))

    with pytest.raises(Conflict, match="since it was judged"):
        step(ports, BatchRef("lot-2", verdict.etag))
    assert simulation.batch("lot-2") is None
    assert simulation.records("lot-2") == []


def test_an_upload_replaced_between_two_steps_is_judged_anew(simulation: Simulation) -> None:
    """The operator corrects the file in the very minute in which it is taken in."""
    anna, ben, carl = simulation.people
    simulation.upload(simulation.csv([anna, ben]), "lot-1")
    ports = simulation.ports
    ports.blobs.upload("lot-2", simulation.csv([carl]))
    find, files = ports.blobs.find_upload, [simulation.csv([anna, carl])]

    def found_once(name: str) -> object:
        upload = find(name)
        if name == "lot-2" and files:
            ports.blobs.upload(name, files.pop())
        return upload

    ports.blobs.find_upload = found_once  # type: ignore[assignment, method-assign]
    simulation.knock("lot-2")
    simulation.pass_time(hours=1)

    assert simulation.batch("lot-2") is None
    [mistake] = simulation.report("lot-2/refused.json")["mistakes"]
    assert "lot-1" in mistake["what"]


def judged(simulation: Simulation, name: str, *people: Person) -> UploadKind:
    """What becomes of a file with these people."""
    simulation.ports.blobs.upload(name, simulation.csv(people))
    return validate_upload(simulation.ports, BatchRef(name)).kind


def test_the_addresses_of_an_upload_that_waits_are_held(simulation: Simulation) -> None:
    """Both batches would be taken in as soon as there are seats."""
    anna, ben, _ = simulation.people

    assert judged(simulation, "lot-1", anna) is UploadKind.NEW
    assert judged(simulation, "lot-2", anna, ben) is UploadKind.INVALID
    assert judged(simulation, "lot-3", ben) is UploadKind.NEW


def test_the_addresses_of_an_upload_that_was_taken_away_are_free(simulation: Simulation) -> None:
    """A file deleted or renamed while it waits would hold them for ever."""
    anna, *_ = simulation.people
    assert judged(simulation, "lot-1", anna) is UploadKind.NEW
    simulation.ports.blobs.discard("lot-1.csv")

    assert judged(simulation, "lot-2", anna) is UploadKind.NEW
    assert set(simulation.ports.ledger.claimed().values()) == {"lot-2"}


def test_an_upload_that_was_put_back_claims_before_it_is_taken_in(simulation: Simulation) -> None:
    """Taken away and put back between two steps, its addresses may be another batch's by now."""
    ports = simulation.ports
    anna, *_ = simulation.people
    assert judged(simulation, "lot-1", anna) is UploadKind.NEW
    upload = ports.blobs.find_upload("lot-1")
    assert upload is not None
    ports.blobs.discard("lot-1.csv")
    assert judged(simulation, "lot-2", anna) is UploadKind.NEW
    ports.blobs.upload("lot-1", upload.content)

    with pytest.raises(Refusal, match="in lot-2"):
        register_batch(ports, BatchRef("lot-1"))
    assert simulation.batch("lot-1") is None


def test_the_new_addresses_of_an_accepted_file_are_held(simulation: Simulation) -> None:
    """They are claimed before their rows are written; a batch judged in between must not take them."""
    ports = simulation.ports
    anna, ben, _ = simulation.people
    ports.blobs.upload(BATCH, simulation.csv([anna]))
    register_batch(ports, BatchRef(BATCH))
    ports.blobs.upload(BATCH, simulation.csv([anna, ben]))
    file_difference(ports, BatchRef(BATCH))
    ports.ledger.amend_batch(
        BATCH, lambda row: replace(row, accepted_fingerprint=row.pending_fingerprint)
    )
    assert claim_all(ports, BATCH, [ben.address]) == {}

    assert judged(simulation, "lot-2", ben) is UploadKind.INVALID
    apply_difference(ports, BatchRef(BATCH))
    assert judged(simulation, "lot-3", ben) is UploadKind.INVALID


def test_an_accepted_file_without_seats_lets_its_new_addresses_go(simulation: Simulation) -> None:
    """The batch never gets these mailboxes, and no other could have them."""
    ports = simulation.ports
    anna, ben, _ = simulation.people
    ports.blobs.upload(BATCH, simulation.csv([anna]))
    register_batch(ports, BatchRef(BATCH))
    ports.blobs.upload(BATCH, simulation.csv([anna, ben]))
    file_difference(ports, BatchRef(BATCH))
    ports.ledger.amend_batch(
        BATCH, lambda row: replace(row, accepted_fingerprint=row.pending_fingerprint)
    )
    shelf = simulation.world.tenant.directory.shelf
    shelf.seats[shelf.by_part_number(LICENCE).sku_id] = Seats(1)

    with pytest.raises(Refusal) as refused:
        apply_difference(ports, BatchRef(BATCH))
    assert refused.value.code is Code.NO_SEAT
    assert len(ports.ledger.claimed()) == 1
