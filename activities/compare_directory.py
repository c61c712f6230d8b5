"""Compare the tenant with the files, and write down what is to be done; or that nothing is left to do."""

from dataclasses import replace

from activities.directory_look import difference_of
from activities.directory_store import (
    difference_view,
    head_of,
    is_agreed,
    keep_awaited,
    keep_changes,
    note_refusal,
    refusals_of,
    wanted_of,
    write_report,
)
from bascule.domain.codec import encode
from bascule.domain.directory_objects.changes import Change, Difference
from bascule.domain.directory_objects.records import (
    HEAD,
    REFUSALS,
    DirectoryHead,
    DirectoryRef,
    Phase,
    Standing,
    asked,
)
from bascule.domain.errors import Refusal
from bascule.ports.bundle import Ports

# One round creates, the next fills what it created; the others are for servers that tell each other slowly.
ROUND_COUNT_MAX = 8
THE_TENANT = "the tenant"
ARRIVALS = "mailboxes that arrived"


def compare_directory(ports: Ports, ref: DirectoryRef) -> Standing:
    """Where the directory stands after a look at the whole tenant.

    A new list of changes is in force then; or there are none, or as many rounds as are allowed were made, and the
    report is written.
    """
    del ref
    head = _begun(ports)
    try:
        difference = difference_of(ports, wanted_of(ports, head.fingerprint))
    except Refusal as refusal:
        note_refusal(ports, THE_TENANT, refusal.detail)
        raise
    changes = difference.changes
    if is_agreed(ports, difference.removals, head.removals_agreed):
        changes += difference.removals
    is_last = head.round_number >= ROUND_COUNT_MAX
    if not (changes and is_last):
        # Each round tries everything anew: what was refused before is refused again, or is no longer true.
        ports.documents.remove(REFUSALS)
    if changes and not is_last:
        return _list(ports, head, changes)
    return _settle(ports, head, difference)


def _begun(ports: Ports) -> DirectoryHead:
    """The application that is under way; one begins for those who arrived when none is."""
    head = head_of(ports)
    if head.is_under_way:
        return head
    now_utc = ports.clock.now_utc()

    def change(stored: DirectoryHead | None) -> DirectoryHead:
        current = stored or head
        return current if current.is_under_way else asked(current, now_utc, ARRIVALS)

    return ports.documents.amend(HEAD, DirectoryHead, change)


def _list(ports: Ports, head: DirectoryHead, changes: tuple[Change, ...]) -> Standing:
    plan_id = keep_changes(ports, changes)

    def change(stored: DirectoryHead | None) -> DirectoryHead:
        current = stored or head
        if current.request_number != head.request_number or current.has_work:
            return current  # somebody asked anew, or an earlier attempt of this step was here
        return replace(
            current,
            plan_id=plan_id,
            position=0,
            change_count=len(changes),
            round_number=current.round_number + 1,
        )

    now = ports.documents.amend(HEAD, DirectoryHead, change)
    return Standing(
        Phase.APPLY,
        now.plan_id,
        now.position,
        now.change_count,
        now.waiting_count,
        now.round_number,
    )


def _settle(ports: Ports, head: DirectoryHead, difference: Difference) -> Standing:
    people = {each.address for each in difference.waiting}
    keep_awaited(ports, people)
    write_report(
        ports,
        {
            "agrees": not difference.changes and not difference.blocked,
            "fingerprint": head.fingerprint,
            "asked_by": head.asked_by,
            "asked_utc": encode(head.asked_utc),
            "removals_agreed": head.removals_agreed,
            "done": head.done,
            "refused": refusals_of(ports),
            "left": difference_view(difference),
        },
    )
    now_utc = ports.clock.now_utc()

    def change(stored: DirectoryHead | None) -> DirectoryHead:
        current = stored or head
        if current.request_number != head.request_number:
            return current
        return replace(current, settled_utc=now_utc, removals_agreed="", waiting_count=len(people))

    now = ports.documents.amend(HEAD, DirectoryHead, change)
    phase = Phase.COMPARE if now.is_under_way else Phase.WATCH if people else Phase.IDLE
    return Standing(phase, waiting_count=now.waiting_count, round_number=now.round_number)
