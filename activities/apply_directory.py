"""Do some of the changes that separate the tenant from the files."""

from dataclasses import replace

from activities.directory_store import changes_from, head_of, note_change, note_refusal
from bascule.domain.codes import Code
from bascule.domain.directory_objects.changes import Change, Deed
from bascule.domain.directory_objects.records import (
    HEAD,
    ChunkFacts,
    ChunkRequest,
    DirectoryHead,
)
from bascule.domain.directory_objects.values import (
    Right,
    WantedContact,
    WantedGroup,
    WantedMailbox,
)
from bascule.domain.errors import (
    InvariantBroken,
    NotYet,
    Refusal,
    Throttled,
    Unreachable,
)
from bascule.ports.bundle import Ports
from bascule.ports.recipients import Recipients

# A write takes a second or two: a step stays well below the minutes after which hosts give up on it.
CHUNK_COUNT_MAX = 25
# A server that did not answer is asked again after this.
UNREACHABLE_WAIT_S = 30.0
# Another list is in force: the story looks where it stands.
OVERTAKEN_WAIT_S = 1.0


def apply_directory(ports: Ports, request: ChunkRequest) -> ChunkFacts:
    """Do the next changes of the list, each of which may be repeated; how far it has come.

    One change that Exchange refuses is written down and does not hold up the others. What somebody is missing for is
    left to the next comparison.

    Raises:
        Throttled, Unreachable: at the first of them; nothing was done.
        Refusal(PERMISSION_MISSING): nothing will go without it.
    """
    head = head_of(ports)
    if head.plan_id != request.plan_id or head.position > request.position:
        wait_s = 0.0 if head.plan_id == request.plan_id else OVERTAKEN_WAIT_S
        return ChunkFacts(
            head.position, head.change_count, wait_s
        )  # done by an earlier attempt whose answer was lost
    chunk = _chunk(ports, head)
    done: dict[str, int] = {}
    for at, change in enumerate(chunk, head.position):
        try:
            is_done = _try(ports, head, change)
        except (Throttled, Unreachable) as early:
            if at == head.position:
                raise
            wait_s = early.wait_s if isinstance(early, Throttled) else UNREACHABLE_WAIT_S
            return _advance(ports, head, at, done, wait_s)
        if is_done:
            done[change.deed] = done.get(change.deed, 0) + 1
    return _advance(ports, head, head.position + len(chunk), done)


def _chunk(ports: Ports, head: DirectoryHead) -> tuple[Change, ...]:
    if not head.has_work:
        return ()
    return changes_from(ports, head.plan_id, head.position)[:CHUNK_COUNT_MAX]


def _try(ports: Ports, head: DirectoryHead, change: Change) -> bool:
    if change.is_removal and not head.removals_agreed:
        raise InvariantBroken(f"{change.address}: a removal nobody asked for")
    try:
        perform(ports.recipients, change)
    except NotYet:
        return False
    except Refusal as refusal:
        why = f"{change.deed} {change.whom}".strip() + f": {refusal.detail}"
        note_refusal(ports, change.address, why)
        if refusal.code is Code.PERMISSION_MISSING or isinstance(refusal, InvariantBroken):
            raise
        return False
    note_change(ports, change, head.asked_by)
    return True


def perform(port: Recipients, change: Change) -> None:
    """One change as one call on the port."""
    match change.deed, change.wanted:
        case Deed.CREATE_CONTACT, WantedContact() as contact:
            port.create_contact(contact, change.name)
        case Deed.CREATE_MAILBOX, WantedMailbox() as mailbox:
            port.create_shared_mailbox(mailbox, change.name)
        case Deed.CREATE_GROUP, WantedGroup() as group:
            port.create_group(group, change.name)
        case Deed.CORRECT_CONTACT, WantedContact() as contact:
            port.correct_contact(contact)
        case Deed.CORRECT_MAILBOX, WantedMailbox() as mailbox:
            port.correct_shared_mailbox(mailbox)
        case Deed.CORRECT_GROUP, WantedGroup() as group:
            port.correct_group(group)
        case _:
            _with_somebody(port, change)


def _with_somebody(port: Recipients, change: Change) -> None:
    address, whom = change.address, change.whom
    match change.deed:
        case Deed.ADD_OWNER:
            port.add_owner(address, whom)
        case Deed.REMOVE_OWNER:
            port.remove_owner(address, whom)
        case Deed.ADD_MEMBER:
            port.add_member(address, whom)
        case Deed.REMOVE_MEMBER:
            port.remove_member(address, whom)
        case Deed.GRANT:
            port.grant(address, whom, Right(change.right), is_mapped=change.is_mapped)
        case Deed.REVOKE:
            port.revoke(address, whom, Right(change.right))
        case _:
            raise InvariantBroken(f"{change.deed} of {address} without what is wanted")


def _advance(
    ports: Ports, head: DirectoryHead, position: int, done: dict[str, int], wait_s: float = 0.0
) -> ChunkFacts:
    def change(stored: DirectoryHead | None) -> DirectoryHead:
        current = stored or head
        if current.plan_id != head.plan_id or current.position != head.position:
            return current
        counts = {
            name: current.done.get(name, 0) + done.get(name, 0) for name in {*current.done, *done}
        }
        return replace(current, position=position, done=counts)

    now = ports.documents.amend(HEAD, DirectoryHead, change)
    return ChunkFacts(position, now.change_count, wait_s)
