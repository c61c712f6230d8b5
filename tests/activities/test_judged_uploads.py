"""The upload that is taken in is the upload that was judged, and an address is held by whoever has a mailbox of it."""

from collections.abc import Callable, Iterator

import pytest

from activities.check_domains import check_domains
from activities.file_difference import file_difference
from activities.register_batch import register_batch
from activities.reserve_seats import reserve_seats
from activities.validate_upload import validate_upload
from bascule.domain.errors import Conflict
from bascule.domain.requests import BatchRef
from bascule.ports.bundle import Ports
from sandbox.in_process.simulation import Options, Simulation


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
