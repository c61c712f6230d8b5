"""Open sealed passwords for hand-out, page by page; the journal says who took how many."""

from dataclasses import dataclass, replace

from activities.hand_out import opened
from activities.import_passwords import BATCH
from bascule.domain.hand_out import ENTRY_PREFIX, HandOut, Person
from bascule.domain.hand_out_form import HandOutRow
from bascule.domain.password_requests import Selection
from bascule.domain.records import JournalEntry
from bascule.ports.bundle import Ports


@dataclass(frozen=True)
class ExportRequest:
    """Whose passwords, from where on, and which of them."""

    selection: Selection
    asked_by: str
    after: str = ""
    count_max: int = 500
    is_new_only: bool = False
    """Only those that nobody has exported yet."""
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
    """The passwords in force of the selection, at most a page of people, in the order of their keys."""
    names = [n for n in ports.documents.names(ENTRY_PREFIX) if n > ENTRY_PREFIX + request.after]
    rows: list[HandOutRow] = []
    uncertain_count, last = 0, ""
    for name in names:
        if len(rows) >= request.count_max:
            break
        last = name
        entry = ports.documents.find(name, HandOut)
        if entry is None or not _is_wanted(entry, request):
            continue
        if entry.current and not entry.current.is_certain and not request.has_uncertain:
            uncertain_count += 1
            continue
        row = _opened_row(ports, name, entry)
        rows += [row] if row else []
    _note(ports, request, len(rows))
    is_over = not names or last == names[-1]
    return ExportPage(tuple(rows), "" if is_over else last[len(ENTRY_PREFIX) :], uncertain_count)


def _opened_row(ports: Ports, name: str, entry: HandOut) -> HandOutRow | None:
    password = opened(ports, entry.current) if entry.current else None
    if password is None:
        return None
    now_utc = ports.clock.now_utc()
    ports.documents.amend(
        name,
        HandOut,
        lambda stored: replace(
            stored or entry, export_count=(stored or entry).export_count + 1, exported_utc=now_utc
        ),
    )
    return HandOutRow(entry.person, password)


def _is_wanted(entry: HandOut, request: ExportRequest) -> bool:
    if entry.current is None or (request.is_new_only and entry.export_count):
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
