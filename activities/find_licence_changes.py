"""See which accounts of a run differ from what the plan says of their licences."""

from collections.abc import Iterator
from dataclasses import replace

from activities.licence_subjects import Subject, Subjects
from activities.licensing import PLANS_AGE_MAX_S
from bascule.domain.errors import Refusal
from bascule.domain.licence_requests import LicenceLine, LicencePreview, LicenceRun, LicenceWork
from bascule.domain.licences import unknown_services
from bascule.ports.bundle import Ports

REFUSALS_SHOWN_MAX = 100
# A preview is read by a person; a whole batch has 50 000 rows at most, and most of them change alike.
LINES_MAX = 5_000


def find_licence_changes(ports: Ports, run: LicenceRun) -> LicenceWork:
    """The accounts to change, at most as many as the run may; nothing is written."""
    lines = list(_lines(ports, run))
    changing = [line.address for line in lines if line.change]
    refused = [line for line in lines if line.code]
    return LicenceWork(
        tuple(changing[: run.count_max]),
        max(0, len(changing) - run.count_max),
        tuple(refused[:REFUSALS_SHOWN_MAX]),
        len(refused),
    )


def preview_licences(ports: Ports, run: LicenceRun) -> LicencePreview:
    """Exactly what the run would change, account by account, and what it could not; nothing is written."""
    told: list[LicenceLine] = []
    unchanged_count = 0
    for line in _lines(ports, run):
        if not (line.change or line.code):
            unchanged_count += 1
        elif len(told) < LINES_MAX:
            told.append(line)
    return LicencePreview(tuple(told), unchanged_count, _unknown_services(ports, run))


def _lines(ports: Ports, run: LicenceRun) -> Iterator[LicenceLine]:
    subjects = Subjects(ports, run)
    return (_line(subjects, subject) for subject in subjects.all())


def _line(subjects: Subjects, subject: Subject) -> LicenceLine:
    line = subjects.line(subject)
    if line.change and subject.is_newcomer:
        try:
            subjects.check_arrived(subject)
        except Refusal as no:
            return replace(line, change="", code=no.code, detail=no.detail)
    return line


def _unknown_services(ports: Ports, run: LicenceRun) -> tuple[str, ...]:
    stock = ports.directory.licence_stock(PLANS_AGE_MAX_S)
    return tuple(
        f"{name}: {service}"
        for name, cohort in sorted(ports.plan.cohorts.items())
        if not run.cohort or name == run.cohort
        for service in unknown_services(stock, cohort)
    )
