"""End a run over licences: remember what the timer has to know, and tell the operator what could not be done."""

from dataclasses import replace

from activities.newcomer_seats import release_newcomers
from bascule.domain.licence_requests import CohortRuns, LicenceProgress
from bascule.ports.bundle import Ports

NAMES_SHOWN_MAX = 10


def close_licence_run(ports: Ports, progress: LicenceProgress) -> bool:
    """Write down that the cohort's services are on, that newcomers were looked for, or that it stopped; repeatable.

    What it has reserved for newcomers and not given is let go.
    """
    run = progress.run
    if run.is_dry_run:
        return True
    if run.cohort:
        release_newcomers(ports, run)
        note = _noted_stopped if progress.stopped else _noted
        ports.documents.amend(
            runs_document(run.cohort),
            CohortRuns,
            lambda known: note(ports, progress, known or CohortRuns()),
        )
    if progress.refused_count or progress.stopped:
        ports.notifier.alert(*_alert(progress))
    return True


def _noted(ports: Ports, progress: LicenceProgress, before: CohortRuns) -> CohortRuns:
    run = progress.run
    dated = ports.plan.cohorts[run.cohort].services_after_at_utc
    # With accounts left over, the timer comes again.
    served = dated if not progress.more_count else ""
    newcomers_utc = ports.clock.now_utc() if run.has_newcomers else before.newcomers_utc
    return CohortRuns(served or before.services_on_for, newcomers_utc)


def _noted_stopped(ports: Ports, progress: LicenceProgress, before: CohortRuns) -> CohortRuns:
    """Nothing of it counts as done: the timer comes again, after a pause."""
    del progress
    return replace(before, stopped_utc=ports.clock.now_utc())


def runs_document(cohort: str) -> str:
    """Under which name the timer's memory of a cohort is kept."""
    return f"licences.{cohort}"


def _alert(progress: LicenceProgress) -> tuple[str, str]:
    what = progress.run.batch or progress.run.cohort
    shown = "\n".join(
        f"{line.address}: {line.code}: {line.detail}" for line in progress.refused[:NAMES_SHOWN_MAX]
    )
    subject = f"{progress.refused_count} licences of {what} could not be changed"
    if progress.stopped:
        left_count = len(progress.addresses)
        subject = (
            f"the run over the licences of {what} stopped, {left_count} accounts before its end"
        )
    return subject, "\n".join(filter(None, (progress.run.request, progress.stopped, shown)))
