"""Say what the directory's story has to do next."""

from datetime import timedelta

from activities.directory_look import arrived
from activities.directory_store import awaited_people, find_head
from bascule.domain.directory_objects.records import (
    DirectoryHead,
    DirectoryRef,
    Phase,
    Standing,
)
from bascule.ports.bundle import Ports

# Somebody who has a mailbox may still be unknown to Exchange's lists: looked for again after this, not at once.
ARRIVAL_GAP = timedelta(minutes=15)
# Mailboxes are opened without a batch, too; once a day nobody minds the calls.
LONG_LOOK = timedelta(hours=24)


def read_directory(ports: Ports, ref: DirectoryRef) -> Standing:
    """Where the directory stands, without a call to the tenant."""
    del ref
    head = find_head(ports)
    if head is None:
        return Standing(Phase.IDLE)
    return Standing(
        _phase(ports, head),
        head.plan_id,
        head.position,
        head.change_count,
        head.waiting_count,
        head.round_number,
    )


def _phase(ports: Ports, head: DirectoryHead) -> Phase:
    if head.is_under_way:
        return Phase.APPLY if head.has_work else Phase.COMPARE
    if not head.waiting_count or head.settled_utc is None:
        return Phase.IDLE
    age = ports.clock.now_utc() - head.settled_utc
    is_due = age >= LONG_LOOK or (age >= ARRIVAL_GAP and arrived(ports, awaited_people(ports)))
    return Phase.COMPARE if is_due else Phase.WATCH
