"""Say what holds a batch up: to whoever asks, and once a day by mail."""

from dataclasses import replace
from datetime import timedelta

from bascule.domain.records import StandingHoldUp, hold_up_document
from bascule.domain.requests import HoldUp
from bascule.ports.bundle import Ports

ALERT_EVERY = timedelta(hours=24)


def report_hold_up(ports: Ports, found: HoldUp) -> bool:
    """Whether it is held up. What has passed is forgotten, so that the next one is told at once."""
    document, now_utc = hold_up_document(found.name), ports.clock.now_utc()
    if not found.detail:
        ports.documents.remove(document)
        return False

    def noted(stored: StandingHoldUp | None) -> StandingHoldUp:
        return replace(stored or StandingHoldUp("", now_utc), detail=found.detail)

    told_utc = ports.documents.amend(document, StandingHoldUp, noted).told_utc
    if told_utc is None or now_utc - told_utc >= ALERT_EVERY:
        ports.notifier.alert(f"Batch {found.name} is held up", found.detail)
        ports.documents.amend(
            document, StandingHoldUp, lambda stored: replace(noted(stored), told_utc=now_utc)
        )
    return True
