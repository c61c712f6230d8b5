"""See which accounts of a run differ from what the plan says of their licences."""

from collections.abc import Iterator
from dataclasses import replace

from activities.licence_subjects import Subject, Subjects
from activities.licensing import PLANS_AGE_MAX_S
from bascule.domain.errors import Refusal
from bascule.domain.licence_requests import (
    RUN_COUNT_MAX,
    LicenceLine,
    LicencePreview,
    LicenceRun,
    LicenceWork,
)
from bascule.domain.licences import unknown_services
from bascule.ports.bundle import Ports

REFUSALS_SHOWN_MAX = 100
# A preview is read by a person; a whole batch has 50 000 rows at most, and most of them change alike.
LINES_MAX = 5_000
# Newcomers about whom the alias map is asked in one look, a connection each: some two minutes, and an answer over HTTP
# has four.
ROUTES_ASKED_MAX = 5_000


def find_licence_changes(ports: Ports, run: LicenceRun) -> LicenceWork:
    """The accounts to change, as many of them as the run may; nothing is written."""
    lines = list(_lines(ports, run))
    refused = [line for line in lines if line.code]
    return LicenceWork(
        tuple(line.address for line in lines if line.change and not line.is_left_over),
        sum(line.is_left_over for line in lines),
        tuple(refused[:REFUSALS_SHOWN_MAX]),
        len(refused),
    )


def preview_licences(ports: Ports, run: LicenceRun) -> LicencePreview:
    """What the run would change, account by account, what it could not, and what it would leave to the next one."""
    told: list[LicenceLine] = []
    unchanged_count = left_over_count = 0
    for line in _lines(ports, run):
        left_over_count += line.is_left_over
        if not (line.change or line.code):
            unchanged_count += 1
        elif len(told) < LINES_MAX:
            told.append(line)
    unknown = _unknown_services(ports, run)
    return LicencePreview(tuple(told), unchanged_count, unknown, left_over_count)


def _lines(ports: Ports, run: LicenceRun) -> Iterator[LicenceLine]:
    """Of every account. Beyond the limits it is left over, and nobody asks where a newcomer's mail goes."""
    subjects = Subjects(ports, run)
    mailbox_room, newcomer_room, question_room = RUN_COUNT_MAX, run.count_max, ROUTES_ASKED_MAX
    for subject in subjects.all():
        line = subjects.line(subject)
        if line.change and not subject.is_newcomer:
            line = replace(line, is_left_over=mailbox_room <= 0)
            mailbox_room -= 1
        elif line.change and min(newcomer_room, question_room) <= 0:
            line = replace(line, is_left_over=True)
        elif line.change:
            line = _asked(subjects, subject, line)
            question_room -= 1
            newcomer_room -= bool(line.change)
        yield line


def _asked(subjects: Subjects, newcomer: Subject, line: LicenceLine) -> LicenceLine:
    """The line of a newcomer, or the refusal when their mail is still elsewhere."""
    try:
        subjects.check_arrived(newcomer)
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
