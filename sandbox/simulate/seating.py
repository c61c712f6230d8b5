"""Invariant 5: never more licences than seats; a batch has its seats before its first write, or is refused whole."""

from collections import Counter

from bascule.domain.stages import Stage
from sandbox.simulate.deeds import batch_name
from sandbox.simulate.existence import Existence, LifeBroken
from sandbox.simulate.life import DeedKind

PROMISE = "5 seats"


def seats_suffice(life: Existence) -> None:
    """Never more licences than seats."""
    shelf = life.world.tenant.directory.shelf
    taken = Counter(sku_id for person in life.people for sku_id in _held(life, person.address))
    for sku_id, count in taken.items():
        if count > shelf.seats[sku_id].assignable():
            raise LifeBroken(PROMISE, f"{count} licences of {sku_id} are given out")


def seats_were_reserved(life: Existence, step: str, subject: str, answer: str) -> None:
    """What is registered has its seats, taken or claimed; what is refused has written nothing."""
    if answer != "Done":
        return
    if step == "reserve_seats":
        # Seats that others take after this are not the batch's fault.
        life.seats_counted[subject] = life.done[DeedKind.SEATS_TAKEN]
    elif step == "register_batch":
        _check_registered(life, subject)
    elif step == "refuse_upload":
        _check_refused(life, subject)


def _check_registered(life: Existence, batch: str) -> None:
    if batch not in life.seats_counted:
        raise LifeBroken(PROMISE, f"{batch} was registered before its seats were counted")
    if life.seats_counted[batch] != life.done[DeedKind.SEATS_TAKEN]:
        return
    shelf = life.world.tenant.directory.shelf
    for sku_id, people in claims(life).items():
        seat_count = shelf.seats[sku_id].assignable()
        if len(people) > seat_count:
            what = f"{len(people)} have or claim {sku_id}, of which there are {seat_count}"
            raise LifeBroken(PROMISE, f"{batch} was registered: {what}")


def claims(life: Existence) -> dict[str, set[str]]:
    """{licence: the people who have a seat of it, or will have one because their batch is open}, by address."""
    shelf = life.world.tenant.directory.shelf
    people = {sku_id: set[str]() for sku_id in shelf.products}
    for person in life.people:
        for sku_id in _held(life, person.address):
            people[sku_id].add(person.address)
    closed = {batch.name for batch in life.ports.ledger.batches() if batch.closed_utc}
    for row in life.records():
        if row.stage is not Stage.ABANDONED and row.batch not in closed:
            licence = shelf.by_part_number(life.plan.cohort(row.cohort).licence)
            people[licence.sku_id].add(row.address)
    return people


def _check_refused(life: Existence, name: str) -> None:
    batch = life.ports.ledger.find_batch(name)
    if batch is not None and batch.is_open:
        return  # another file for a batch that runs
    ledger = life.ports.ledger
    written = {
        "rows": [row.key for row in ledger.mailboxes(name) if row.stage is not Stage.ABANDONED],
        "claims": [key for key, holder in ledger.claimed().items() if holder == name],
        "passwords": life.ports.secrets.kept_count(name),
        "journal": list(life.ports.journal.entries(name)),
        "accounts": _accounts_of(life, name),
    }
    found = sorted(what for what, kept in written.items() if kept)
    if found:
        raise LifeBroken(PROMISE, f"{name} was refused and has left {', '.join(found)}")


def _accounts_of(life: Existence, name: str) -> list[str]:
    batches = enumerate(life.life.batches)
    numbers = [person for n, batch in batches if batch_name(n) == name for person in batch]
    directory = life.world.tenant.directory
    return [each for n in numbers if directory.truth(each := life.people[n].address)]


def _held(life: Existence, address: str) -> set[str]:
    user = life.world.tenant.directory.truth(address)
    return {licence.sku_id for licence in user.licences} if user else set()
