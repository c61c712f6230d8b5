"""Compare the tenant with what was prepared, and tell the operator of what is not so any more."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from activities.tenant_parts import GUARD_PERIOD_S, compared, note_tenant
from bascule.domain.errors import BasculeError, Refusal, Throttled, Unreachable
from bascule.domain.tenant import Difference
from bascule.domain.tenant_records import (
    DRIFT,
    RECORD,
    Drift,
    Finding,
    TenantFacts,
    TenantQuestion,
    TenantRecord,
)
from bascule.ports.bundle import Ports

logger = logging.getLogger("bascule.guard")

# One look in three unanswered is an ordinary night of a cloud service.
UNKNOWN_ALERT = timedelta(seconds=3 * GUARD_PERIOD_S)


def see_tenant(ports: Ports, question: TenantQuestion) -> TenantFacts:
    """What differs from the record now; nothing is compared before anything was prepared or adopted.

    A look that is not answered leaves what was found before, and says since when nothing is known.
    """
    record = ports.documents.find(RECORD, TenantRecord)
    if record is None:
        return TenantFacts(0, "")
    now_utc = ports.clock.now_utc()
    try:
        found, _ = compared(ports, record.objects)
    except (Unreachable, Throttled, Refusal) as away:
        drift = _unanswered(ports, now_utc, str(away))
    else:
        drift = _answered(ports, now_utc, found, question.asked_by)
    _tell(ports, drift, now_utc)
    return TenantFacts(len(drift.findings), drift.danger, _is_unknown(drift, now_utc))


def _unanswered(ports: Ports, now_utc: datetime, why: str) -> Drift:
    def change(stored: Drift | None) -> Drift:
        drift = stored or Drift()
        since_utc = drift.unknown_since_utc or now_utc
        return replace(drift, unknown_since_utc=since_utc, unknown_why=why)

    return ports.documents.amend(DRIFT, Drift, change)


def _answered(
    ports: Ports, now_utc: datetime, found: tuple[Difference, ...], asked_by: str
) -> Drift:
    before: list[Drift] = []

    def change(stored: Drift | None) -> Drift:
        before[:] = [stored or Drift()]
        known = {finding.difference: finding for finding in before[0].findings}
        findings = tuple(known.get(each, Finding(each, now_utc)) for each in found)
        return Drift(looked_utc=now_utc, findings=findings)

    drift = ports.documents.amend(DRIFT, Drift, change)
    was = {finding.difference for finding in before[0].findings}
    for each in found:
        if each not in was:
            note_tenant(ports, "drift", each.wanted, str(each), asked_by)
    for gone in was - set(found):
        note_tenant(ports, "drift", str(gone), "as recorded again", asked_by)
    return drift


def _tell(ports: Ports, drift: Drift, now_utc: datetime) -> None:
    """Alert of each finding once; what could not be sent is tried at the next look."""
    news = [finding.difference for finding in drift.findings if finding.told_utc is None]
    if news and _send(ports, "The tenant is not as it was prepared", _text(news, drift.danger)):
        _mark(ports, lambda stored: _told(stored, set(news), now_utc))
    if _is_unknown(drift, now_utc) and not drift.unknown_told_utc:
        text = f"Since {drift.unknown_since_utc:%d.%m. %H:%M} UTC nothing is known: {drift.unknown_why}"
        if _send(ports, "The tenant cannot be watched", text):
            _mark(ports, lambda stored: replace(stored, unknown_told_utc=now_utc))


def _is_unknown(drift: Drift, now_utc: datetime) -> bool:
    since_utc = drift.unknown_since_utc
    return since_utc is not None and now_utc - since_utc >= UNKNOWN_ALERT


def _send(ports: Ports, subject: str, text: str) -> bool:
    """Whether the alert is on its way; what is not told stays to be told."""
    try:
        ports.notifier.alert(subject, text)
    except BasculeError as failure:
        # The log has the alert already; a mailbox that is gone must not keep the guard from its next look.
        logger.warning("the alert was not mailed: %s", failure)
        return False
    return True


def _mark(ports: Ports, change: Callable[[Drift], Drift]) -> None:
    ports.documents.amend(DRIFT, Drift, lambda stored: change(stored or Drift()))


def _told(drift: Drift, news: set[Difference], now_utc: datetime) -> Drift:
    """With the time at the findings of which the alert spoke; two looks at once may have found different things."""
    findings = tuple(
        replace(f, told_utc=f.told_utc or now_utc) if f.difference in news else f
        for f in drift.findings
    )
    return replace(drift, findings=findings)


def _text(news: list[Difference], danger: str) -> str:
    lines = [str(difference) for difference in news]
    if danger:
        lines += ["No mailbox is turned until this is repaired: bascule tenant repair"]
    return "\n".join(lines)
