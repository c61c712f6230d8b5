"""End a run over licences: remember what the timer has to know, and tell the operator what could not be done."""

from dataclasses import replace

from bascule.domain.licence_requests import CohortRuns, LicenceProgress
from bascule.ports.bundle import Ports

NAMES_SHOWN_MAX = 10


def close_licence_run(ports: Ports, progress: LicenceProgress) -> bool:
    """Write down that the cohort's services are on, and that newcomers were looked for; repeatable."""
    run = progress.run
    if run.cohort and not run.is_dry_run:
        dated = ports.plan.cohorts[run.cohort].services_after_at_utc
        # With accounts left over, the timer comes again.
        served = dated if not progress.more_count else ""
        now_utc = ports.clock.now_utc()

        def noted(known: CohortRuns | None) -> CohortRuns:
            before = known or CohortRuns()
            newcomers_utc = now_utc if run.has_newcomers else before.newcomers_utc
            return replace(
                before,
                services_on_for=served or before.services_on_for,
                newcomers_utc=newcomers_utc,
            )

        ports.documents.amend(runs_document(run.cohort), CohortRuns, noted)
    if progress.refused_count and not run.is_dry_run:
        ports.notifier.alert(*_alert(progress))
    return True


def runs_document(cohort: str) -> str:
    """Under which name the timer's memory of a cohort is kept."""
    return f"licences.{cohort}"


def _alert(progress: LicenceProgress) -> tuple[str, str]:
    what = progress.run.batch or progress.run.cohort
    shown = "\n".join(
        f"{line.address}: {line.code}: {line.detail}" for line in progress.refused[:NAMES_SHOWN_MAX]
    )
    subject = f"{progress.refused_count} licences of {what} could not be changed"
    return subject, f"{progress.run.request}\n{shown}"
