"""Take in a list of passwords: checked whole, sealed, set by the next reset of these people."""

from collections.abc import Callable
from dataclasses import replace

from activities.hand_out import seal_many
from bascule.domain.cohorts import DEFAULT_COHORT, CohortChoice, CohortsAmbiguous, is_never_touched
from bascule.domain.hand_out import Person, person_of
from bascule.domain.hand_out_file import Columns, ImportedFile, Known, read_list
from bascule.domain.passwords import password_for
from bascule.domain.records import JournalEntry
from bascule.domain.stages import Stage
from bascule.ports.bundle import Ports

BATCH = "passwords"
"""Under which name of a batch the journal keeps what concerns passwords of many."""


def import_passwords(
    ports: Ports, raw: bytes, columns: Columns, *, request: str, asked_by: str, is_dry_run: bool
) -> ImportedFile:
    """The list as it was read; sealed unless this is a dry run.

    Raises:
        BatchFileInvalid: with every mistake; nothing was sealed.
    """
    file = read_list(raw, columns, _known(ports), ports.plan.cohorts)
    if is_dry_run:
        return file
    cohorts = ports.plan.cohorts
    new = [
        (row.person, password_for(cohorts[row.person.cohort], row.password)) for row in file.rows
    ]
    seal_many(ports, request, new)
    ports.journal.note(
        JournalEntry(
            ports.clock.now_utc(),
            BATCH,
            request,
            "passwords imported",
            "",
            f"{len(file.rows)} sealed",
            asked_by,
        )
    )
    return file


def _known(ports: Ports) -> Known:
    """Everybody by their last row, as a reset finds them; who has none belongs to a cohort by the plan's patterns."""
    people: dict[str, Person] = {}
    for batch in sorted(ports.ledger.batches(), key=lambda batch: batch.uploaded_utc):
        rows = ports.ledger.mailboxes(batch.name) if batch.is_open else ()
        people |= {r.address: person_of(r) for r in rows if r.stage is not Stage.ABANDONED}
    choose = _stranger(ports)

    def known(address: str) -> Person | str:
        if is_never_touched(ports.plan.accounts, address):
            return "is one that accounts.never_touch protects"
        person = people.get(address) or choose(address)
        if isinstance(person, Person) and person.cohort not in ports.plan.cohorts:
            return "is of a cohort that the plan no longer has"
        return person

    return known


def _stranger(ports: Ports) -> Callable[[str], Person | str]:
    choice = CohortChoice(ports.plan.cohorts)

    def choose(address: str) -> Person | str:
        try:
            return replace(Person(address), cohort=choice.choose(address) or DEFAULT_COHORT)
        except CohortsAmbiguous as ambiguous:
            return str(ambiguous)

    return choose
