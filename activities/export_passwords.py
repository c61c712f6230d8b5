"""Open sealed passwords for hand-out, page by page; the journal says who took how many."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from activities.hand_out import opened
from activities.import_passwords import BATCH
from bascule.domain.hand_out import ENTRY_PREFIX, HandOut, Person, entry_name
from bascule.domain.hand_out_form import HandOutRow
from bascule.domain.password_requests import Selection
from bascule.domain.records import JournalEntry
from bascule.ports.bundle import Ports

# A page opens at most 500 of them; to look at so many takes some ten seconds, far below the 230 s that a front door waits.
LOOKED_COUNT_MAX = 1_000


@dataclass(frozen=True)
class ExportRequest:
    """Whose passwords, from where on, and which of them."""

    selection: Selection
    asked_by: str
    after: str = ""
    count_max: int = 500
    is_new_only: bool = False
    """Only those of which nobody has said yet that they are written down."""
    has_uncertain: bool = False
    """Also those of accounts that were found after a creation whose answer was lost: another may be in force."""


@dataclass(frozen=True)
class ExportPage:
    """Passwords in clear: for the answer to the person who asked, and for nothing else."""

    rows: tuple[HandOutRow, ...]
    following: str
    uncertain_count: int
    """How many were withheld because they are not certain."""


def export_passwords(ports: Ports, request: ExportRequest) -> ExportPage:
    """The passwords in force of the selection, at most a page of people, in the order of their keys.

    A page may be short, or empty, and not the last: few of those who were looked at are of the selection.
    """
    names = _names(ports, request)
    rows: list[HandOutRow] = []
    uncertain_count, last = 0, ""
    for name in names[:LOOKED_COUNT_MAX]:
        if len(rows) >= request.count_max:
            break
        last = name
        entry = ports.documents.find(name, HandOut)
        if entry is None or not _is_wanted(entry, request):
            continue
        if entry.current and not entry.current.is_certain and not request.has_uncertain:
            uncertain_count += 1
            continue
        row = _opened_row(ports, entry)
        rows += [row] if row else []
    _note(ports, request, len(rows))
    is_over = not names or last == names[-1]
    return ExportPage(tuple(rows), "" if is_over else last[len(ENTRY_PREFIX) :], uncertain_count)


def _names(ports: Ports, request: ExportRequest) -> list[str]:
    """The entries to look at; of people by name, theirs alone."""
    named = request.selection.addresses
    names = {entry_name(each) for each in named} if named else ports.documents.names(ENTRY_PREFIX)
    return sorted(name for name in names if name > ENTRY_PREFIX + request.after)


def _opened_row(ports: Ports, entry: HandOut) -> HandOutRow | None:
    password = opened(ports, entry.current) if entry.current else None
    if entry.current is None or password is None:
        return None
    return HandOutRow(entry.person, password, entry.current.set_utc)


def count_exported(ports: Ports, written: Mapping[str, datetime]) -> int:
    """Whoever took these passwords has written them down; how many are counted. Repeatable.

    `written` has the instants at which they came into force, by address: one that was set meanwhile is not counted.
    """
    return sum(_count(ports, address, set_utc) for address, set_utc in written.items())


def _count(ports: Ports, address: str, set_utc: datetime) -> bool:
    name, now_utc = entry_name(address), ports.clock.now_utc()
    entry = ports.documents.find(name, HandOut)
    if entry is None or not _is_in_force(entry, set_utc):
        return False

    def change(stored: HandOut | None) -> HandOut:
        now = stored or entry
        return replace(now, exported_utc=now_utc) if _is_in_force(now, set_utc) else now

    ports.documents.amend(name, HandOut, change)
    return True


def _is_in_force(entry: HandOut, set_utc: datetime) -> bool:
    return entry.current is not None and entry.current.set_utc == set_utc


def _is_wanted(entry: HandOut, request: ExportRequest) -> bool:
    if entry.current is None or (request.is_new_only and entry.exported_utc):
        return False
    return is_of(entry.person, request.selection)


def is_of(person: Person, selection: Selection) -> bool:
    """Whether a person is of the selection."""
    if selection.addresses:
        return person.address in selection.addresses
    pairs = (
        (selection.batch, person.batch),
        (selection.cohort, person.cohort),
        (selection.unit, person.unit),
    )
    return all(not wanted or wanted == found for wanted, found in pairs)


def _note(ports: Ports, request: ExportRequest, count: int) -> None:
    chosen = request.selection
    key = " ".join(
        filter(None, (chosen.batch, chosen.cohort, chosen.unit, f"{len(chosen.addresses)} named"))
    )
    now_utc = ports.clock.now_utc()
    ports.journal.note(
        JournalEntry(now_utc, BATCH, key, "passwords exported", "", str(count), request.asked_by)
    )
